"""What can happen to a symbol: it stops and goes on, it is delisted, it gets another name."""

from services.exchange_sim.faults import Fault
from services.exchange_sim.market.market import FOREVER_MS, Listing, Market, Pause


def _listing_of(market: Market, fault: Fault, now_ms: int) -> Listing:
    listing = market.find(fault.symbol, now_ms)
    if listing is None:
        raise ValueError(f"symbol {fault.symbol!r} of fault {fault.fault!r} is not listed")
    return listing


def _stop(listing: Listing, now_ms: int) -> None:
    if not any(pause.end_ms == FOREVER_MS for pause in listing.pauses):
        listing.pauses.append(Pause(now_ms, FOREVER_MS))


def set_status(market: Market, fault: Fault, now_ms: int) -> None:
    """TRADING lets a stopped symbol go on; every other status stops it."""
    listing = _listing_of(market, fault, now_ms)
    if fault.status != "TRADING":
        listing.status = fault.status
        _stop(listing, now_ms)
        return
    listing.status = None
    listing.pauses = [
        pause if pause.end_ms != FOREVER_MS else Pause(pause.start_ms, now_ms) for pause in listing.pauses
    ]


def delist(market: Market, fault: Fault, now_ms: int) -> None:
    """The symbol is gone: unknown to REST, silent on the streams."""
    del market.listings[_listing_of(market, fault, now_ms).instrument.symbol]


def rename(market: Market, fault: Fault, now_ms: int) -> None:
    """The old symbol stops with BREAK; the new one trades, ``seconds`` of market time later, where the old one would
    have been, ``price_ratio`` times its price. It has no history before that.
    """
    old = _listing_of(market, fault, now_ms)
    symbol, quote = fault.new_symbol, old.instrument.quote
    if not symbol.endswith(quote) or symbol == quote or symbol in market.listings:
        raise ValueError(f"new_symbol {symbol!r}: expected a symbol against {quote} that is not listed yet")
    old.status = "BREAK"
    _stop(old, now_ms)
    first_ms = now_ms + int(fault.seconds * 1000)
    market.listings[symbol] = Listing(
        instrument=old.instrument.renamed(symbol.removesuffix(quote), fault.price_ratio)._replace(
            first_ms=first_ms, end_ms=None
        ),
        origin=old.origin,
        price_ratio=old.price_ratio * fault.price_ratio,
        pauses=[Pause(0, first_ms)],
    )
