"""A second set of limits beside the live one: evaluated on every order that opens risk, counted, never acting."""

from collections import Counter
from decimal import Decimal

from msgspec import Struct

from shared.domain.risk.bounds import Bounds
from shared.domain.risk.decide import Ruling, decide_opening
from shared.domain.risk.limit_words import differing
from shared.domain.risk.state import RiskState
from shared.domain.risk.view import View
from shared.messages.ask import ShadowAsked, ShadowCounted
from shared.messages.base import cut, derived_id
from shared.messages.orders import OrderDecided, OrderProposed

SHADOW = "shadow"
ZERO = Decimal(0)


class ShadowCounts(Struct, frozen=True, kw_only=True):
    """See ``ShadowCounted``. policy: of the shadow limits that were counted with; others begin a new count."""

    policy: str
    since_ns: int = 0
    decisions: int = 0
    would_trim: int = 0
    would_reject: int = 0
    would_allow_more: int = 0
    by_rule: dict[str, int] = {}


SHADOW_RECORDS: dict[str, type[Struct]] = {SHADOW: ShadowCounts}


class Shadow:
    """``before`` sees the order while the portfolio is as the gate will see it; ``after`` compares.

    The counts go into the records by ``store``, about once a second: a crash costs the last second's counts and no
    order. Without shadow limits every call returns at once.
    """

    def __init__(self, state: RiskState) -> None:
        self._state = state
        limits = state.plan.shadow
        self._bounds = Bounds(limits, state.plan, state.speed) if limits is not None else None
        self._ruling: Ruling | None = None
        self.restored()

    def restored(self) -> None:
        """Go on from the stored counts, if they are of these limits."""
        if self._bounds is None:
            return
        stored = self._state.records.get(SHADOW, "", ShadowCounts)
        policy = self._bounds.policy
        counts = stored if stored is not None and stored.policy == policy else ShadowCounts(policy=policy)
        self._since_ns, self._decisions = counts.since_ns, counts.decisions
        self._trims, self._rejects, self._more = counts.would_trim, counts.would_reject, counts.would_allow_more
        self._by_rule = Counter(counts.by_rule)
        self._stored = self._decisions

    # --- beside the gate ------------------------------------------------------------------------------------------

    def before(self, order: OrderProposed) -> None:
        """The verdict under the shadow limits, on the portfolio as it is."""
        if self._bounds is None or order.side != "buy":
            return
        self._ruling = decide_opening(order, View(order, self._state, self._bounds))

    def after(self, order: OrderProposed, decided: OrderDecided) -> None:
        """Count the difference to what was decided."""
        if self._bounds is None or order.side != "buy" or self._ruling is None:
            return
        ruling, self._ruling = self._ruling, None
        self._since_ns = self._since_ns or decided.time_ns
        self._decisions += 1
        approved = decided.quantity_approved
        if approved > ZERO:
            self._bounds.pace.count(order.strategy, order.symbol, self._state.now_ns)
        if ruling.quantity == approved:
            return
        if ruling.quantity > approved:
            self._more += 1
            self._by_rule[decided.binding] += 1
            return
        self._by_rule[ruling.binding] += 1
        if ruling.quantity > ZERO:
            self._trims += 1
        else:
            self._rejects += 1

    # --- counts ---------------------------------------------------------------------------------------------------

    def store(self) -> None:
        """Write the counts down if they changed."""
        if self._bounds is None or self._stored == self._decisions:
            return
        self._stored = self._decisions
        counts = ShadowCounts(
            policy=self._bounds.policy,
            since_ns=self._since_ns,
            decisions=self._decisions,
            would_trim=self._trims,
            would_reject=self._rejects,
            would_allow_more=self._more,
            by_rule=dict(self._by_rule),
        )
        self._state.records.put(SHADOW, "", counts)

    def counted(self, asked: ShadowAsked) -> ShadowCounted:
        """The answer to a question."""
        present = self._bounds is not None
        return ShadowCounted(
            id=derived_id("shadow", asked.id),
            cause=asked.id,
            trace=asked.trace_id,
            time_ns=self._state.now_ns or asked.time_ns,
            reply_to=asked.reply_to,
            policy=self._bounds.policy if self._bounds is not None else "",
            decisions=self._decisions if present else 0,
            would_trim=self._trims if present else 0,
            would_reject=self._rejects if present else 0,
            would_allow_more=self._more if present else 0,
            by_rule=dict(self._by_rule.most_common()) if present else {},
            summary=cut(self._summary()),
            since_ns=self._since_ns if present else 0,
        )

    def _summary(self) -> str:
        """``with 6 % heat, 14 of 212 orders would have been trimmed``"""
        if self._bounds is None:
            return "there are no shadow limits; write those that differ into shadow.toml, beside limits.toml"
        names = differing(self._bounds.limits, self._state.limits)
        if not names:
            return f"the shadow limits are those in force; {self._decisions} orders were compared"
        done = [(self._trims, "trimmed"), (self._rejects, "rejected"), (self._more, "given more")]
        told = [f"{count} {word}" for count, word in done if count]
        if not told:
            return f"with {names}, none of {self._decisions} orders would have been decided differently"
        first, _, word = told[0].partition(" ")
        rest = "".join(f", {each}" for each in told[1:])
        return f"with {names}, {first} of {self._decisions} orders would have been {word}{rest}"
