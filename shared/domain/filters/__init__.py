"""What the exchange takes: Binance's filters of a pair as pure functions, one for each.

``prices`` has PRICE_FILTER and PERCENT_PRICE(_BY_SIDE), which an order's limit and stop must pass. ``quantities`` has
LOT_SIZE, MARKET_LOT_SIZE and NOTIONAL (MIN_NOTIONAL), which cut an order down or refuse it. Each names the filter as
Binance does, the value, and the nearest one that passes. A filter that the exchange did not state holds nothing back.
"""

from shared.messages.market import GONE, PairListed


def filters_of(listed: PairListed | None) -> PairListed | None:
    """The message with a pair's filters; None where the exchange states none: of a pair that is gone, or never was."""
    return listed if listed is not None and listed.status not in GONE else None
