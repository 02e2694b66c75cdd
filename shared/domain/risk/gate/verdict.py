"""From ceilings to a verdict: the least ceiling, cut to the lot step, refused below the exchange's minimum."""

from decimal import Decimal

from msgspec import Struct

from shared.domain.numbers import round_down, to_decimal
from shared.domain.risk.gate.rules import RULES
from shared.domain.risk.gate.validity import fault_of_any
from shared.domain.risk.gate.view import View
from shared.messages.market import PairListed
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import OrderProposed, Verdict

ZERO = Decimal(0)
SLACK = 1e-12  # float rounding, relative: an order exactly at its ceiling is approved whole


class Ruling(Struct, frozen=True, gc=False):
    """A verdict before it becomes a message. binding: the rule that set it, empty if whole.

    quantity: base units; units: the same as a float.
    """

    verdict: Verdict
    quantity: Decimal
    units: float
    binding: str
    reason: str
    ceilings: tuple[Ceiling, ...]


def decide_opening(order: OrderProposed, view: View) -> Ruling:
    """Every rule, in order; the least ceiling binds, the first among equals."""
    ceilings = tuple([rule(order, view) for rule in RULES])
    least = ceilings[0]
    for ceiling in ceilings:
        if ceiling.quantity < least.quantity:
            least = ceiling
    wanted, binding, reason = order.quantity, "", ""
    most = least.quantity * (1.0 + SLACK)
    if not 0.0 < view.quantity <= most:
        wanted, binding, reason = to_decimal(most), least.rule, least.reason
    if view.listing is not None:
        wanted, binding, reason = _tradable(wanted, binding, reason, view.price, view.listing)
    if wanted >= order.quantity and wanted:
        return Ruling("approve", wanted, view.quantity, "", "", ceilings)
    verdict: Verdict = "trim" if wanted > 0 else "reject"
    if not binding:
        binding, reason = "lot_step", "the exchange takes whole lot steps only"
    quantity = max(ZERO, wanted)
    return Ruling(verdict, quantity, float(quantity), binding, reason or _why(least), ceilings)


def _tradable(
    wanted: Decimal, binding: str, reason: str, price: float, listing: PairListed
) -> tuple[Decimal, str, str]:
    """Down to what the exchange takes: its largest order, its step, and nothing below its minimum."""
    if listing.max_quantity > 0 and wanted > listing.max_quantity:
        wanted, binding, reason = (
            listing.max_quantity,
            "max_quantity",
            f"one order holds at most {listing.max_quantity}",
        )
    if listing.quantity_step > 0 and (binding or wanted % listing.quantity_step):
        wanted = round_down(wanted, listing.quantity_step)
    if wanted > 0 and (wanted < listing.min_quantity or float(wanted) * price < float(listing.min_notional)):
        minimum = f"{listing.min_quantity} base units and {listing.min_notional} USDT"
        below = f"{wanted} is below the exchange's minimum of {minimum}"
        return ZERO, binding or "minimum", f"{reason}; {below}" if reason else below
    return wanted, binding, reason


def decide_reducing(order: OrderProposed, view: View, held: Decimal, selling: Decimal) -> Ruling:
    """A sell up to what is held and not being sold yet always passes: no limit, halt or stale price holds it back."""
    room = max(ZERO, held - selling)
    ceiling = Ceiling("position", float(room), float(held), float(selling), float(room), "base")
    fault = fault_of_any(order, view)
    if not fault and room <= 0:
        fault = f"nothing to sell: {held} {order.symbol} held, {selling} being sold"
        if name := view.state.held_as(order.symbol):
            fault += f"; it is held as {name} now: sell that"
    if fault:
        return Ruling("reject", ZERO, 0.0, "position", fault, (ceiling,))
    most = view.listing.max_quantity if view.listing is not None else ZERO
    if 0 < most < min(order.quantity, room):
        return Ruling("trim", most, float(most), "max_quantity", f"one order holds at most {most}", (ceiling,))
    if order.quantity <= room:
        return Ruling("approve", order.quantity, view.quantity, "", _dust(order.quantity, view), (ceiling,))
    why = f"{held} {order.symbol} held, {selling} being sold"
    return Ruling("trim", room, float(room), "position", "; ".join(filter(None, (why, _dust(room, view)))), (ceiling,))


def _dust(quantity: Decimal, view: View) -> str:
    """Below the exchange's minimum a sell passes here but may not trade there: say so."""
    listing = view.listing
    if listing is None:
        return ""
    small = quantity < listing.min_quantity or 0.0 < float(quantity) * view.price < float(listing.min_notional)
    return f"dust: below the exchange's minimum of {listing.min_notional} USDT" if small else ""


def _why(ceiling: Ceiling) -> str:
    if ceiling.reason:
        return ceiling.reason
    return f"{ceiling.rule} has {ceiling.headroom:,.2f} of {ceiling.limit:,.2f} {ceiling.unit} left"
