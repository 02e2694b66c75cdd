"""What ``heatsink backtest`` prints at its end: the core of the report on one screen."""

from collections.abc import Sequence
from pathlib import Path

from rich.columns import Columns
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from services.backtest.report.words import (
    FILL_NAMES,
    UNKNOWN,
    day,
    fraction,
    ratio,
    span,
    title,
    variant_cells,
    verdict,
)
from services.backtest.result import Backtest, Run
from services.backtest.statistics import Figures, variant_of
from services.cli.printing import SafeTable, bare_table, plain_console
from shared.application.wording.formats import count, percent, some, usd

OUTCOMES = {"met": "green", "not met": "yellow", "not measured": "dim"}


def print_backtest(backtest: Backtest, figures: Figures, written: Sequence[Path] = ()) -> None:
    """Print it. written: the files of the report, of which the page is named."""
    show_backtest(plain_console(), backtest, figures, written)


def show_backtest(console: Console, backtest: Backtest, figures: Figures, written: Sequence[Path] = ()) -> None:
    """The same, on this console."""
    run = backtest.run
    console.print(Text(f"Backtest, {span(run)}: {_made(backtest)}", style="dim"))
    console.print(Text(title(run, figures), style="bold"))
    console.print(Text(verdict(run, figures)))
    console.print(Text(_phases(run), style="dim"))
    console.print()
    console.print(_figures(figures))
    console.print()
    console.print(_scorecard(figures))
    console.print()
    console.print(_band(backtest))
    if run.setup.rules_off:
        console.print(Text(f"could not act: {'; '.join(run.setup.rules_off)}", style="dim"))
    if not figures.waterfall.reconciles:
        said = f"{figures.waterfall.difference:f} USDT of the change of NAV are not explained by the trades"
        console.print(Text(said, style="bold red"))
    for path in written:
        if path.suffix == ".html":
            console.print(Text(f"report: {path}", style="bold"), soft_wrap=True)


def _made(backtest: Backtest) -> str:
    """What has to be known before a figure is believed."""
    of = backtest.run.setup
    return (
        f"filled at the {FILL_NAMES[of.fill]}, {of.market} market of {of.bars} bars, books {of.books}, "
        f"{of.cost_factor:g} x costs"
    )


def _phases(run: Run) -> str:
    """How much risk a trade was allowed, and when: without it, a quarter of the risk looks like a tame strategy."""
    followed = "by date" if run.setup.phases == "by_date" else "by evidence"
    told = [f"{each.phase} from {day(each.since_ns)} ({each.scale:g} x risk)" for each in run.phases]
    return f"Phases {followed}: {some(told, 6)}" if told else f"Phases {followed}"


def _figures(figures: Figures) -> Columns:
    of, used, trades, costs = figures.performance, figures.usage, figures.trades, figures.waterfall
    interval = f" ({ratio(of.sharpe_low)} to {ratio(of.sharpe_high)})" if of.sharpe_low is not None else ""
    blocks = (
        (
            ("CAGR", fraction(of.cagr, signed=True)),
            ("Sharpe, sqrt(365)", f"{ratio(of.sharpe)}{interval}"),
            ("Sortino, Calmar", f"{ratio(of.sortino)}, {ratio(of.calmar)}"),
            ("drawdown, longest", f"{percent(of.max_drawdown)}, {of.longest_drawdown_days:,.0f} d"),
            ("best, worst day", f"{_day(figures, best=True)}, {_day(figures, best=False)}"),
            ("market", f"{percent(of.market, signed=True)}, beta {ratio(of.beta)}"),
        ),
        (
            ("trades, gained", f"{trades.count:,}, {percent(trades.win_rate, 1)}"),
            ("profit factor", ratio(trades.profit_factor)),
            ("expectancy", usd(trades.expectancy)),
            ("in a row", f"{trades.streak.wins} gained, {trades.streak.losses} lost"),
            ("hang on a bar's order", percent(trades.hangs_on_order, 1)),
            ("stops, mean slip", f"{figures.stops.count:,}, {percent(figures.stops.mean_slip)}"),
        ),
        (
            ("gross", usd(costs.gross)),
            ("fees", usd(-costs.fees)),
            ("spread", usd(-costs.spread)),
            ("slippage", usd(-costs.slippage)),
            ("net", usd(costs.net)),
            ("turnover a year", UNKNOWN if used.turnover is None else f"{used.turnover:,.1f} x NAV"),
        ),
    )
    return Columns([_pairs(block) for block in blocks], padding=(0, 3))


def _day(figures: Figures, *, best: bool) -> str:
    day = figures.performance.best_day if best else figures.performance.worst_day
    return UNKNOWN if day is None else percent(day.value, signed=True)


def _pairs(rows: Sequence[tuple[str, str]]) -> Table:
    grid = SafeTable.grid(padding=(0, 2, 0, 0))
    for name, value in rows:
        grid.add_row(Text(name, style="dim"), Text(value))
    return grid


def _scorecard(figures: Figures) -> Table:
    table = bare_table("the plan watches", "goal", "measured", "", ">of the time")
    for line in figures.scorecard:
        outcome = Text(line.outcome, style=OUTCOMES[line.outcome])
        table.add_row(line.name, line.goal, line.measured, outcome, fraction(line.share, 0))
    return table


def _band(backtest: Backtest) -> Group | Text:
    """The run and its variants."""
    if not backtest.variants:
        return Text("no variant was run: how much the result hangs on what nobody knows is not told", style="dim")
    table = bare_table("variant", ">return", ">Sharpe", ">drawdown", ">heat", ">trades", ">stops", ">halts")
    for each in (variant_of("this run", backtest.run), *backtest.variants):
        table.add_row(Text(each.name), *variant_cells(each))
    halts = sum(halt.saved for halt in backtest.run.halts)
    said = (
        f"{count(len(backtest.run.halts), 'halt')} held back what would have {'lost' if halts >= 0 else 'made'} "
        f"{usd(abs(halts))} without costs and other limits"
    )
    return Group(table, Text(said, style="dim"))
