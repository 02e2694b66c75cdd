"""Under which name of a renamed pair a position is booked.

Execution and the books hear of a rename each in its own time. Execution's first word under the new name means that the
position has moved; a last one under the old name may come when it has moved in the books already.
"""

from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from shared.domain.portfolio.ledger import Ledger
from shared.domain.universe import Universe
from shared.messages.orders import OrderFilled

ONE = Decimal(1)


class Booked(NamedTuple):
    """symbol: the name a position in the pair is booked under. ratio: units of it for each one of the name given.

    moved: the position came over from another name just now: that one, or empty.
    """

    symbol: str
    ratio: Decimal = ONE
    moved: str = ""


def booked_name(ledger: Ledger, universe: Universe, symbol: str) -> Booked:
    """Where to book what execution says of ``symbol``; moves the position if this tells that it was renamed."""
    rename = universe.rename_of(symbol)
    if rename is None:
        return Booked(symbol)
    new, old = universe.names_of(symbol)
    if symbol == new and ledger.rename(old, new, rename.ratio):
        return Booked(new, moved=old)
    if symbol == old and ledger.position(new) and not ledger.position(old):
        return Booked(new, rename.ratio)
    return Booked(symbol)


def fill_as_booked(fill: OrderFilled, booked: Booked) -> OrderFilled:
    """The fill in units of the name it is booked under: as much money, ``ratio`` times the quantity."""
    if fill.symbol == booked.symbol:
        return fill
    return structs.replace(
        fill,
        symbol=booked.symbol,
        quantity=fill.quantity * booked.ratio,
        price=fill.price / booked.ratio,
        stop_price=None if fill.stop_price is None else fill.stop_price / booked.ratio,
    )
