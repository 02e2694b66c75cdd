"""What stands in the way of a write-off, before anybody is asked whether it is meant.

The risk service decides; this looks at what it has stored and told, so that nobody answers a question for nothing.
"""

from dataclasses import dataclass

from shared.application.stack import StackLocator
from shared.application.status import halts_in_force, latest_portfolio
from shared.domain.portfolio.ledger import POSITION, Position
from shared.domain.risk.commands.write_off import can_be_sold
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.messages.catalogue import PAIRS
from shared.messages.market import PairListed
from shared.ports.bus import Bus

LISTINGS_READ = 1_000


@dataclass(frozen=True, slots=True)
class WriteOffLook:
    """What a look at the books showed. Neither: it may be written off, or only the risk service knows.

    nothing_to_do: nothing is held, and no order is open.
    refusal: why it would be refused, in words.
    """

    nothing_to_do: bool = False
    refusal: str = ""


async def look_before_write_off(stack: StackLocator, symbol: str) -> WriteOffLook:
    """What is to be told before the question. Raises ``BusLostError``."""
    names = {symbol, *stack.settings.universe.names_of(symbol)}
    async with stack.bus() as bus:
        if any(halt.symbol in names and halt.trigger == "false_fill" for halt in await halts_in_force(bus)):
            return WriteOffLook()
        held = await stack.risk_records(bus, POSITION, Position)
        if not names & held.keys():
            orders = await stack.risk_records(bus, ORDER, OpenOrder)
            return WriteOffLook(nothing_to_do=not any(order.symbol in names for order in orders.values()))
        booked = next(name for name in names if name in held)
        return WriteOffLook(refusal=can_be_sold(booked) if await _is_traded(stack, bus, booked) else "")


async def _is_traded(stack: StackLocator, bus: Bus, symbol: str) -> bool:
    """Whether the exchange trades the pair, has a price for it, and the position is no dust."""
    portfolio = await latest_portfolio(bus)
    if (
        portfolio is None
        or symbol in (*portfolio.unpriced, *portfolio.dust)
        or symbol not in stack.settings.universe.symbols
    ):
        return False
    listed = [each for each in await bus.latest(PAIRS.key, LISTINGS_READ) if isinstance(each, PairListed)]
    return next((each.status for each in listed if each.symbol == symbol), "") == "trading"
