"""Whose order an order is. Where clients execute by themselves, it is this one that has to report of it."""

from shared.messages.orders import OrderDecided


def client_of(order: OrderDecided) -> str:
    """The client that proposed it, where clients have names and bounds; elsewhere the name of its strategy."""
    return order.client or order.strategy
