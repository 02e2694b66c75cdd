"""Under which of its names the ledger has a renamed pair.

Execution and the ledger learn of a rename at different times. The first message of execution under the new name means
that the position has moved. A last message under the old name may come after it has moved in the ledger.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from shared.domain.numbers import ONE
from shared.domain.portfolio.ledger import Ledger, Position
from shared.domain.universe import Universe
from shared.messages.orders import OrderFilled


class LedgerName(NamedTuple):
    """Where the ledger has a position.

    symbol: the name that the pair has there.
    ratio: units of that name for each unit of the name that was asked for.
    moves_from: the name under which the position still stands, or empty.
    """

    symbol: str
    ratio: Decimal = ONE
    moves_from: str = ""


def ledger_name(ledger: Ledger, universe: Universe, symbol: str) -> LedgerName:
    """The name under which what execution says of ``symbol`` belongs; ``moves_from`` if it tells of a rename."""
    rename = universe.rename_of(symbol)
    if rename is None:
        return LedgerName(symbol)
    new, old = universe.names_of(symbol)
    if symbol == new and ledger.position(old) and not ledger.position(new):
        return LedgerName(new, moves_from=old)
    if symbol == old and ledger.position(new) and not ledger.position(old):
        return LedgerName(new, rename.ratio)
    return LedgerName(symbol)


def position_as(ledger: Ledger, universe: Universe, named: LedgerName) -> Position | None:
    """What is held under that name once the position has moved there; None when that is nothing."""
    if named.moves_from and (held := ledger.position(named.moves_from)) is not None:
        rename = universe.rename_of(named.symbol)
        return held.renamed(named.symbol, rename.ratio if rename is not None else ONE)
    return ledger.position(named.symbol)


def fill_in_ledger_units(fill: OrderFilled, named: LedgerName) -> OrderFilled:
    """The fill in units of the ledger's name: as much money, ``ratio`` times the quantity."""
    if fill.symbol == named.symbol:
        return fill
    return structs.replace(
        fill,
        symbol=named.symbol,
        quantity=fill.quantity * named.ratio,
        price=fill.price / named.ratio,
        stop_price=None if fill.stop_price is None else fill.stop_price / named.ratio,
    )
