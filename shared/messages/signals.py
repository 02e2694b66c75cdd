"""What strategies ask for, built in or of other processes; and what the sizing service makes of every bar."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta

from shared.messages.base import (
    Cause,
    Fraction,
    Message,
    Name,
    NonNegativeFloat,
    PositiveFloat,
    Symbol,
    Text,
    Timeframe,
    TimeNs,
)
from shared.messages.orders import Code


class SignalRaised(Message, frozen=True, kw_only=True):
    """What a strategy wants of one pair. It holds until the strategy's next signal for that pair, or until it expires.

    strategy: its name in ``strategies.toml``.
    strength: 0 (flat) to 1 (a full position by its size).
    timeframe: of the bar that led to it; empty where none did.
    expires_ns: market time after which it wants nothing; 0 for never.
    """

    strategy: Name
    symbol: Symbol
    strength: Fraction
    timeframe: Annotated[str, Meta(max_length=4)] = ""
    expires_ns: TimeNs = 0


class SignalRefused(Message, frozen=True, kw_only=True):
    """A portfolio does not follow a signal. Others on the same server may.

    cause: the signal's id; empty where it could not be read.
    strategy, symbol: as the sender wrote them.
    code, field, reason, unanswered: as in ``ProposalRefused``.
    source, entry: where it stood, of a signal that could not be read.
    """

    strategy: Cause
    symbol: Cause
    code: Code
    field: Annotated[str, Meta(max_length=256)]
    reason: Text
    source: Annotated[str, Meta(max_length=128)] = ""
    entry: Annotated[str, Meta(max_length=64)] = ""
    unanswered: int = 0


class PositionSized(Message, frozen=True, kw_only=True):
    """The size of a full position in one pair as of one bar.

    timeframe, bar_open_time_ns: the bar.
    price: the bar's close, USDT.
    atr: Wilder's average true range over completed UTC days, USDT.
    atr_pct: atr / price.
    adv_usdt: mean daily quote volume.
    equity_at_risk_usdt: NAV x fraction x phase scale.
    stop_distance: stop_atr x ATR, USDT per unit.
    stop_price: where the stop of a purchase belongs, USDT per unit; on the pair's price step, where that is known.
    quantity: base units, rounded down to the lot step.
    notional_usdt: quantity x price.
    binding: what set the size (``equity_at_risk``, ``pair_cap_nav``, ``pair_cap_adv``, ``atr_floor``), or the name of
        what was missing when quantity is 0.
    phase_scale: of the phase in force, multiplies the equity at risk.
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
