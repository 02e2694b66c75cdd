"""How everything that the command line prints looks: JSON for programs, and for people tables without lines."""

from collections.abc import Mapping

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from shared.adapters.plain_amounts import json_bytes
from shared.application.wording.formats import clock, percent, price, quantity, share, usd
from shared.application.wording.holdings import flaw_of
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized

UNLIMITED_COLUMNS = 180  # where no terminal says how wide it is: tables are not cut


def json_text(value: Struct | dict[str, object]) -> str:
    """The value in one line of JSON; amounts are strings in plain decimals, as they are on the wire."""
    return json_bytes(value).decode()


def plain_console() -> Console:
    """A console that leaves numbers uncoloured and does not cut tables in files and pipes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNLIMITED_COLUMNS)


def bare_table(*names: str, no_wrap: bool = False) -> Table:
    """A table with these columns; a name that begins with ``>`` is of numbers, which stand to the right."""
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name.removeprefix(">"), justify="right" if name[:1] == ">" else "left", no_wrap=no_wrap)
    return table


def positions_table(portfolio: PortfolioMarked, most: int | None = None) -> Table:
    """The positions, those with the most open risk first.

    most: how many of them are shown; a last row says how many there are beside.
    """
    columns = ("position", ">quantity", ">mark", ">stop", ">notional", ">open risk", ">of NAV", "sector")
    table = bare_table(*columns, no_wrap=True)
    riskiest = sorted(portfolio.positions, key=lambda position: -position.open_risk_usdt)
    shown = riskiest[:most]
    for position in shown:
        table.add_row(
            f"{position.symbol}{flaw_of(portfolio, position.symbol)}",
            quantity(position.quantity),
            price(position.mark),
            price(position.stop) if position.stop is not None else "none",
            usd(position.notional_usdt),
            usd(position.open_risk_usdt),
            percent(share(position.notional_usdt, portfolio.nav)),
            position.sector,
        )
    if len(riskiest) > len(shown):
        table.add_row(f"and {len(riskiest) - len(shown)} more")
    return table


def sizes_table(sizes: Mapping[str, PositionSized]) -> Table:
    """The latest size of every pair."""
    columns = ("pair", "bar", ">price", ">ATR", ">size", ">notional", ">stop", ">risk", "set by")
    table = bare_table(*columns, no_wrap=True)
    for symbol in sorted(sizes):
        size = sizes[symbol]
        table.add_row(
            symbol,
            f"{size.timeframe} {clock(size.bar_open_time_ns)[5:16]}",
            price(size.price),
            percent(size.atr_pct),
            quantity(size.quantity),
            usd(size.notional_usdt),
            price(size.stop_price),
            usd(size.equity_at_risk_usdt),
            size.binding,
        )
    return table
