"""What the generated market looks like: believable levels, not anybody's quotes."""

from typing import NamedTuple


class Level(NamedTuple):
    """What one pair of the generated market looks like.

    price_usdt: the price that it swings around.
    daily_volume_usdt: the mean.
    price_places, quantity_places: decimals.
    beta: its daily move for a move of 1 of the whole market.
    own_volatility: daily, beside market and sector.
    min_notional_usdt: of one order.
    """

    price_usdt: float
    daily_volume_usdt: float
    price_places: int
    quantity_places: int
    beta: float
    own_volatility: float
    min_notional_usdt: float = 5.0


UNKNOWN = Level(1.0, 40e6, 4, 1, 1.1, 0.035)

LEVELS = {
    "BTC": Level(65_000.0, 1_600e6, 2, 5, 1.00, 0.005),
    "ETH": Level(3_000.0, 900e6, 2, 4, 1.15, 0.013),
    "BNB": Level(560.0, 250e6, 1, 3, 0.85, 0.015),
    "SOL": Level(145.0, 420e6, 2, 3, 1.35, 0.024),
    "XRP": Level(0.95, 310e6, 4, 0, 0.95, 0.026),
    "ADA": Level(0.52, 110e6, 4, 1, 1.10, 0.023),
    "LTC": Level(82.0, 100e6, 2, 3, 0.95, 0.021),
    "DOT": Level(5.6, 90e6, 3, 2, 1.20, 0.022),
    "AVAX": Level(28.0, 95e6, 2, 2, 1.30, 0.027),
    "TRX": Level(0.165, 97e6, 5, 1, 0.45, 0.016),
    "ATOM": Level(6.4, 79e6, 3, 2, 1.15, 0.023),
    "NEAR": Level(4.7, 104e6, 3, 1, 1.35, 0.033),
    "ALGO": Level(0.19, 75e6, 4, 0, 1.15, 0.028),
    "BCH": Level(390.0, 86e6, 1, 3, 1.00, 0.027),
    "ETC": Level(22.5, 78e6, 2, 2, 1.05, 0.021),
    "ICP": Level(9.2, 78e6, 3, 2, 1.20, 0.031),
    "EGLD": Level(31.0, 66e6, 2, 2, 1.15, 0.027),
    "APT": Level(8.3, 93e6, 3, 2, 1.30, 0.032),
    "HBAR": Level(0.085, 91e6, 5, 0, 1.10, 0.034),
    "FTM": Level(0.58, 94e6, 4, 0, 1.35, 0.040),
    "LINK": Level(13.5, 98e6, 3, 2, 1.15, 0.025),
    "UNI": Level(8.1, 90e6, 3, 2, 1.20, 0.031),
    "CRV": Level(0.37, 82e6, 4, 1, 1.20, 0.042),
    "GRT": Level(0.18, 74e6, 5, 0, 1.25, 0.034),
    "QNT": Level(88.0, 8e6, 2, 3, 0.85, 0.026),
    "MATIC": Level(0.48, 88e6, 4, 1, 1.20, 0.026),
    "OP": Level(1.75, 96e6, 3, 2, 1.35, 0.034),
    "ARB": Level(0.66, 103e6, 4, 1, 1.30, 0.031),
    "DOGE": Level(0.145, 380e6, 5, 0, 1.15, 0.033, 1.0),
    "SHIB": Level(0.0000182, 160e6, 8, 0, 1.15, 0.034, 1.0),
    "SAND": Level(0.33, 76e6, 4, 0, 1.20, 0.028),
    "AXS": Level(5.9, 70e6, 3, 2, 1.15, 0.028),
    "MANA": Level(0.36, 71e6, 4, 0, 1.15, 0.028),
    "XLM": Level(0.115, 84e6, 5, 0, 0.90, 0.026),
    "VET": Level(0.027, 75e6, 5, 1, 1.15, 0.026),
    "FIL": Level(4.3, 88e6, 3, 2, 1.20, 0.027),
    "THETA": Level(1.42, 70e6, 3, 1, 1.20, 0.029),
    "GMX": Level(28.5, 6e6, 2, 3, 1.05, 0.033),
}
