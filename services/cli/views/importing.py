"""What an import would do, before anybody says yes to it."""

from collections.abc import Iterator

from rich.table import Table
from rich.text import Text

from services.cli.printing import bare_table, plain_console
from shared.application.errors import UserError
from shared.application.wording.formats import percent, price, quantity, sentence, usd
from shared.messages.ask import ImportAnswered

OVER = "It comes in all the same. Nothing is sold because of it, and the gate approves no more of it."


class UnfitImportError(UserError):
    """Something of the import does not fit, so nothing of it comes in."""


def print_import(answer: ImportAnswered, *, has_strategies: bool) -> None:
    """Print each position, and the portfolio before and after. Raises ``UnfitImportError``.

    has_strategies: whether strategies of the plan trade too.
    """
    console = plain_console()
    if answer.rows:
        console.print(_rows_table(answer))
    if faults := list(_faults(answer)):
        raise UnfitImportError("\n".join(["Nothing can be imported:", *(f"  {sentence(fault)}" for fault in faults)]))
    console.print(_totals_table(answer))
    for line in answer.over:
        console.print(Text(f"over the limits: {line}", style="yellow"), soft_wrap=True)
    if answer.over:
        console.print(Text(OVER), soft_wrap=True)
    if has_strategies and answer.rows:
        console.print(
            Text("Strategies of strategies.toml trade these pairs too: one that wants less than is held sells it."),
            soft_wrap=True,
        )


def _rows_table(answer: ImportAnswered) -> Table:
    table = bare_table(
        "pair", ">quantity", ">cost", ">price", ">gain", ">stop", ">notional", ">open risk", no_wrap=True
    )
    for row in answer.rows:
        gain = (row.mark - float(row.cost)) * float(row.quantity) if row.mark and row.cost > 0 else 0.0
        cells = (
            row.symbol,
            quantity(row.quantity),
            price(row.cost) if row.cost else "",
            price(row.mark) if row.mark else "none",
            usd(gain),
            price(row.stop) if row.stop is not None else "none",
            usd(row.notional_usdt),
            usd(row.open_risk_usdt),
        )
        table.add_row(*(Text(cell) for cell in cells), style="red" if row.fault else "")
    return table


def _faults(answer: ImportAnswered) -> Iterator[str]:
    yield from answer.faults
    yield from (f"{row.symbol}: {row.fault}" for row in answer.rows if row.fault)


def _totals_table(answer: ImportAnswered) -> Table:
    table = bare_table("", ">before", ">after", ">limit", no_wrap=True)
    table.add_row("cash", usd(answer.cash_before), usd(answer.cash), "")
    table.add_row("NAV", usd(answer.nav_before), usd(answer.nav), "")
    table.add_row("heat", percent(answer.heat_before), percent(answer.heat), percent(answer.heat_limit))
    return table
