"""What the exchange asks of orders, as far as bars tell it: see ``shared/adapters/klines/believable.py``."""

from decimal import Decimal

import numpy as np

from services.backtest.market.listings import Filters
from shared.adapters.klines.believable import price_places, quantity_places
from shared.adapters.klines.columns import Columns


def filters_of(columns: Columns) -> Filters:
    """The tick and the lot that some bars of a pair show."""
    prices, price = (
        np.concatenate([columns.open, columns.high, columns.low, columns.close]),
        float(np.median(columns.close)),
    )
    price_step = Decimal(1).scaleb(-price_places(prices, price))
    quantity_step = Decimal(1).scaleb(-quantity_places(columns.volume, price))
    return Filters(price_step, quantity_step)
