"""What is said of a pair is held against what can be, before it moves a position or judges an order.

A rename moves a position, its stop and its halts, and multiplies its quantity: it is money. Only a rename that the
configuration names (``universe.toml``) is believed.
"""

from typing import NamedTuple

from shared.domain.numbers import plain
from shared.domain.universe import Universe
from shared.messages.market import PairListed


class OddListing(NamedTuple):
    """What is not believed of a listing. field: which one. reason: why, for people."""

    field: str
    reason: str


def doubt_about_listing(listing: PairListed, universe: Universe) -> OddListing | None:
    """The first thing that cannot be; nothing where all can."""
    if listing.formerly and not universe.has_renamed(listing.formerly, listing.symbol, listing.ratio):
        given = f"{listing.symbol} was {listing.formerly}, {plain(listing.ratio)} new units for each old one"
        return OddListing("formerly", f"{given}: no such rename is in universe.toml")
    for name in AMOUNTS:
        if getattr(listing, name) < 0:
            return OddListing(name, f"{name} {plain(getattr(listing, name))} must not be below 0")
    return None


AMOUNTS = (
    "price_step", "quantity_step", "min_quantity", "max_quantity", "min_notional", "min_price", "max_price",
    "market_quantity_step", "market_min_quantity", "market_max_quantity", "max_notional", "bid_multiplier_up",
    "bid_multiplier_down", "ask_multiplier_up", "ask_multiplier_down",
)  # fmt: skip
