"""Two lists of decisions side by side: of two runs, or of a run and a live stack. The first one that differs is named.

Decisions are matched by the id of their order, which follows from the bar and the signal that led to it, so the same
market and the same strategies give the same ids everywhere.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.backtest.recorder.decisions import Decision

FIELDS = ("symbol", "side", "requested", "verdict", "approved", "binding")


@dataclass(frozen=True)
class Difference:
    """One decision that is not the same on both sides; None on the side that does not have it."""

    first: Decision | None
    second: Decision | None

    @property
    def time_ns(self) -> int:
        return min(each.time_ns for each in (self.first, self.second) if each is not None)

    @property
    def fields(self) -> tuple[str, ...]:
        """In what they differ; empty where only one side has it."""
        if self.first is None or self.second is None:
            return ()
        return tuple(name for name in FIELDS if getattr(self.first, name) != getattr(self.second, name))


@dataclass(frozen=True)
class Comparison:
    """How two lists of decisions compare. differences: in order of time."""

    same: int
    differences: Sequence[Difference]

    @property
    def only_first(self) -> int:
        return sum(each.second is None for each in self.differences)

    @property
    def only_second(self) -> int:
        return sum(each.first is None for each in self.differences)


def compared(
    first: Iterable[Decision], second: Iterable[Decision], *, from_ns: int = 0, until_ns: int = 0
) -> Comparison:
    """Both lists within the times that are named; 0 for no bound."""
    ones = {each.order_id: each for each in first if _is_within(each, from_ns, until_ns)}
    others = {each.order_id: each for each in second if _is_within(each, from_ns, until_ns)}
    pairs = [Difference(ones.get(order_id), others.get(order_id)) for order_id in dict.fromkeys([*ones, *others])]
    differing = [each for each in pairs if each.first is None or each.second is None or each.fields]
    return Comparison(len(pairs) - len(differing), sorted(differing, key=_by_time))


def in_words(difference: Difference, first: str, second: str) -> str:
    """One difference in a sentence. first, second: how the two sides are called."""
    one, other = difference.first, difference.second
    if one is None or other is None:
        there, where, absent = (one, first, second) if one is not None else (other, second, first)
        assert there is not None, "one of the two sides has it"
        return f"{_order(there)}: {where} has it ({_verdict(there)}), {absent} does not"
    fields = ", ".join(difference.fields)
    return f"{_order(one)}: {first} {_verdict(one)}; {second} {_verdict(other)} (differs in {fields})"


def _order(decision: Decision) -> str:
    return f"{decision.order_id}, {decision.side} {decision.requested:f} {decision.symbol}"


def _verdict(decision: Decision) -> str:
    binding = f" by {decision.binding}" if decision.binding else ""
    return f"{decision.verdict} {decision.approved:f}{binding}"


def _is_within(decision: Decision, from_ns: int, until_ns: int) -> bool:
    return from_ns <= decision.time_ns and (not until_ns or decision.time_ns < until_ns)


def _by_time(difference: Difference) -> tuple[int, str]:
    found = difference.first or difference.second
    assert found is not None
    return difference.time_ns, found.order_id
