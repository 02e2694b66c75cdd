"""A second set of limits beside the live one: evaluated on every order that opens risk, counted, never acting."""

from collections import Counter

from msgspec import Struct, structs

from shared.domain.numbers import ZERO
from shared.domain.risk.gate.verdict import Ruling, decide_opening
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.effective_limits import EffectiveLimits
from shared.domain.risk.state.limit_words import differing
from shared.domain.risk.state.state import RiskState
from shared.domain.words import counted
from shared.messages.ask import ShadowAsked, ShadowCounted
from shared.messages.base import derived_id, truncate
from shared.messages.orders import OrderDecided, OrderProposed

SHADOW = "shadow"


class ShadowCounts(Struct, frozen=True, kw_only=True):
    """What was counted so far; the fields are those of ``ShadowCounted``.

    policy: of the shadow limits that were counted with. Others begin a new count.
    """

    policy: str
    since_ns: int = 0
    decisions: int = 0
    would_trim: int = 0
    would_reject: int = 0
    would_allow_more: int = 0
    by_rule: dict[str, int] = {}


SHADOW_RECORDS: dict[str, type[Struct]] = {SHADOW: ShadowCounts}


class Shadow:
    """Compares what the shadow limits would decide with what was decided.

    ``before`` sees the order while the portfolio is as the gate will see it, and ``after`` compares. The counts go into
    the records by ``store``, about once a second, so a crash costs the last second's counts and no order. Without
    shadow limits every call returns at once.
    """

    def __init__(self, state: RiskState) -> None:
        self._state = state
        limits = state.plan.shadow
        self._effective = EffectiveLimits(limits, state.plan, state.speed) if limits is not None else None
        self._ruling: Ruling | None = None
        self.restored()

    def restored(self) -> None:
        """Go on from the stored counts, if they are of these limits."""
        policy = self._effective.policy if self._effective is not None else ""
        stored = self._state.records.get(SHADOW, "", ShadowCounts)
        self._counts = self._stored = stored if stored and stored.policy == policy else ShadowCounts(policy=policy)

    # --- beside the gate ------------------------------------------------------------------------------------------

    def before(self, order: OrderProposed) -> None:
        """The verdict under the shadow limits, on the portfolio as it is."""
        self._ruling = None
        if self._effective is None or order.side != "buy":
            return
        self._ruling = decide_opening(order, View(order, self._state, self._effective))

    def after(self, order: OrderProposed, decided: OrderDecided) -> None:
        """Count the difference to what was decided."""
        if self._effective is None or self._ruling is None:
            return
        ruling, self._ruling = self._ruling, None
        approved, counts = decided.quantity_approved, self._counts
        if approved > ZERO:
            self._effective.throttle.count(decided.client, order.strategy, order.symbol, self._state.now_ns)
        more, less = ruling.quantity > approved, ruling.quantity < approved
        rule = decided.binding if more else ruling.binding
        self._counts = structs.replace(
            counts,
            since_ns=counts.since_ns or decided.time_ns,
            decisions=counts.decisions + 1,
            would_trim=counts.would_trim + (less and ruling.quantity > ZERO),
            would_reject=counts.would_reject + (less and not ruling.quantity),
            would_allow_more=counts.would_allow_more + more,
            by_rule=counts.by_rule | {rule: counts.by_rule.get(rule, 0) + 1} if more or less else counts.by_rule,
        )

    # --- counts ---------------------------------------------------------------------------------------------------

    def store(self) -> None:
        """Write the counts down if they changed."""
        if self._stored is not self._counts:
            self._stored = self._counts
            self._state.records.put(SHADOW, "", self._counts)

    def answer(self, asked: ShadowAsked) -> ShadowCounted:
        """The answer to a question."""
        counts = self._counts
        return ShadowCounted(
            id=derived_id("shadow", asked.id),
            cause=asked.id,
            trace=asked.trace_id,
            time_ns=self._state.now_ns or asked.time_ns,
            reply_to=asked.reply_to,
            policy=counts.policy,
            decisions=counts.decisions,
            would_trim=counts.would_trim,
            would_reject=counts.would_reject,
            would_allow_more=counts.would_allow_more,
            by_rule=dict(Counter(counts.by_rule).most_common()),
            summary=truncate(self._summary()),
            since_ns=counts.since_ns,
        )

    def _summary(self) -> str:
        """``with 6 % heat, 14 of 212 orders would have been trimmed``"""
        if self._effective is None:
            return "there are no shadow limits; write those that differ into shadow.toml, beside limits.toml"
        orders = counted(self._counts.decisions, "order")
        names = differing(self._effective.limits, self._state.limits)
        if not names:
            return f"the shadow limits are those in force; {orders} compared"
        done = [
            (self._counts.would_trim, "trimmed"),
            (self._counts.would_reject, "rejected"),
            (self._counts.would_allow_more, "given more"),
        ]
        parts = [f"{count} {word}" for count, word in done if count]
        if not parts:
            return f"with {names}, none of {orders} would have been decided differently"
        first, _, word = parts[0].partition(" ")
        rest = "".join(f", {each}" for each in parts[1:])
        return f"with {names}, {first} of {orders} would have been {word}{rest}"
