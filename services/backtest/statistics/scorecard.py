"""The plan's scorecard: each line of what the plan watches, what was measured, and whether it was met."""

from collections.abc import Iterator, Sequence
from typing import Literal

from msgspec import Struct

from services.backtest.result import Run
from services.backtest.statistics.daily import Days, nav_at
from services.backtest.statistics.ratios import probability_of_sharpe_over, sharpe_interval
from shared.application.wording.formats import clock, count, percent
from shared.domain.portfolio.performance import sharpe_of
from shared.domain.timeframes import MS_NS

Outcome = Literal["met", "not met", "not measured"]


class Score(Struct, frozen=True, kw_only=True):
    """One line of the scorecard, in words.

    share: of the time, or of the days, in which it was met; None where it is a figure of the whole run.
    note: what has to be known to read it.
    """

    name: str
    goal: str
    measured: str
    outcome: Outcome
    share: float | None = None
    note: str = ""


def scorecard_of(run: Run, days: Days) -> tuple[Score, ...]:
    """All lines, in the plan's order."""
    pair_goal, sector_goal = run.setup.goals.pair, run.setup.goals.sector
    return (
        _utilisation(run),
        _sharpe(run, days),
        _drawdown(run),
        _heat(run),
        _largest(run, "no pair over its share of NAV", run.exposure.pairs, pair_goal),
        _largest(run, "no sector over its share of NAV", run.exposure.sectors, sector_goal),
        _day_loss(run, days),
        Score(
            name="weekly risk review",
            goal="signed every week",
            measured="nobody signs in a backtest",
            outcome="not measured",
        ),
    )


def _utilisation(run: Run) -> Score:
    goals, used = run.setup.goals, run.curve.utilisation
    low, high = goals.utilisation_low, goals.utilisation_high
    goal = f"{percent(low, 0)} to {percent(high, 0)} of NAV"
    if not used:
        return _unmeasured("capital utilisation", goal)
    mean = sum(used) / len(used)
    under, over = (sum(each < low for each in used), sum(each > high for each in used))
    return Score(
        name="capital utilisation",
        goal=goal,
        measured=f"{percent(mean, 1)} on average, {percent(max(used), 1)} at most",
        outcome="met" if low <= mean <= high else "not met",
        share=1.0 - (under + over) / len(used),
        note=f"under it {percent(under / len(used), 0)} of the time, over it {percent(over / len(used), 0)}",
    )


def _sharpe(run: Run, days: Days) -> Score:
    goal, returns = run.setup.goals.sharpe, days.returns
    sharpe, interval = sharpe_of(returns), sharpe_interval(returns)
    if sharpe is None:
        return _unmeasured("Sharpe ratio", f"over {goal:g}")
    note = f"{count(len(returns), 'day')}, x sqrt(365)"
    likely = probability_of_sharpe_over(goal, returns)
    if interval and likely is not None:
        note = f"95 % of cases: {interval.low:.2f} to {interval.high:.2f}; {note}"
        note += f"; over {goal:g} with a probability of {percent(likely, 0)}"
    return Score(
        name="Sharpe ratio",
        goal=f"over {goal:g}",
        measured=f"{sharpe:.2f}",
        outcome="met" if sharpe > goal else "not met",
        note=note,
    )


def _drawdown(run: Run) -> Score:
    return _limited("drawdown", run, run.curve.drawdown, run.setup.goals.drawdown)


def _heat(run: Run) -> Score:
    return _limited("portfolio heat", run, run.curve.heat, run.setup.goals.heat)


def _limited(name: str, run: Run, values: Sequence[float], limit: float) -> Score:
    """Of a figure that has to stay under its limit at every hour."""
    goal = f"under {percent(limit, 0)}"
    if not values:
        return _unmeasured(name, goal)
    most = max(values)
    return Score(
        name=name,
        goal=goal,
        measured=f"{percent(most)} at most",
        outcome="met" if most < limit else "not met",
        share=sum(each < limit for each in values) / len(values),
        note=f"the most of it at {clock(run.curve.time_ns[values.index(most)] + MS_NS)[:16]}",
    )


def _largest(run: Run, name: str, held: dict[str, list[float]], limit: float) -> Score:
    """Of the shares of NAV, at the first instant of each UTC day, that pairs or sectors had."""
    goal = f"at most {percent(limit, 0)} of NAV"
    days = list(_largest_shares(run, held))
    if not days:
        return _unmeasured(name, goal)
    most, which, day_ns = max(days, key=lambda each: each[0])
    return Score(
        name=name,
        goal=goal,
        measured=f"{percent(most)} at most" if most > 0.0 else "nothing was held",
        outcome="met" if most <= limit else "not met",
        share=sum(each <= limit for each, _, _ in days) / len(days),
        note=f"{which} on {clock(day_ns)[:10]}; a purchase is held to it, what has risen since may be worth more"
        if most > 0.0
        else "",
    )


def _largest_shares(run: Run, held: dict[str, list[float]]) -> Iterator[tuple[float, str, int]]:
    """The largest share of each day, whose it was, and the day."""
    for index, day_ns in enumerate(run.exposure.day_ns):
        nav = nav_at(run, day_ns)
        notional, name = max(((amounts[index], name) for name, amounts in held.items()), default=(0.0, ""))
        yield (notional / nav if nav > 0.0 else 0.0), name, day_ns


def _day_loss(run: Run, days: Days) -> Score:
    limit = run.setup.goals.day_loss
    goal = f"at most {percent(limit, 0)} of NAV"
    if not days.returns:
        return _unmeasured("loss of one day", goal)
    worst = min(days.returns)
    return Score(
        name="loss of one day",
        goal=goal,
        measured=f"{percent(max(0.0, -worst))} at most",
        outcome="met" if -worst <= limit else "not met",
        share=sum(-each <= limit for each in days.returns) / len(days.returns),
        note=f"on {clock(days.start_ns(days.returns.index(worst)))[:10]}" if worst < 0.0 else "",
    )


def _unmeasured(name: str, goal: str) -> Score:
    return Score(name=name, goal=goal, measured="too short to tell", outcome="not measured")
