"""What an order pays that takes liquidity: the touch, the square-root law, and the fee.

    fill price = touch x (1 +/- Y x sigma_day x sqrt(order / ADV))

The touch is the best price on the other side, or the mark plus or minus half a spread where there is no book. Slippage
grows with the square root of the order's share of daily volume (``domain/liquidity.py``). Prices are rounded against
the order: up for a buy, down for a sell.
"""

from decimal import Decimal
from math import isfinite

from msgspec import Struct

from shared.domain.liquidity import square_root_slippage
from shared.domain.numbers import round_down, round_up, round_usdt, to_decimal
from shared.domain.plan import Costs
from shared.messages.orders import Side

# For a pair whose volume or volatility is not known: thinner and wilder than any pair that qualifies for the universe,
# so that a missing figure costs too much rather than too little ($10k slip by 1 %).
FALLBACK_ADV_USDT = 1_000_000.0
FALLBACK_SIGMA_DAY = 0.10
MAX_SLIPPAGE = 0.5  # beyond this the square-root law means nothing: no order moves the price past half of it


class Quote(Struct, frozen=True):
    """The prices of one moment, USDT per unit.

    price: the mark.
    bid, ask: the best ones; 0 where there is no book.
    time_ns: market time.
    """

    price: float
    bid: float
    ask: float
    time_ns: int


class Depth(Struct, frozen=True):
    """How much a pair bears.

    adv_usdt: average daily volume; None when unknown.
    sigma_day: standard deviation of daily log returns; None when unknown.
    """

    adv_usdt: float | None = None
    sigma_day: float | None = None


def touch(side: Side, quote: Quote, costs: Costs) -> float:
    """The price that the first unit of a market order gets, USDT per unit."""
    if side == "buy":
        return quote.ask or quote.price * (1.0 + costs.half_spread)
    return quote.bid or quote.price * (1.0 - costs.half_spread)


def slippage(notional_usdt: float, depth: Depth, costs: Costs) -> float:
    """What the order's own size costs beyond the touch, as a fraction of the price."""
    adv, sigma = depth.adv_usdt, depth.sigma_day
    if adv is None or not (isfinite(adv) and adv > 0):
        adv = FALLBACK_ADV_USDT
    if sigma is None or not isfinite(sigma):
        sigma = FALLBACK_SIGMA_DAY
    return min(
        MAX_SLIPPAGE,
        square_root_slippage(notional_usdt, factor=costs.slippage_factor, sigma_day=sigma, adv_usdt=adv),
    )


def taker_price(side: Side, quantity: Decimal, touched: float, *, depth: Depth, costs: Costs, step: Decimal) -> Decimal:
    """The mean price of an order of ``quantity`` base units that begins at ``touched``; a multiple of ``step``."""
    lost = slippage(float(quantity) * touched, depth, costs)
    if side == "buy":
        return round_up(to_decimal(touched * (1.0 + lost)), step)
    return max(round_down(to_decimal(touched * (1.0 - lost)), step), step)


def fee_usdt(quantity: Decimal, price: Decimal, costs: Costs) -> Decimal:
    """The fee of one fill, USDT, paid from cash."""
    return round_usdt(quantity * price * Decimal(str(costs.fee)))
