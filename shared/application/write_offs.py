"""What stands in the way of a write-off, before anybody is asked whether it is meant.

The risk service decides; this looks at what it has stored and told, so that nobody answers a question for nothing.
"""

from dataclasses import dataclass
from decimal import Decimal

from shared.application.limits import limits_in_force
from shared.application.stack import StackLocator
from shared.application.status import halts_in_force, latest_portfolio
from shared.domain.numbers import ZERO, round_usdt
from shared.domain.portfolio.ledger import POSITION, Position
from shared.domain.risk.commands.write_off import how_it_trades
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.messages.catalogue import PAIRS
from shared.messages.market import GONE, PairListed
from shared.ports.bus import Bus

LISTINGS_READ = 1_000


@dataclass(frozen=True, slots=True)
class WriteOffLook:
    """What a look at the books showed. Neither: it may be written off, or only the risk service knows.

    nothing_to_do: nothing is held, and no order is open.
    refusal: why it would be refused, in words.
    held: what would be booked out; None where only orders are left, or where that is not known.
    open_risk_usdt: of it, as the newest snapshot has it: what heat is less by afterwards.
    """

    nothing_to_do: bool = False
    refusal: str = ""
    held: Position | None = None
    open_risk_usdt: float = 0.0

    def loss_usdt(self, price: Decimal | None) -> Decimal:
        """What is lost by it at a price, against what had been paid; below 0, a gain."""
        return self.held.cost - round_usdt(self.held.quantity * (price or ZERO)) if self.held is not None else ZERO


async def look_before_write_off(stack: StackLocator, symbol: str) -> WriteOffLook:
    """What is to be told before the question. Raises ``BusLostError``."""
    names = dict.fromkeys((symbol, *stack.settings.universe.names_of(symbol)))
    async with stack.bus() as bus:
        held = await stack.risk_records(bus, POSITION, Position)
        booked = next((name for name in names if name in held), "")
        is_doubted = any(halt.symbol in names and halt.trigger == "false_fill" for halt in await halts_in_force(bus))
        if booked:
            refusal = "" if is_doubted else await _why_not(stack, bus, booked)
            return WriteOffLook(refusal=refusal, held=held[booked], open_risk_usdt=await _open_risk(bus, booked))
        if is_doubted:
            return WriteOffLook()
        orders = await stack.risk_records(bus, ORDER, OpenOrder)
        return WriteOffLook(nothing_to_do=not any(order.symbol in names for order in orders.values()))


async def _open_risk(bus: Bus, symbol: str) -> float:
    portfolio = await latest_portfolio(bus)
    held = portfolio.positions if portfolio is not None else ()
    return sum(position.open_risk_usdt for position in held if position.symbol == symbol)


async def _why_not(stack: StackLocator, bus: Bus, symbol: str) -> str:
    """Why the risk service would refuse, as far as its snapshot and the newest listings tell; empty otherwise."""
    portfolio = await latest_portfolio(bus)
    if portfolio is None or symbol in (*portfolio.unpriced, *portfolio.dust):
        return ""
    listed = [each for each in await bus.latest(PAIRS.key, LISTINGS_READ) if isinstance(each, PairListed)]
    status = next((each.status for each in listed if each.symbol == symbol), None)
    if status is None or status in GONE or symbol not in stack.settings.universe.symbols:
        return ""
    return how_it_trades(symbol, status, (await limits_in_force(stack, bus)).unpriced_seconds)
