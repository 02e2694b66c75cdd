"""Whose order an order is. Where clients execute by themselves, it is this one that has to report of it."""

from shared.messages.orders import OrderDecided, OrderProposed


def client_of(order: OrderProposed | OrderDecided) -> str:
    """The name under which it was proposed: that of its strategy, for orders carry no other.

    Once a client has a name of its own, which it cannot choose freely, that name belongs here.
    """
    return order.strategy
