"""When a purchase that was refused or cut is proposed again. Pure functions.

A halt ends with a message, so a purchase that met one waits for that message; or for the next bar, in case the halt is
over already. Every other rule gives way without saying so: then the purchase is proposed again after 1, 2, 4, 8 ...
bars, at most a day apart. Once target, position or limits have changed it is another purchase, and the next bar may
propose it. Nothing is proposed twice on one bar.

Only purchases wait. What reduces risk is never held back, and never comes here.
"""

from decimal import Decimal

from msgspec import Struct, field
from msgspec.structs import replace

from shared.domain.numbers import ZERO
from shared.domain.timeframes import DAY_NS
from shared.messages.orders import OrderClosed, OrderDecided

BY_A_HALT = "halted"  # the rule's name in OrderDecided.binding
MOST_DOUBLINGS = 32  # from a second to more than a day


class Attempt(Struct, frozen=True):
    """A pair's last proposed purchase, and what came of it. Amounts in base units of the pair's newest name.

    bar_ns: market time at which the bar closed that it was proposed on.
    target: the position that it was to lead to.
    band: what is too little to matter.
    exposure: position and what was in flight before it.
    approved: what it was given, once it fell short.
    refusals: how often in a row it fell short, halts not counted.
    fell_short: whether it was refused or cut.
    """

    order_id: str
    bar_ns: int
    target: float
    band: float
    exposure: Decimal
    approved: Decimal = field(default=ZERO, name="had")  # these two have other names in stored records
    refusals: int = 0
    fell_short: bool = field(default=False, name="stands")

    def has_to_wait(self, purchase: "Purchase", step_ns: int) -> bool:
        """Whether it is too early to propose the purchase. step_ns: a bar's length."""
        if not self.fell_short:
            return False
        if purchase.bar_ns <= self.bar_ns:
            return True
        is_early = purchase.bar_ns < self.bar_ns + wait_ns(self.refusals, step_ns)
        return is_early and not purchase.differs_from(self)


class Purchase(Struct, frozen=True):
    """A purchase that could be proposed on the bar that closed at ``bar_ns``. The fields are those of ``Attempt``."""

    bar_ns: int
    target: float
    band: float
    exposure: Decimal

    def differs_from(self, attempt: Attempt) -> bool:
        """Whether target or position have changed since the attempt.

        A target that differs by the band or less is the same. What the attempt itself was given is no change.
        """
        return abs(self.target - attempt.target) > self.band or self.exposure != attempt.exposure + attempt.approved

    def to_attempt(self, order_id: str, before: Attempt | None) -> Attempt:
        """The purchase is proposed. It carries on the count of refusals if it is the same as the attempt before it."""
        goes_on = before is not None and before.fell_short and not self.differs_from(before)
        refusals = before.refusals if before is not None and goes_on else 0
        return Attempt(order_id, self.bar_ns, self.target, self.band, self.exposure, refusals=refusals)


def wait_ns(refusals: int, step_ns: int) -> int:
    """How long to wait after so many refusals in a row: 1, 2, 4, 8 ... bars, at most a day (or one bar)."""
    if not refusals:
        return 0
    doublings = min(refusals - 1, MOST_DOUBLINGS)
    return min(step_ns << doublings, max(DAY_NS, step_ns))


def after_verdict(attempt: Attempt | None, decided: OrderDecided, ratio: Decimal) -> Attempt | None:
    """The gate decided. The first refusal counts, and counts once; a part worth having begins the count anew."""
    if attempt is None or attempt.order_id != decided.order_id or attempt.fell_short or decided.verdict == "approve":
        return attempt
    approved = decided.quantity_approved * ratio
    if decided.binding == BY_A_HALT:
        refusals = 0
    elif approved and float(approved) >= attempt.band:
        refusals = 1
    else:
        refusals = attempt.refusals + 1
    return replace(attempt, fell_short=True, refusals=refusals, approved=approved)


def after_end(attempt: Attempt | None, closed: OrderClosed, ratio: Decimal) -> Attempt | None:
    """An order that the exchange rejected, or did not fill in time, was refused as well."""
    if attempt is None or attempt.order_id != closed.order_id or closed.ending not in ("rejected", "expired"):
        return attempt
    refusals = attempt.refusals if attempt.fell_short else attempt.refusals + 1
    return replace(attempt, fell_short=True, refusals=refusals, approved=closed.quantity_filled * ratio)


def after_resumption(attempt: Attempt | None) -> Attempt | None:
    """The last halt over the pair ended: a purchase that met nothing but a halt need not wait any longer."""
    return None if attempt is not None and attempt.fell_short and not attempt.refusals else attempt


def after_new_limits(attempt: Attempt | None) -> Attempt | None:
    """What the old limits did not allow, the new ones may: the next bar may propose it."""
    return replace(attempt, refusals=0) if attempt is not None and attempt.refusals else attempt
