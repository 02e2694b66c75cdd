"""exchangeInfo: the symbols with their filters, in Binance's shapes."""

from typing import Any

from services.exchange_sim.market.market import Status
from services.exchange_sim.market.source import Instrument

ORDER_TYPES = ["LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]
LARGEST_ORDER_USDT = 9_000_000.0
MARKET_ORDER_SHARE = 0.01  # of a day's volume: the largest market order


def rate_limits(weight_per_minute: int) -> list[dict[str, Any]]:
    return [
        _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, weight_per_minute),
        _rate_limit("ORDERS", "SECOND", 10, 100),
        _rate_limit("ORDERS", "DAY", 1, 200_000),
        _rate_limit("RAW_REQUESTS", "MINUTE", 5, 300_000),
    ]


def _rate_limit(kind: str, interval: str, count: int, limit: int) -> dict[str, Any]:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": count, "limit": limit}


def symbol_info(instrument: Instrument, status: Status, price: float) -> dict[str, Any]:
    """One entry of ``symbols``. ``price`` sizes the limits that Binance sets by value."""
    precision = max(instrument.quantity_places, 2)
    return {
        "symbol": instrument.symbol,
        "status": status,
        "baseAsset": instrument.base,
        "baseAssetPrecision": precision if instrument.price_places >= 8 else 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": precision if instrument.price_places >= 8 else 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ORDER_TYPES,
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": True,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": filters_of(instrument, price),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
        "allowedSelfTradePreventionModes": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"],
    }


def filters_of(instrument: Instrument, price: float) -> list[dict[str, Any]]:
    tick, step = 10.0**-instrument.price_places, 10.0**-instrument.quantity_places
    largest = 10.0 ** len(str(int(LARGEST_ORDER_USDT / price))) - step
    # In two digits: whatever changes with every price is news to everybody who follows the list.
    largest_market = float(f"{instrument.daily_volume_usdt * MARKET_ORDER_SHARE / price:.1e}")
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": f"{tick:.8f}",
            "maxPrice": f"{max(1_000.0 * tick, 10.0 ** len(str(int(price * 10)))):.8f}",
            "tickSize": f"{tick:.8f}",
        },
        {"filterType": "LOT_SIZE", "minQty": f"{step:.8f}", "maxQty": f"{largest:.8f}", "stepSize": f"{step:.8f}"},
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": "0.00000000",
            "maxQty": f"{largest_market:.8f}",
            "stepSize": "0.00000000",
        },
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": 10,
            "maxTrailingAboveDelta": 2000,
            "minTrailingBelowDelta": 10,
            "maxTrailingBelowDelta": 2000,
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": f"{instrument.min_notional_usdt:.8f}",
            "applyMinToMarket": True,
            "maxNotional": f"{LARGEST_ORDER_USDT:.8f}",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": 20},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": 10},
    ]
