"""What a client may send at all, where clients have bounds (``[clients.NAME]`` in ``stack.toml``).

These are rights and no limits: they hold for sales, cancels and stops too. A client that may not trade a pair must not
sell what another holds there. Within its rights, what reduces risk always passes, whatever shares are used up.

Who sends is told by the queue in which a message stands, which on a server with users nobody else can write. What
stands on no client's queue is the stack's own.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.domain.plan import ClientPlan, Sendable
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.risk.state.state import RiskState
from shared.messages.orders import CancelProposed, OrderProposed, StopRaised


class NotAllowed(NamedTuple):
    """What a client may not. field: of its message. reason: for people."""

    field: str
    reason: str


def fault_of_order(order: OrderProposed, view: View) -> NotAllowed | None:
    """Why an order is not this client's to propose; None where it is."""
    client = view.client
    if not client:
        return None
    bounds = view.state.plan.clients.get(client)
    if (fault := _fault_of_sender(client, bounds, "orders")) or bounds is None:
        return fault
    if bounds.strategies and order.strategy not in bounds.strategies:
        return _not_among("strategy", order.strategy, client, "strategies", bounds.strategies)
    return _fault_of_pair(order.symbol, client, bounds)


def fault_of_stop(raised: StopRaised, state: RiskState) -> NotAllowed | None:
    """Why a stop is not this client's to raise; None where it is."""
    client = raised.client
    if not client or not state.plan.clients:
        return None
    bounds = state.plan.clients.get(client)
    if (fault := _fault_of_sender(client, bounds, "stops")) or bounds is None:
        return fault
    return _fault_of_pair(raised.symbol, client, bounds)


def fault_of_cancel(cancel: CancelProposed, order: OpenOrder | None, state: RiskState) -> NotAllowed | None:
    """Why an order is not this client's to cancel; None where it is. order: None where it is not open.

    Whose it is may be unknown, of orders from before clients had bounds. Then whoever trades the pair may cancel it:
    one of them proposed it, and has no other way to take it back. Who sent an order may take it back even when he is
    registered no more.
    """
    client = cancel.client
    if not client or not state.plan.clients:
        return None
    bounds, whose = state.plan.clients.get(client), order and (order.owner or order.sender)
    if bounds is None and whose == client:
        return None
    if (fault := _fault_of_sender(client, bounds, "cancels")) or bounds is None or order is None:
        return fault
    if whose is None:
        return _fault_of_pair(order.symbol, client, bounds)
    if whose != client:
        named = f"client {whose}" if whose else "the stack itself"
        reason = f"order_id {order.order_id} is an order of {named}: client {client} cancels its own orders only"
        return NotAllowed("order_id", reason)
    return None


def _fault_of_sender(client: str, bounds: ClientPlan | None, what: Sendable) -> NotAllowed | None:
    if bounds is None:
        reason = f"client {client} is not registered: the owner adds [clients.{client}] to stack.toml"
        return NotAllowed("client", reason)
    if what not in bounds.may:
        added = f'add "{what}" to clients.{client}.may in stack.toml'
        return NotAllowed("client", f"client {client} may not send {what}, only {_listed(bounds.may)}: {added}")
    return None


def _fault_of_pair(symbol: str, client: str, bounds: ClientPlan) -> NotAllowed | None:
    if not bounds.pairs or symbol in bounds.pairs:
        return None
    return _not_among("symbol", symbol, client, "pairs", bounds.pairs)


def _not_among(field: str, given: str, client: str, key: str, allowed: Iterable[str]) -> NotAllowed:
    """The remedy stands before the list, which may be long."""
    remedy = f"use one of these, or add it to clients.{client}.{key} in stack.toml"
    return NotAllowed(field, f"{field} {given} is none of client {client}: {remedy} ({_listed(allowed)})")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"
