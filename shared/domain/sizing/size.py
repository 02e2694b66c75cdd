"""The size of a full position in one pair: fixed fractional sizing on a volatility stop.

    equity at risk  = NAV x fraction x phase scale
    stop distance   = stop_atr x max(ATR, atr_floor x price)
    quantity        = equity at risk / stop distance

It is capped by the pair's share of NAV and of its average daily volume, then cut down to the lot step. It is never
rounded up over a cap. Whatever is missing, or is no number, makes it 0 and is named: in doubt nothing is bought.

A loss at the stop then costs the same share of NAV in every pair, however much it moves (Faith, *The Original Turtle
Trading Rules*, 2003, which sizes by the true range too).
"""

from decimal import Decimal
from math import inf, isfinite

from msgspec import Struct

from shared.domain.bars.series import DailyFigures
from shared.domain.numbers import ZERO, round_down, to_decimal
from shared.domain.plan import Limits, SizingPlan
from shared.messages.market import PairListed

EQUITY_AT_RISK = "equity_at_risk"
PAIR_CAP_NAV = "pair_cap_nav"
PAIR_CAP_ADV = "pair_cap_adv"
ATR_FLOOR = "atr_floor"
MIN_NOTIONAL = "min_notional"
MIN_QUANTITY = "min_quantity"
MISSING = frozenset({"pair", "price", "history", "atr", "adv", "nav"})
MOST_UNITS = 1e18  # nobody can order more of anything, so the price must be wrong


class Size(Struct, frozen=True):
    """A size, and what set it.

    quantity: base units, a multiple of the lot step.
    binding: what set the quantity, or what was missing when it is 0.
    price: USDT per unit that it was computed at.
    atr: USDT per unit; 0 if unknown.
    adv_usdt: USDT a day; 0 if unknown.
    equity_at_risk_usdt: what a loss at the stop would cost.
    stop_distance: USDT per unit; 0 if unknown. It is known whenever ATR, history and pair are, for a stop can be placed
        without knowing NAV or ADV.
    """

    quantity: Decimal
    binding: str
    price: float
    atr: float = 0.0
    adv_usdt: float = 0.0
    equity_at_risk_usdt: float = 0.0
    stop_distance: float = 0.0

    @property
    def is_known(self) -> bool:
        """Whether all inputs were there: a quantity of 0 then means "too small to trade", not "nobody knows"."""
        return self.binding not in MISSING

    @property
    def stop_price(self) -> float:
        """Where the stop of an entry at ``price`` belongs, before rounding; never below 0."""
        return max(0.0, self.price - self.stop_distance) if self.stop_distance else 0.0


class Account(Struct, frozen=True):
    """What sizes are a share of.

    nav_usdt: None before it is known.
    scale: of the phase in force; multiplies the equity at risk.
    """

    nav_usdt: float | None
    scale: float


def size_of(
    *,
    price: float,
    time_ns: int,
    account: Account,
    daily: DailyFigures,
    listed: PairListed | None,
    limits: Limits,
    sizing: SizingPlan,
    price_ratio: float = 1.0,
) -> Size:
    """The full size at ``price`` (USDT) as of ``time_ns``.

    daily: the pair's figures as of that moment.
    price_ratio: what one unit of the daily prices is worth in units of ``price`` (1 unless the pair is renamed with
    another ratio).
    """
    if not 0.0 < price < inf:  # false for NaN as well
        return Size(ZERO, "price", 0.0)
    nav, adv, atr = account.nav_usdt or 0.0, daily.adv_usdt or 0.0, daily.atr
    missing = _missing_for_stop(daily, time_ns, listed, sizing)
    if missing or atr is None or listed is None:
        return Size(ZERO, missing or "atr", price, _finite(atr) * price_ratio, _finite(adv))
    atr *= price_ratio
    floor = limits.atr_floor * price
    binding = EQUITY_AT_RISK if atr >= floor else ATR_FLOOR
    distance = sizing.stop_atr * max(atr, floor)
    if not 0.0 < distance < inf:
        return Size(ZERO, "atr", price, _finite(atr), _finite(adv))
    if not 0.0 < adv < inf or not 0.0 < nav < inf:
        return Size(ZERO, "nav" if 0.0 < adv < inf else "adv", price, atr, _finite(adv), stop_distance=distance)
    equity_at_risk = nav * limits.equity_at_risk * account.scale
    quantity = equity_at_risk / distance
    if (cap := nav * limits.pair_cap_nav / price) < quantity:
        quantity, binding = cap, PAIR_CAP_NAV
    if (cap := adv * limits.pair_cap_adv / price) < quantity:
        quantity, binding = cap, PAIR_CAP_ADV
    if not quantity < MOST_UNITS:
        return Size(ZERO, "price", price, atr, adv)
    whole = whole_lots(quantity, listed.quantity_step)
    if too_small := _below_minimum(whole, price, listed):
        whole, binding = ZERO, too_small
    return Size(
        whole,
        binding,
        price,
        atr=atr,
        adv_usdt=adv,
        equity_at_risk_usdt=equity_at_risk,
        stop_distance=distance,
    )


def _missing_for_stop(daily: DailyFigures, time_ns: int, listed: PairListed | None, sizing: SizingPlan) -> str:
    """The name of the first thing that is missing to place a stop; empty when all is there."""
    if listed is None or listed.status != "trading":
        return "pair"
    if daily.days < sizing.min_history_days or not daily.is_fresh(time_ns):
        return "history"
    return "" if daily.atr is not None and isfinite(daily.atr) else "atr"


def _below_minimum(quantity: Decimal, price: float, listed: PairListed) -> str:
    """Which of the exchange's minima the quantity does not reach; empty when it reaches both."""
    if quantity < max(listed.min_quantity, listed.market_min_quantity) or not quantity:
        return MIN_QUANTITY
    is_too_little = listed.min_notional_at_market and float(quantity) * price < listed.min_notional
    return MIN_NOTIONAL if is_too_little else ""


def _finite(figure: float | None) -> float:
    return figure if figure is not None and isfinite(figure) else 0.0


def whole_lots(quantity: float, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``quantity``: an estimate becomes something to book."""
    if step <= 0:
        return to_decimal(quantity)
    steps = quantity / float(step)
    whole = int(steps)
    doubt = steps * 1e-15  # the quotient of two floats is off by less
    if doubt < steps - whole < 1.0 - doubt:
        return whole * step
    return round_down(Decimal(quantity), step)  # near a whole number: exact, a float is a Decimal without loss
