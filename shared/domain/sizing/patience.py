"""When a purchase that was refused or cut is asked for again. Pure functions.

A halt ends with a message, so an order that met one waits for that; or for the next bar, in case the halt is over
already. Every other rule gives way without saying so: it is asked again after 1, 2, 4, 8 ... bars, at most a day apart.
Once target, position or limits have changed it is another question, and the next bar asks it. Never twice on one bar.
Only purchases wait: what reduces risk is none of this module's business.
"""

from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from shared.domain.timeframes import DAY_NS
from shared.messages.orders import OrderClosed, OrderDecided

BY_A_HALT = "halted"  # the rule's name in OrderDecided.binding
MOST_DOUBLINGS = 32  # from a second to more than a day
ZERO = Decimal(0)


class Asked(Struct, frozen=True):
    """A pair's last proposed purchase, and what came of it. Amounts in base units of the pair's newest name.

    bar_ns: close of the bar that it was asked on. target: the position that it was to lead to. band: what is too little
    to matter. exposure: position and what was in flight before it. had: what it was given, once it stands. stands: it
    was refused, or cut. refusals: how often on end, halts not counted.
    """

    order_id: str
    bar_ns: int
    target: float
    band: float
    exposure: Decimal
    had: Decimal = ZERO
    refusals: int = 0
    stands: bool = False

    def has_to_wait(self, question: "Question", step_ns: int) -> bool:
        """Whether it is too early to ask (again). step_ns: a bar's length."""
        if not self.stands:
            return False
        if question.bar_ns <= self.bar_ns:
            return True
        return not question.is_another_than(self) and question.bar_ns < self.bar_ns + wait_ns(self.refusals, step_ns)


class Question(Struct, frozen=True):
    """A purchase that could be proposed on the bar that closed at ``bar_ns``; the rest as in ``Asked``.

    A target that differs by the band or less is the same.
    """

    bar_ns: int
    target: float
    band: float
    exposure: Decimal

    def is_another_than(self, asked: Asked) -> bool:
        """Whether target or position have changed since; what that order itself was given does not count."""
        return abs(self.target - asked.target) > self.band or self.exposure != asked.exposure + asked.had

    def asked_as(self, order_id: str, before: Asked | None) -> Asked:
        """It is proposed, and carries on the count of refusals if it is the same question as before."""
        goes_on = before is not None and before.stands and not self.is_another_than(before)
        refusals = before.refusals if before is not None and goes_on else 0
        return Asked(order_id, self.bar_ns, self.target, self.band, self.exposure, refusals=refusals)


def wait_ns(refusals: int, step_ns: int) -> int:
    """From one asking to the next after so many refusals on end: 1, 2, 4, 8 ... bars, at most a day (or one bar)."""
    if not refusals:
        return 0
    doublings = min(refusals - 1, MOST_DOUBLINGS)
    return min(step_ns << doublings, max(DAY_NS, step_ns))


def after_verdict(asked: Asked | None, decided: OrderDecided, ratio: Decimal) -> Asked | None:
    """The gate answered. The first no counts, and counts once; the count begins anew with a part worth having."""
    if asked is None or asked.order_id != decided.order_id or asked.stands or decided.verdict == "approve":
        return asked
    had = decided.quantity_approved * ratio
    if decided.binding == BY_A_HALT:
        refusals = 0
    elif had and float(had) >= asked.band:
        refusals = 1
    else:
        refusals = asked.refusals + 1
    return replace(asked, stands=True, refusals=refusals, had=had)


def after_end(asked: Asked | None, closed: OrderClosed, ratio: Decimal) -> Asked | None:
    """The exchange would not have it, or not in time: that is a no as well."""
    if asked is None or asked.order_id != closed.order_id or closed.ending not in ("rejected", "expired"):
        return asked
    refusals = asked.refusals if asked.stands else asked.refusals + 1
    return replace(asked, stands=True, refusals=refusals, had=closed.quantity_filled * ratio)


def after_resumption(asked: Asked | None) -> Asked | None:
    """The last halt over the pair ended: what only a halt stood against has nothing to wait for."""
    return None if asked is not None and asked.stands and not asked.refusals else asked


def after_new_limits(asked: Asked | None) -> Asked | None:
    """What the old limits did not allow, the new ones may: the next bar asks."""
    return replace(asked, refusals=0) if asked is not None and asked.refusals else asked
