"""What strategies, built in or outside, ask for; and what the sizing service makes of every bar."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from shared.messages.base import Fraction, Message, Name, NonNegativeFloat, PositiveFloat, Symbol, Timeframe, TimeNs


class SignalRaised(Message, frozen=True, kw_only=True):
    """A strategy's wish for one pair, valid until its next signal for that pair or until it expires.

    strength: 0 (flat) to 1 (a full position by its size). expires_ns: 0 means no expiry.
    """

    strategy: Name
    symbol: Symbol
    strength: Fraction
    timeframe: Annotated[str, Meta(max_length=4)] = ""
    expires_ns: TimeNs = 0


class PositionSized(Message, frozen=True, kw_only=True):
    """The size of a full position in one pair as of one bar.

    price: the bar's close, USDT. atr: Wilder's ATR over completed UTC days, USDT. atr_pct: atr / price.
    equity_at_risk_usdt: NAV x fraction x phase scale. stop_distance, stop_price: USDT per unit.
    quantity: base units, rounded down to the lot step. notional_usdt: quantity x price.
    binding: what set the size (``equity_at_risk``, ``pair_cap_nav``, ``pair_cap_adv``, ``atr_floor``), or the name of
    what was missing when quantity is 0.
    """

    symbol: Symbol
    timeframe: Timeframe
    bar_open_time_ns: TimeNs
    price: PositiveFloat
    atr: NonNegativeFloat
    atr_pct: NonNegativeFloat
    adv_usdt: NonNegativeFloat
    equity_at_risk_usdt: NonNegativeFloat
    stop_distance: NonNegativeFloat
    stop_price: NonNegativeFloat
    quantity: Decimal
    notional_usdt: NonNegativeFloat
    binding: Name
    phase_scale: NonNegativeFloat
