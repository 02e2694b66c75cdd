"""Two sides to compare: each the report of a backtest, or what a live stack has recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from services.backtest.compare import Comparison, compared
from services.backtest.live_decisions import Recorded
from services.backtest.recorder.decisions import Decision
from services.backtest.report_files import Report, read_report
from shared.application.errors import UserError
from shared.application.wording.formats import clock

DIGESTS = ("data", "config", "code")


@dataclass(frozen=True)
class Side:
    """One of the two.

    name: how people call it. from_ns, until_ns: market times between which it has every decision.
    report: of a backtest; None for a live stack. unreadable: entries of a live stream that are no messages.
    """

    name: str
    decisions: Sequence[Decision]
    from_ns: int
    until_ns: int
    report: Report | None = None
    unreadable: int = 0


@dataclass(frozen=True)
class Outcome:
    """What came of it. from_ns, until_ns: market times between which both sides were compared."""

    first: Side
    second: Side
    from_ns: int
    until_ns: int
    comparison: Comparison

    @property
    def is_same(self) -> bool:
        """Whether every decision is on both sides, and the same."""
        return not self.comparison.differences

    @property
    def digests(self) -> dict[str, bool] | None:
        """Of data, configuration and code, whether both runs were made of the same; None with a live stack."""
        if self.first.report is None or self.second.report is None:
            return None
        one, other = self.first.report.run.setup.digests, self.second.report.run.setup.digests
        return {name: getattr(one, name) == getattr(other, name) for name in DIGESTS}


def side_of_report(folder: Path) -> Side:
    """The report of a backtest. Raises ``UserError``."""
    report, decisions = read_report(folder)
    return Side(str(folder), decisions, report.run.start_ns, report.run.end_ns + 1, report)


def side_of_stack(recorded: Recorded, name: str) -> Side:
    """A live stack. Raises ``UserError`` for one that has decided nothing."""
    if not recorded.decisions:
        raise UserError(f"{name}: no decision is recorded there")
    return Side(name, recorded.decisions, recorded.from_ns, recorded.until_ns, unreadable=recorded.unreadable)


def compare_sides(first: Side, second: Side, *, from_ns: int = 0, until_ns: int = 0) -> Outcome:
    """Both within the times of which both know, and that are named; 0 for no bound. Raises ``UserError``."""
    begin_ns = max(from_ns, first.from_ns, second.from_ns)
    end_ns = min(until_ns or first.until_ns, first.until_ns, second.until_ns)
    if begin_ns >= end_ns:
        spans = "; ".join(f"{each.name}: {clock(each.from_ns)} to {clock(each.until_ns)}" for each in (first, second))
        raise UserError(f"there is no time of which both know, and that was asked for ({spans})")
    found = compared(first.decisions, second.decisions, from_ns=begin_ns, until_ns=end_ns)
    return Outcome(first, second, begin_ns, end_ns, found)
