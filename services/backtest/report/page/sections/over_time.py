"""What became of the money over time: NAV, drawdown, the market beside it, months, drawdowns, crises."""

from services.backtest.report.page.markup import Column, Markup, joined, numbers, pairs_of, table, tag, texts
from services.backtest.report.page.plot import Line, Plot
from services.backtest.report.page.thinning import merged
from services.backtest.report.words import UNKNOWN, day, fraction, minute, ratio
from services.backtest.result import Backtest, Run
from services.backtest.statistics import Figures
from services.backtest.statistics.periods import Month
from shared.application.wording.formats import percent, usd
from shared.domain.timeframes import DAY_NS

SPANS = 1000  # of time, in which halts are marked
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADES = ((0.005, 1), (0.02, 2), (0.05, 3), (0.10, 4))


def equity_plots(backtest: Backtest, figures: Figures) -> tuple[Plot, ...]:
    """NAV, its drawdown, and the market beside it."""
    run, of = backtest.run, figures.performance
    curve = run.curve
    halted = [(halt.begin_ns, halt.end_ns or run.end_ns) for halt in run.halts if not halt.symbol]
    step = (run.end_ns - run.start_ns) / SPANS
    spans = [
        (run.start_ns + int(first * step), run.start_ns + int(last * step))
        for first, last in merged(halted, run.start_ns, run.end_ns, SPANS)
    ]
    plots = [
        Plot(
            "nav",
            "NAV, and halts of the portfolio",
            f"NAV went from {usd(of.nav_start)} to {usd(of.nav_end)}; at most {usd(max(curve.nav, default=0.0))}, "
            f"at least {usd(min(curve.nav, default=0.0))}.",
            curve.time_ns,
            (Line("NAV", curve.nav),),
            "usd",
            260,
            spans=spans,
        ),
        Plot(
            "drawdown",
            "Drawdown from the highest NAV",
            f"Drawdown was {percent(of.max_drawdown)} at most.",
            curve.time_ns,
            (Line("drawdown", [-each for each in curve.drawdown], "second", filled=True),),
            "fraction",
            130,
            high=0.0,
        ),
    ]
    if market := _market(run):
        times, growth = market
        said = f"All pairs in equal parts, without costs, made {percent(of.market, signed=True)}."
        plots.append(
            Plot(
                "market",
                "The market: all pairs in equal parts",
                said,
                times,
                (Line("market", growth, "third"),),
                "fraction",
                130,
            )
        )
    return tuple(plots)


def _market(run: Run) -> tuple[list[int], list[float]] | None:
    """Growth of the basket, at the end of each day."""
    if not run.market_returns:
        return None
    growth, found = 1.0, [0.0]
    for each in run.market_returns:
        growth *= 1.0 + each
        found.append(growth - 1.0)
    first_ns = -(-run.start_ns // DAY_NS) * DAY_NS
    return [first_ns + index * DAY_NS for index in range(len(found))], found


def performance(_: Backtest, figures: Figures) -> Markup:
    """All figures of NAV."""
    of, used = figures.performance, figures.usage
    best, worst = (
        f"{percent(each.value, signed=True)} on {day(each.begin_ns)}" if each else UNKNOWN
        for each in (of.best_day, of.worst_day)
    )
    sure = f"{ratio(of.sharpe_low)} to {ratio(of.sharpe_high)}" if of.sharpe_low is not None else UNKNOWN
    left = (
        ("Return", fraction(of.total_return, signed=True)),
        ("CAGR", fraction(of.cagr, signed=True)),
        ("Volatility, a year", fraction(of.volatility)),
        (f"Sharpe ratio, {of.days:,} days, x \N{SQUARE ROOT}365", ratio(of.sharpe)),
        ("Sharpe ratio in 95 % of cases", sure),
        ("Sortino ratio", ratio(of.sortino)),
        ("Calmar ratio", ratio(of.calmar)),
        ("Days that gained", percent(of.days_up, 1)),
    )
    right = (
        ("Drawdown, within any hour", percent(of.max_drawdown)),
        ("Drawdown, on daily NAV", percent(of.max_drawdown_daily)),
        ("Longest time under a peak", f"{of.longest_drawdown_days:,.1f} d"),
        ("Best day", best),
        ("Worst day", worst),
        ("Market: return", percent(of.market, signed=True)),
        ("Market: Sharpe, drawdown", f"{ratio(of.market_sharpe)}, {percent(of.market_drawdown)}"),
        ("Correlation, beta with it", f"{ratio(of.correlation)}, {ratio(of.beta)}"),
    )
    more = (
        ("Hours with a position", percent(used.time_in_market, 1)),
        ("Most positions at once", f"{used.max_positions}"),
    )
    turnover = ("Turnover, x NAV a year", ratio(used.turnover, 1))
    return tag("div", pairs_of((*left, *more)), pairs_of((*right, turnover)), class_="two")


def months(_: Backtest, figures: Figures) -> Markup:
    """Returns by month, in shades; the sign stands in every cell, for colours are not all that tells."""
    found = {(month.year, month.month): month for month in figures.months}
    rows = [
        (
            f"{year.year}",
            *(_month(found.get((year.year, month))) for month in range(1, 13)),
            f"{year.value * 100:+z.1f}",
            UNKNOWN if year.market is None else f"{year.market * 100:+z.1f}",
        )
        for year in figures.years
    ]
    columns = (Column("Year"), *numbers(*MONTHS, "Year", "Market"))
    note = "Blue gained, orange lost. A month of which the run covers a part has a star."
    return joined(
        (
            tag("div", table("Return by month, UTC, in percent.", columns, rows), class_="months"),
            tag("p", note, class_="note"),
        )
    )


def _month(month: Month | None) -> Markup:
    if month is None:
        return Markup("<td>")
    level = next((level for limit, level in SHADES if abs(month.value) < limit), 5)
    sign = "p" if month.value > 0 else "m"
    star = "*" if month.partial else ""
    return Markup(f"<td class={sign}{level}>{month.value * 100:+z.1f}{star}")


def drawdowns(_: Backtest, figures: Figures) -> Markup:
    """The deepest ones."""
    rows = [
        (
            f"{number}",
            percent(each.depth),
            minute(each.begin_ns),
            minute(each.bottom_ns),
            minute(each.end_ns) if each.end_ns else "not yet",
            f"{each.days:,.1f}",
        )
        for number, each in enumerate(figures.drawdowns, 1)
    ]
    columns = (Column(""), *numbers("Depth"), *texts("Peak", "Bottom", "Recovered"), *numbers("Days"))
    return table("The deepest drawdowns, by NAV once an hour.", columns, rows)


def crises(_: Backtest, figures: Figures) -> Markup:
    """How it fared when it mattered."""
    if not figures.crises:
        return tag("p", "None of the known crises falls into this run.", class_="note")
    rows = [
        (
            f"{each.name}{' (in part)' if each.partial else ''}",
            f"{day(each.begin_ns)} to {day(each.end_ns - DAY_NS)}",
            percent(each.value, signed=True),
            fraction(each.market, signed=True),
            percent(each.drawdown),
            percent(each.heat),
            f"{each.halts}",
            f"{each.stops}",
        )
        for each in figures.crises
    ]
    columns = (*texts("Crisis", "Days"), *numbers("Portfolio", "Market", "Drawdown", "Heat", "Halts", "Stops"))
    return table("Crises that fall into the run.", columns, rows)
