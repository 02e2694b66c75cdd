"""Two backtests, or one and a live stack, side by side: how many decisions differ, and which is the first."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from rich.text import Text

from services.backtest.compare import Difference, in_words
from services.backtest.live_decisions import Recorded, recorded_decisions
from services.backtest.report_files import Report
from services.backtest.sides import Outcome, Side, compare_sides, side_of_report, side_of_stack
from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.stack import StackLocator
from shared.application.typed_times import typed_time_ns
from shared.application.wording.formats import clock, percent, quantity, usd
from shared.config.secrecy import without_password

NONE = "-"
SHOWN = ("verdict", "binding", "requested", "approved", "side", "symbol", "heat_before", "heat_after")
FIGURES: tuple[tuple[str, Callable[[Report], str]], ...] = (
    ("return", lambda report: percent(report.figures.performance.total_return, signed=True)),
    ("NAV at the end", lambda report: usd(report.figures.performance.nav_end)),
    ("Sharpe ratio", lambda report: _ratio(report.figures.performance.sharpe)),
    ("drawdown, at most", lambda report: percent(report.figures.performance.max_drawdown)),
    ("heat, at most", lambda report: percent(report.figures.usage.max_heat)),
    ("trades", lambda report: f"{report.figures.trades.count:,}"),
)


def compare_and_print(
    first: Path, second: Path | StackLocator, *, start: str = "", end: str = "", as_json: bool = False
) -> bool:
    """Compare a report with another one or with what a stack has recorded, and say what came of it.

    start, end: market times between which decisions are compared; empty for all. Returns whether nothing differs.
    Raises ``UserError`` and ``BusLostError``.
    """
    from_ns, until_ns = _time_ns("--from", start), _time_ns("--to", end)
    one = side_of_report(first)
    other = side_of_report(second) if isinstance(second, Path) else _live_side(second)
    outcome = compare_sides(one, other, from_ns=from_ns, until_ns=until_ns)
    if as_json:
        say(json_text(_as_json(outcome)))
    else:
        _print(outcome)
    return outcome.is_same


def _live_side(stack: StackLocator) -> Side:
    name = f"portfolio {stack.keys.portfolio} at {without_password(stack.redis_url)}"
    return side_of_stack(asyncio.run(_recorded(stack)), name)


async def _recorded(stack: StackLocator) -> Recorded:
    async with stack.bus() as bus:
        return await recorded_decisions(bus, stack.keys)


def _time_ns(option: str, text: str) -> int:
    return typed_time_ns(option, text, like="2022-11-08 or 2022-11-08T14:00") if text else 0


# --- for people -------------------------------------------------------------------------------------------------------


def _print(outcome: Outcome) -> None:
    console, comparison = plain_console(), outcome.comparison
    for letter, side in _sides(outcome):
        unreadable = f" ({side.unreadable:,} entries there are no messages)" if side.unreadable else ""
        console.print(Text(f"{letter}  {side.name}{unreadable}"), soft_wrap=True)
    console.print(f"decisions from {clock(outcome.from_ns)} to {clock(outcome.until_ns)} UTC")
    both = len(comparison.differences) - comparison.only_first - comparison.only_second
    counts = f"{comparison.same:,} the same, {both:,} different, {comparison.only_first:,} only in A"
    console.print(f"{counts}, {comparison.only_second:,} only in B")
    if comparison.differences:
        _print_difference(comparison.differences[0])
    if (digests := outcome.digests) is not None:
        console.print()
        for name, same in digests.items():
            console.print(f"{name}: {'the same' if same else 'not the same'}")
    _print_figures(outcome)


def _print_difference(difference: Difference) -> None:
    console = plain_console()
    console.print()
    console.print(
        Text(f"first difference, {clock(difference.time_ns)} UTC: {in_words(difference, 'A', 'B')}"), soft_wrap=True
    )
    if not difference.fields:
        return
    table = bare_table("", ">A", ">B")
    for name in SHOWN:
        one, other = (getattr(each, name) for each in (difference.first, difference.second))
        if one != other:
            table.add_row(name.replace("_", " "), _cell(one), _cell(other))
    console.print(table)


def _print_figures(outcome: Outcome) -> None:
    """Side by side; there is none of a live stack."""
    reports = [side.report for _, side in _sides(outcome)]
    if all(report is None for report in reports):
        return
    console, table = plain_console(), bare_table("", ">A", ">B")
    for name, figure in FIGURES:
        table.add_row(name, *(figure(report) if report is not None else NONE for report in reports))
    console.print()
    console.print(table)


def _sides(outcome: Outcome) -> tuple[tuple[str, Side], tuple[str, Side]]:
    return ("A", outcome.first), ("B", outcome.second)


def _cell(value: object) -> str:
    match value:
        case Decimal():
            return quantity(value)
        case float():
            return f"{value:.6%}"
        case _:
            return str(value) or NONE


def _ratio(value: float | None) -> str:
    return NONE if value is None else f"{value:.2f}"


# --- for programs -----------------------------------------------------------------------------------------------------


def _as_json(outcome: Outcome) -> dict[str, object]:
    comparison = outcome.comparison
    return {
        "first": outcome.first.name,
        "second": outcome.second.name,
        "from_ns": outcome.from_ns,
        "until_ns": outcome.until_ns,
        "same": comparison.same,
        "different": len(comparison.differences) - comparison.only_first - comparison.only_second,
        "only_first": comparison.only_first,
        "only_second": comparison.only_second,
        "first_difference": _difference(comparison.differences[0]) if comparison.differences else None,
        "same_digests": outcome.digests,
        "figures": {"first": _figures(outcome.first), "second": _figures(outcome.second)},
    }


def _difference(difference: Difference) -> dict[str, object]:
    return {"fields": difference.fields, "first": difference.first, "second": difference.second}


def _figures(side: Side) -> object:
    return side.report.figures if side.report is not None else None
