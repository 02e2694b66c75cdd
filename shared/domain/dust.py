"""Dust: so little of a coin that the exchange takes no order for it. No order sells it, and no stop protects it."""

from shared.messages.market import PairListed

MOST_DUST_USDT = 100.0  # whatever the exchange says of its minimum: what is worth more is never dust


def is_dust(listing: PairListed | None, quantity: float, price: float) -> bool:
    """Whether a quantity, in base units, is dust at this price, USDT per unit; of a pair that is unknown nothing is."""
    worth = quantity * price
    if listing is None or worth > MOST_DUST_USDT:
        return False
    return quantity < float(max(listing.min_quantity, listing.quantity_step)) or worth < float(listing.min_notional)
