"""The trades: their figures, what they have in common, and each of them with its own waterfall."""

from collections.abc import Sequence
from decimal import Decimal

from services.backtest.report.page.markup import Column, Markup, bytes_of, joined, numbers, pairs_of, table, tag, texts
from services.backtest.report.words import minute, ratio
from services.backtest.result import Backtest, Trade
from services.backtest.statistics import Figures
from services.backtest.statistics.trading import Group
from shared.application.wording.formats import base, count, duration, percent, price, usd
from shared.domain.timeframes import HOUR_NS

TRADES_BYTES = 800_000
GROUPS_BYTES = 40_000


def trade_figures(_: Backtest, figures: Figures) -> Markup:
    """All figures of all trades."""
    of = figures.trades
    left = (
        ("Trades, open at the end", f"{of.count:,}, {of.open:,}"),
        ("Gained", percent(of.win_rate, 1)),
        ("Profit factor", ratio(of.profit_factor)),
        ("Expectancy, of what was invested", f"{usd(of.expectancy)}, {percent(of.expectancy_share)}"),
        ("System quality number", ratio(of.sqn)),
    )
    right = (
        ("Mean gain, mean loss", f"{usd(of.average_win)}, {usd(of.average_loss)}"),
        ("Best, worst", f"{usd(of.best)}, {usd(of.worst)}"),
        ("Most in a row", f"{of.streak.wins:,} gained, {of.streak.losses:,} lost"),
        ("Held, on average", duration(of.held_seconds)),
        ("Hang on the order within a bar", percent(of.hangs_on_order, 1)),
    )
    return tag("div", pairs_of(left), pairs_of(right), class_="two")


def groups(_: Backtest, figures: Figures) -> Markup:
    """What trades made by why they ended, by strategy, sector and pair."""
    left = (
        _group("Why they ended", "Ended by", figures.by_exit),
        *([_group("Who bought", "Strategy", figures.by_strategy)] if len(figures.by_strategy) > 1 else []),
        _group("Why they were bought", "Bought because", figures.by_entry),
        _group("Sectors", "Sector", figures.by_sector),
    )
    return tag("div", tag("div", *left), tag("div", _group("Pairs", "Pair", figures.by_pair)), class_="two groups")


def _group(caption: str, name: str, found: Sequence[Group]) -> Markup:
    rows = [
        (each.name, f"{each.trades:,}", percent(each.win_rate, 0), usd(each.gross), usd(each.costs), usd(each.net))
        for each in found
    ]
    columns = (Column(name), *numbers("Trades", "Gained", "Gross", "Costs", "Net"))
    return table(f"{caption}, the best first.", columns, rows, sortable=True, most_bytes=GROUPS_BYTES)


def trades(backtest: Backtest, _: Figures) -> Markup:
    """Each of them. Where there are too many for a page, the largest gains and losses are here."""
    every = backtest.run.trades
    rows = [_row(trade) for trade in every]
    room, shown = TRADES_BYTES, []
    for index in sorted(range(len(every)), key=lambda index: (-abs(every[index].net), index)):
        room -= bytes_of(rows[index])
        if room < 0:
            break
        shown.append(index)
    caption = "All trades, in the order of their entries."
    if len(shown) < len(every):
        caption = f"The {len(shown):,} of {count(len(every), 'trade')} that made or lost most; trades.csv has them all."
    columns = (
        *texts("Pair", "Opened", "Why in", "Why out"),
        *numbers("Held, h", "Invested", "Entry", "Exit", "Gross", "Fees", "Spread", "Slippage", "Net", "Net, %"),
    )
    entry = tag("input", type="search", data_filter="trades-table", placeholder="pair, strategy, reason")
    found = tag("p", tag("label", "Find ", entry), " ", tag("output"), class_="live filter")
    return joined(
        (
            found,
            table(caption, columns, [rows[index] for index in sorted(shown)], identity="trades-table", sortable=True),
        )
    )


def _row(trade: Trade) -> tuple[str, ...]:
    share = float(trade.net / trade.invested) if trade.invested else 0.0
    hangs = " (order within the bar)" if trade.hangs_on_order else ""
    return (
        base(trade.symbol) if trade.symbol.endswith("/USDT") else trade.symbol,
        minute(trade.opened_ns),
        trade.entry_reason or trade.strategy,
        f"{trade.exit_reason}{hangs}",
        f"{(trade.closed_ns - trade.opened_ns) / HOUR_NS:,.0f}",
        f"{trade.invested:z,.0f}",
        price(trade.entry),
        price(trade.exit),
        _plain(trade.gross),
        _plain(trade.fees),
        _plain(trade.spread),
        _plain(trade.slippage),
        _plain(trade.net),
        f"{share * 100:+z.1f}",
    )


def _plain(amount: Decimal) -> str:
    return f"{amount:z,.2f}"
