"""The portfolio as the risk service sees it, and what changes of it: limits, phases, refused commands."""

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from shared.messages.base import ClientName, Message, Name, OrderId, Symbol, Text, TimeNs
from shared.messages.orders import Side


class PositionMarked(Struct, frozen=True, kw_only=True):
    """One position in a snapshot.

    quantity: base units.
    mark: USDT per unit.
    stop: USDT per unit; None without one, and then the whole notional counts as risk.
    open_risk_usdt: quantity x max(0, mark - stop), and the cost of getting out.
    notional_usdt: quantity x mark; 0 for one of the ``unpriced``.
    """

    symbol: Symbol
    sector: Name
    quantity: Decimal
    mark: float
    stop: Decimal | None
    open_risk_usdt: float
    notional_usdt: float


class PortfolioMarked(Message, frozen=True, kw_only=True):
    """The portfolio at live marks.

    nav, cash: USDT.
    heat, heat_open, heat_reserved, heat_limit: fractions of NAV.
    utilisation: notional held, as a fraction of NAV.
    drawdown: the fall from the highest NAV of all time, as a fraction of it. Nothing is limited by it.
    positions: everything that is held.
    sectors: USDT notional per sector, held and on order.
    phase: of the ramp, in force.
    seq: counts up by one with every snapshot.
    open_orders: approved and not finished.
    phase_since_ns: market time at which the phase began.
    phase_drawdown: the fall from the highest NAV since the phase began; demotions go by it.
    phase_evidence: what the phase has shown up to now, and what the next one waits for, in words.
    rehearsal: the phase runs on any exchange, paper or real.
    drawdown_since_resume: the fall from the highest NAV since the last resume after a drawdown. The gate's rule and the
        breaker named drawdown go by it.
    unpriced: pairs that are held and have had no price for too long: worth 0 in NAV, their last worth is at risk.
    dust: pairs of which less is held than the exchange trades.
    heat_stops_hit: the part of heat that is about to be gone, as a fraction of NAV: of positions whose stop was hit at
        most 5 seconds of wall time ago, and whose fill has not been heard yet. The market made the rest.
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
    phase_since_ns: TimeNs = 0
    phase_drawdown: float = 0.0
    phase_evidence: Text = ""
    rehearsal: bool = False
    drawdown_since_resume: float = 0.0
    unpriced: tuple[Symbol, ...] = ()
    dust: tuple[Symbol, ...] = ()
    heat_stops_hit: float = 0.0

    @property
    def lasting_heat(self) -> float:
        """Heat without that of stops which were hit just now: what is judged against the limit."""
        return self.heat - self.heat_stops_hit


class LimitsChanged(Message, frozen=True, kw_only=True):
    """Limits were changed at run time.

    old, new: the values of those that changed, by name.
    policy_before, policy: hashes of all that decides.
    over: what exceeds the new limits already, in words.
    """

    who: Name
    reason: Text
    old: dict[str, float]
    new: dict[str, float]
    policy_before: Name
    policy: Name
    over: tuple[Text, ...] = ()


class PhaseProposed(Message, frozen=True, kw_only=True):
    """The evidence allows the next phase, and an operator has to approve it. evidence: in words."""

    phase: Name
    to_phase: Name
    evidence: Text


class PhaseChanged(Message, frozen=True, kw_only=True):
    """Another phase is in force.

    scale: multiplies the equity at risk.
    evidence: what the phase before had shown, in words.
    rehearsal: as in ``PortfolioMarked``.
    """

    phase_before: Name
    phase: Name
    scale: float
    who: Name
    reason: Text
    evidence: Text = ""
    rehearsal: bool = False


class PositionWrittenOff(Message, frozen=True, kw_only=True):
    """A position was taken out of the books without a sale.

    quantity: base units; 0 when only orders were left of the pair.
    price: at which it was booked out, USDT per unit.
    cost_usdt: what had been paid for it.
    proceeds_usdt: quantity x price, which went to cash.
    """

    symbol: Symbol
    who: Name
    reason: Text
    quantity: Decimal
    price: Decimal
    cost_usdt: Decimal
    proceeds_usdt: Decimal


class BookedPosition(Struct, frozen=True, kw_only=True):
    """One position that came in.

    quantity: base units. cost, stop, mark: USDT per unit.
    """

    symbol: Symbol
    quantity: Decimal
    cost: Decimal
    stop: Decimal
    mark: float


class PositionsImported(Message, frozen=True, kw_only=True):
    """Positions that were opened elsewhere are in the books.

    cash_before, cash: USDT.
    nav_before, nav: USDT. What came in or went out is no gain and no loss: peaks of NAV moved along with it.
    heat_before, heat: fractions of NAV.
    over: what exceeds the limits by it, in words.
    client: who holds them; empty where nobody has to report.
    """

    who: Name
    reason: Text
    positions: tuple[BookedPosition, ...]
    cash_before: Decimal
    cash: Decimal
    nav_before: float
    nav: float
    heat_before: float
    heat: float
    over: tuple[Text, ...] = ()
    client: ClientName = ""


class StoreRepaired(Message, frozen=True, kw_only=True):
    """An operator mended what was wrong on the server, or accepted what it had lost.

    key: where on the server. problem: what was wrong. remedy: what was done.
    """

    who: Name
    reason: Text
    key: Annotated[str, Meta(max_length=256)]
    problem: Text
    remedy: Text


class OrderWrittenOff(Message, frozen=True, kw_only=True):
    """An order was taken out of the books without a word of its client.

    quantity: base units that were not filled.
    risk_usdt: what it reserved, USDT.
    client: whose order it was; empty where nobody was asked to report.
    """

    order_id: OrderId
    symbol: Symbol
    side: Side
    quantity: Decimal
    risk_usdt: float
    client: ClientName
    who: Name
    reason: Text


class CommandRefused(Message, frozen=True, kw_only=True):
    """An operator's command was not carried out.

    reason: names field, value and remedy.
    nothing_to_do: what the command asks for is so already, so it is no fault.
    """

    command: Name
    who: Name
    reason: Text
    nothing_to_do: bool = False
