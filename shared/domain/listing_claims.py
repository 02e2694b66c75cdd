"""What is said of a pair is held against what can be, before it moves a position or judges an order.

A rename moves a position, its stop and its halts, and multiplies its quantity: it is money. Only a rename that the
configuration names (``universe.toml``) is believed.
"""

from decimal import Decimal

from msgspec import structs

from shared.domain.numbers import plain
from shared.domain.universe import Universe
from shared.messages.dead_letter import Doubt
from shared.messages.market import PairListed

STEPS = ("price_step", "quantity_step", "market_quantity_step")
FINEST = Decimal("1e-18")  # so that no quotient has more digits than amounts are computed with
AMOUNTS = tuple(field.name for field in structs.fields(PairListed) if field.type is Decimal)


def doubt_about_listing(listing: PairListed, universe: Universe) -> Doubt | None:
    """The first thing that cannot be; nothing where all can."""
    if listing.formerly and not universe.has_renamed(listing.formerly, listing.symbol, listing.ratio):
        given = f"{listing.symbol} was {listing.formerly}, {plain(listing.ratio)} new units for each old one"
        return Doubt("formerly", f"{given}: no such rename is in universe.toml")
    for name in AMOUNTS:
        if getattr(listing, name) < 0:
            return Doubt(name, f"{name} {plain(getattr(listing, name))} must not be below 0")
    for name in STEPS:
        if 0 < getattr(listing, name) < FINEST:
            return Doubt(name, f"{name} {plain(getattr(listing, name))} is finer than any exchange counts in")
    return None
