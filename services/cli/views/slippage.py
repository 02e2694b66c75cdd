"""What ``heatsink slippage`` prints."""

from collections.abc import Sequence
from textwrap import wrap

from rich.console import Console

from services.backtest.slippage.results import Fit, Refused, Row, SlippageReport, Source
from services.cli.printing import bare_table, plain_console
from shared.application.wording.formats import clock, percent

WIDTH = 110
KINDS = {
    "time_back": "time does not go on",
    "crossed": "bid at or over ask",
    "one_sided": "a side is empty",
    "impossible": "levels out of order",
    "repeated": "stuck: one value again and again",
    "few_values": "stuck: next to no different values",
    "amid_stuck": "amid stuck ones",
    "no_price": "no price",
    "no_figures": "ADV or volatility not known",
}


def print_slippage(report: SlippageReport) -> None:
    """The report as tables: sources, what was refused, classes, pairs, fits, fills, and what is not shown."""
    console = plain_console()
    console.print(
        f"Model: half spread {report.half_spread:.2%} + {report.factor:g} x sigma x sqrt(order / ADV). "
        "Figures in bp are model less walked: below 0 the model was too cheap."
    )
    _print_sources(console, report.sources)
    _print_refused(console, report.refused)
    if report.classes:
        liquid, mid = report.liquid_from_usdt / 1e6, report.mid_from_usdt / 1e6
        classes = f"liquid: ADV from {liquid:g}M USDT, mid: from {mid:g}M, thin: below"
        stress = f"stress: a move of {report.stress:g} times the usual within an hour"
        _print_rows(console, f"By class ({classes}; {stress})", report.classes)
        _print_rows(console, "By pair", [row for row in report.pairs if row.moments == "all"])
    _print_fits(console, report.fits)
    _print_fills(console, report)
    if report.notes:
        console.print("", "What this does not show", sep="\n")
        for note in report.notes:
            console.print(*wrap(note, WIDTH, initial_indent="  - ", subsequent_indent="    "), sep="\n")


def _print_sources(console: Console, sources: Sequence[Source]) -> None:
    if sources:
        table = bare_table("source", "market", ">pairs", ">samples", ">kept", "from", "to", "digest")
        for each in sources:
            times = clock(each.first_ns), clock(each.last_ns)
            counts = f"{each.pairs:,}", f"{each.samples:,}", f"{each.kept:,}"
            table.add_row(each.name, each.about, *counts, *times, each.digest[:12])
        console.print("", table)


def _print_refused(console: Console, refused: Sequence[Refused]) -> None:
    if refused:
        table = bare_table("refused", "pair", "where", ">samples", ">of", "from", "to", "")
        for each in refused:
            times = clock(each.first_ns), clock(each.last_ns)
            kind = KINDS.get(each.kind, each.kind)
            table.add_row(kind, each.symbol, each.place, f"{each.samples:,}", f"{each.of:,}", *times, each.note)
        console.print("", table)


def _print_rows(console: Console, title: str, rows: Sequence[Row]) -> None:
    columns = (">USDT", ">samples", ">walked p50", ">model p50", ">p1", ">p5", ">p50", ">p95", ">p99", ">too cheap")
    table = bare_table("group", "class", "moments", *columns, ">beyond touch", ">too thin")
    for row in rows:
        figures = (row.walked_p50_bp, row.model_p50_bp, row.p1_bp, row.p5_bp, row.p50_bp, row.p95_bp, row.p99_bp)
        counts = f"{row.size_usdt:,.0f}", f"{row.samples:,}"
        shares = percent(row.too_cheap), percent(row.too_cheap_beyond), percent(row.too_thin)
        table.add_row(row.group, row.liquidity, row.moments, *counts, *map(_bp, figures), *shares)
    console.print("", title, table, sep="\n")


def _print_fits(console: Console, fits: Sequence[Fit]) -> None:
    if not fits:
        return
    console.print("", "Y by quantile regression on the earlier half, judged on the later one", sep="\n")
    columns = (
        ">pairs",
        "halves meet",
        ">wanted",
        ">Y now",
        ">Y found",
        ">too cheap now",
        ">then",
        ">over now",
        ">then",
    )
    table = bare_table("class", *columns)
    for fit in fits:
        table.add_row(
            fit.liquidity,
            str(fit.pairs),
            clock(fit.split_ns),
            percent(1.0 - fit.wanted),
            f"{fit.factor:g}",
            "none" if fit.fitted is None else f"{fit.fitted:.3f}",
            percent(fit.too_cheap_before),
            "" if fit.too_cheap_after is None else percent(fit.too_cheap_after),
            _bp(fit.over_before_bp),
            "" if fit.fitted is None else _bp(fit.over_after_bp),
        )
    console.print(table)


def _print_fills(console: Console, report: SlippageReport) -> None:
    if report.fills:
        columns = (">fills", ">USDT", ">paid p50", ">p1", ">p5", ">p50", ">p95", ">p99", ">too cheap")
        table = bare_table("fills", "class", *columns)
        for row in report.fills:
            figures = (row.paid_p50_bp, row.p1_bp, row.p5_bp, row.p50_bp, row.p95_bp, row.p99_bp)
            counts = f"{row.fills:,}", f"{row.notional_usdt:,.0f}"
            table.add_row(row.kind, row.liquidity, *counts, *map(_bp, figures), percent(row.too_cheap))
        console.print("", "Fills: the model less what was paid, in bp", table, sep="\n")
    elif not report.sources:
        console.print("", "Nothing was compared: there is no fill of a market order or of a stop.", sep="\n")
    for why, count in report.fills_unmatched.items():
        console.print(f"  {count:,} fills not compared: {why}")


def _bp(value: float | None) -> str:
    return "thin" if value is None else f"{round(value, 2) + 0.0:,.2f}"  # never -0.00
