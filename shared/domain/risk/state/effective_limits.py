"""The limits and all that derives from them in one object, which is replaced when they change."""

from hashlib import blake2b

from msgspec import structs

from shared.domain.plan import Limits, Plan
from shared.domain.risk.state.client_shares import shares_of
from shared.domain.risk.state.throttle import Throttle
from shared.domain.timeframes import SECOND_NS


class EffectiveLimits:
    """The limits as orders are held to them.

    limits: as they are set.
    mark_age_ns, book_age_ns: their age limits in market time.
    stop_floor: how near a stop may count, as a fraction of the price.
    most_open_orders: as a float.
    clients: what is each client's own part of them.
    throttle: what was approved lately under these limits.
    policy: the short name of all that decides.

    speed: market seconds in a wall second, by which the age limits and the throttle's windows stretch.
    before: the limits that these replace; what was approved under them counts on.
    """

    __slots__ = (
        "book_age_ns", "clients", "limits", "mark_age_ns", "most_open_orders", "policy", "stop_floor", "throttle",
    )  # fmt: skip

    def __init__(self, limits: Limits, plan: Plan, speed: float, *, before: "EffectiveLimits | None" = None) -> None:
        self.limits = limits
        self.mark_age_ns = limits.mark_age_seconds * speed * SECOND_NS
        self.book_age_ns = limits.book_age_seconds * speed * SECOND_NS
        self.stop_floor = plan.sizing.stop_atr * limits.atr_floor
        self.most_open_orders = float(limits.max_open_orders)
        self.clients = shares_of(plan.clients, limits)
        self.throttle: Throttle = Throttle(
            limits,
            speed,
            before=before.throttle if before is not None else None,
            clients={name: share.orders_per_second for name, share in self.clients.items()},
        )
        self.policy = policy_of(limits, plan)


def policy_of(limits: Limits, plan: Plan) -> str:
    """A short name for all that decides, so that a decision says what it was held to.

    These are 12 hex digits that change with all that decides: a limit, a cost, a breaker, how ATR, stop and ADV are
    measured, and what clients may.

    The phase is not among it, for a decision has it in a field of its own.
    """
    sizing = plan.sizing
    parts = [
        *structs.astuple(limits),
        *structs.astuple(plan.costs),
        *structs.astuple(plan.breakers),
        *(sizing.stop_atr, sizing.atr_days, sizing.adv_days),
        *sorted(plan.clients.items()),
    ]
    return blake2b("\x1f".join(map(repr, parts)).encode(), digest_size=6).hexdigest()
