"""The drawdowns of a run: from a peak of NAV, over the bottom, until the peak is reached again."""

from msgspec import Struct

from services.backtest.result import Curve, Run
from shared.domain.portfolio.performance import drawdown_of
from shared.domain.timeframes import DAY_NS


class Drawdown(Struct, frozen=True, kw_only=True):
    """One drawdown.

    depth: the most of it, as a fraction of its peak.
    begin_ns: of the peak. bottom_ns: of the deepest hour. end_ns: when the peak was reached again; 0 where it was not.
    days: from the peak to its end, or to the end of the run.
    """

    depth: float
    begin_ns: int
    bottom_ns: int
    end_ns: int
    days: float


def drawdowns_of(run: Run, most: int = 10) -> tuple[Drawdown, ...]:
    """The deepest ones, the deepest first. They never overlap: each ends before the next one begins."""
    found = _all_of(run)
    return tuple(sorted(found, key=lambda each: (-each.depth, each.begin_ns))[:most])


def longest_days(run: Run) -> float:
    """The longest time under an earlier peak, in days."""
    return max((each.days for each in _all_of(run)), default=0.0)


def _all_of(run: Run) -> list[Drawdown]:
    curve = run.curve
    found: list[Drawdown] = []
    peak_nav, peak_ns = run.starting_nav, run.start_ns
    under: list[int] = []
    for index, (time_ns, nav) in enumerate(zip(curve.time_ns, curve.nav, strict=True)):
        if nav < peak_nav:
            under.append(index)
            continue
        if under:
            found.append(_drawdown(curve, peak_nav, peak_ns, under, end_ns=time_ns, until_ns=time_ns))
            under = []
        peak_nav, peak_ns = nav, time_ns
    if under:
        until_ns = max(run.end_ns, curve.time_ns[-1])
        found.append(_drawdown(curve, peak_nav, peak_ns, under, end_ns=0, until_ns=until_ns))
    return found


def _drawdown(curve: Curve, peak_nav: float, peak_ns: int, under: list[int], *, end_ns: int, until_ns: int) -> Drawdown:
    """That of the points with these indices. The curve knows the depth within an hour, too."""
    depths = [max(curve.drawdown[index], drawdown_of(peak_nav, curve.nav[index])) for index in under]
    deepest = max(depths)
    return Drawdown(
        depth=deepest,
        begin_ns=peak_ns,
        bottom_ns=curve.time_ns[under[depths.index(deepest)]],
        end_ns=end_ns,
        days=(until_ns - peak_ns) / DAY_NS,
    )
