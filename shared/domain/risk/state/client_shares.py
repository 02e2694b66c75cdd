"""What is each client's own part of the limits, where clients have bounds (``[clients.NAME]``)."""

from collections.abc import Mapping

from msgspec import Struct

from shared.domain.plan import ClientPlan, Limits


class ClientShare(Struct, frozen=True, kw_only=True):
    """The bounds of one client, with a number for each.

    plan: as they were written.
    heat: open plus reserved risk of what it bought, as a fraction of NAV.
    orders_per_second: approvals in a wall second.
    open_orders: approved and not finished, at once; as a float.
    """

    plan: ClientPlan
    heat: float
    orders_per_second: int
    open_orders: float


def shares_of(clients: Mapping[str, ClientPlan], limits: Limits) -> dict[str, ClientShare]:
    """The share of each client. What nobody was given is divided among those that name none, and the stack itself."""
    return {
        name: ClientShare(
            plan=client,
            heat=client.heat or _part(limits.heat, [each.heat for each in clients.values()]),
            orders_per_second=client.orders_per_second
            or _whole(limits.orders_per_second, [each.orders_per_second for each in clients.values()]),
            open_orders=float(
                client.open_orders or _whole(limits.max_open_orders, [each.open_orders for each in clients.values()])
            ),
        )
        for name, client in clients.items()
    }


def _whole(limit: int, given: list[int]) -> int:
    """One at least: a client that may nothing at all is left out of the configuration."""
    return max(1, int(_part(limit, [float(each) for each in given])))


def _part(limit: float, given: list[float]) -> float:
    """Of what is left, 0 standing for a client that names no share."""
    return max(0.0, limit - sum(given)) / (given.count(0) + 1)
