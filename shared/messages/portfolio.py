"""The portfolio as the risk service sees it, and its halts."""

from decimal import Decimal
from typing import Literal

from msgspec import Struct

from shared.messages.base import Message, Name, Symbol, Text, TimeNs

HaltMode = Literal["reducing", "halted"]


class PositionMarked(Struct, frozen=True, kw_only=True):
    """quantity: base units. mark, stop: USDT per unit (stop None: the whole notional counts as risk).

    open_risk_usdt: quantity x max(0, mark - stop) + exit cost. notional_usdt: quantity x mark.
    """

    symbol: Symbol
    sector: Name
    quantity: Decimal
    mark: float
    stop: Decimal | None
    open_risk_usdt: float
    notional_usdt: float


class PortfolioMarked(Message, frozen=True, kw_only=True):
    """Live heat. nav, cash: USDT. heat, heat_open, heat_reserved, utilisation: fractions of NAV; drawdown: of its peak.

    sectors: USDT notional per sector. seq: counts up by one with every snapshot.
    """

    nav: float
    cash: Decimal
    heat: float
    heat_open: float
    heat_reserved: float
    heat_limit: float
    utilisation: float
    drawdown: float
    positions: tuple[PositionMarked, ...]
    sectors: dict[str, float]
    phase: Name
    seq: int
    open_orders: int = 0


class Halted(Message, frozen=True, kw_only=True):
    """New risk is stopped. symbol is empty for the whole portfolio; until_ns 0 means until an operator resumes."""

    symbol: str = ""
    mode: HaltMode = "halted"
    reason: Text = ""
    until_ns: TimeNs = 0
    who: Name = "risk"


class Resumed(Message, frozen=True, kw_only=True):
    """A halt ended. held_ns: how long it lasted, market time."""

    symbol: str = ""
    reason: Text = ""
    held_ns: TimeNs = 0
    who: Name = "risk"
