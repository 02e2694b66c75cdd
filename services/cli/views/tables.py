"""Tables that several views have: positions and sizes."""

from collections.abc import Mapping

from rich.table import Table

from services.cli.printing import bare_table
from shared.application.wording.formats import clock, percent, price, quantity, share, usd
from shared.application.wording.holdings import flaw_of
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized


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
