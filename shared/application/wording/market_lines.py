"""The market in one line a message: bars, marks, books, pairs, feeds."""

from collections.abc import Callable
from typing import Any

from shared.application.projection import is_not_yet_connected
from shared.application.wording.formats import because, clock, duration, percent, price, quantity, usd
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed


def _bar(message: BarClosed) -> tuple[str, str]:
    origin = ", backfilled" if message.backfilled else ""
    hole = f", {message.hole_before} missing before it" if message.hole_before else ""
    prices = " ".join(price(value) for value in (message.open, message.high, message.low, message.close))
    volume = f"volume {usd(message.quote_volume)}"
    which = f"{message.symbol} {message.timeframe} of {clock(message.open_time_ns)}"
    return "bar", f"{which}: {prices}, {volume}{origin}{hole}"


def _book(message: BookSampled) -> tuple[str, str]:
    size = usd(message.size_usdt)
    if message.spread is None:
        return "book", f"{message.symbol} is too thin for {size}"
    touch = " / ".join(price(side[0][0]) if side else "nobody" for side in (message.bids, message.asks))
    usual = percent(message.median_spread, 3) if message.median_spread is not None else "too thin"
    return "book", (
        f"{message.symbol} {percent(message.spread, 3)} for {size}, median {usual} of {message.samples} ({touch})"
    )


def _listing(message: PairListed) -> tuple[str, str]:
    if message.status == "trading":
        return "pair", f"{message.symbol} trades, lot {quantity(message.quantity_step)}"
    if message.status == "renamed":
        return "pair", f"{message.symbol} was renamed: {message.reason}"
    return "pair", f"{message.symbol} is off: {message.status} {message.reason}".rstrip()


def _feed_lost(message: FeedLost) -> tuple[str, str]:
    which = f"{message.feed} {message.symbol}".strip()
    if is_not_yet_connected(message):
        return "waiting", because(f"for the exchange: {which}", message.reason)
    return "FEED LOST", f"{which} {message.reason}".strip()


MARKET_LINES: dict[type[Message], Callable[[Any], tuple[str, str]]] = {
    BarClosed: _bar,
    MarkChanged: lambda m: ("mark", f"{m.symbol} {price(m.price)} ({price(m.bid)} / {price(m.ask)})"),
    BookSampled: _book,
    PairListed: _listing,
    FeedLost: _feed_lost,
    FeedRestored: lambda m: ("feed back", f"{m.feed} {m.symbol} after {duration(m.outage_ns / SECOND_NS)}"),
}
