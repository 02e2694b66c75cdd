"""A gate over one pair whose filters are given as exchangeInfo states them."""

from decimal import Decimal
from typing import Any

from services.market_data.pairs import resolve
from shared.adapters.binance.frames import listed_pair
from tests.domain.filters.oracle import Row
from tests.domain.risk.gate.rule_scenes import harness_with
from tests.domain.risk.risk_harness import UNIVERSE, RiskHarness

D = Decimal
ETH, MARK = "ETH/USDT", 1_500.0

TODAY: dict[str, Row] = {
    "PRICE_FILTER": {"minPrice": "0.01000000", "maxPrice": "100000.00000000", "tickSize": "0.01000000"},
    "LOT_SIZE": {"minQty": "0.00100000", "maxQty": "900.00000000", "stepSize": "0.00010000"},
    "MARKET_LOT_SIZE": {"minQty": "0.00000000", "maxQty": "20.50000000", "stepSize": "0.00000000"},
    "PERCENT_PRICE_BY_SIDE": {
        "bidMultiplierUp": "5", "bidMultiplierDown": "0.2", "askMultiplierUp": "4", "askMultiplierDown": "0.2",
        "avgPriceMins": 5,
    },
    "NOTIONAL": {
        "minNotional": "5.00000000", "applyMinToMarket": True, "maxNotional": "60000.00000000",
        "applyMaxToMarket": False, "avgPriceMins": 5,
    },
}  # fmt: skip


def rows_with(**changes: dict[str, Any] | None) -> list[Row]:
    """Today's filters with some fields changed; None takes a filter away."""
    rows = {name: row | (changes.get(name) or {}) for name, row in TODAY.items() if changes.get(name, {}) is not None}
    rows |= {name: row for name, row in changes.items() if name not in TODAY and row is not None}
    return [{"filterType": name, **row} for name, row in rows.items()]


def listed(harness: RiskHarness, rows: list[Row]) -> RiskHarness:
    """The harness, after ETH was listed with these filters."""
    symbol = {
        "symbol": "ETHUSDT", "baseAsset": "ETH", "quoteAsset": "USDT", "status": "TRADING", "filters": rows,
        "quotePrecision": 8, "baseAssetPrecision": 8,
    }  # fmt: skip
    pair = listed_pair(symbol)
    [message] = [each for each in resolve(UNIVERSE, {ETH: pair}, {}, harness.now_ns) if each.symbol == ETH]
    harness.handle(message)
    return harness


def gate(cash: float = 10_000_000.0, *, held: str = "", **changes: dict[str, Any] | None) -> RiskHarness:
    """A gate that no limit of ours closes, over today's filters with some changed. held: of ETH."""
    harness = harness_with(cash=cash)
    if held:
        harness.fill(harness.buy(ETH, held, stop=1_400))
    return listed(harness, rows_with(**changes))
