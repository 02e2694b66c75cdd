"""From ceilings to a verdict: the least ceiling, cut to the lot step, refused below the exchange's minimum."""

from decimal import Decimal

from msgspec import Struct

from shared.domain.numbers import round_down, to_decimal
from shared.domain.risk.rules import RULES, UNBOUNDED
from shared.domain.risk.view import View
from shared.messages.market import PairListed
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import OrderProposed, Verdict

ZERO = Decimal(0)
SLACK = 1e-12  # float rounding, relative: an order exactly at its ceiling is approved whole


class Ruling(Struct, frozen=True, kw_only=True):
    """A verdict before it becomes a message. quantity: base units. binding: the rule that set it, empty if whole."""

    verdict: Verdict
    quantity: Decimal
    binding: str
    reason: str
    ceilings: tuple[Ceiling, ...]


def decide_opening(order: OrderProposed, view: View) -> Ruling:
    """Every rule, in order; the least ceiling binds, the first among equals."""
    ceilings = tuple(rule(order, view) for rule in RULES)
    least = min(ceilings, key=_quantity)
    wanted = order.quantity
    most = max(0.0, least.quantity) * (1.0 + SLACK)
    if most < float(wanted) or not most:
        wanted, binding, reason = min(wanted, to_decimal(most)), least.rule, least.reason
    else:
        binding, reason = "", ""
    if view.listing is not None:
        lot = _lot_ceiling(view.listing)
        if lot is not None and wanted > lot:
            wanted, binding, reason = lot, "max_quantity", f"one order holds at most {lot}"
        wanted = round_down(wanted, view.listing.quantity_step)
        if wanted > 0 and _below_minimum(wanted, view.price, view.listing):
            reason = _joined(reason, f"{wanted} is below the exchange's minimum of {_minimum(view.listing)}")
            wanted, binding = ZERO, binding or "minimum"
    if wanted <= 0:
        return Ruling(verdict="reject", quantity=ZERO, binding=binding or "lot_step",
                      reason=reason or _why(least), ceilings=ceilings)  # fmt: skip
    if wanted >= order.quantity:
        return Ruling(verdict="approve", quantity=wanted, binding="", reason="", ceilings=ceilings)
    return Ruling(verdict="trim", quantity=wanted, binding=binding or "lot_step",
                  reason=reason or _why(least), ceilings=ceilings)  # fmt: skip


def decide_reducing(order: OrderProposed, view: View, held: Decimal, selling: Decimal) -> Ruling:
    """A sell up to what is held and not being sold yet always passes: no limit, halt or stale price holds it back."""
    room = max(ZERO, held - selling)
    ceiling = Ceiling(
        rule="position", quantity=float(room), limit=float(held), used=float(selling), headroom=float(room), unit="base"
    )
    fault = _fault_of_sell(order, view)
    if fault or room <= 0 or order.quantity <= 0:
        reason = fault or (f"quantity {order.quantity} must be above 0" if order.quantity <= 0 else
                           f"nothing to sell: {held} {order.symbol} held, {selling} being sold")  # fmt: skip
        return Ruling(verdict="reject", quantity=ZERO, binding="position", reason=reason, ceilings=(ceiling,))
    if order.quantity <= room:
        return Ruling(verdict="approve", quantity=order.quantity, binding="", reason="", ceilings=(ceiling,))
    reason = f"{held} {order.symbol} held, {selling} being sold"
    return Ruling(verdict="trim", quantity=room, binding="position", reason=reason, ceilings=(ceiling,))


def _fault_of_sell(order: OrderProposed, view: View) -> str:
    """What makes a sell no order at all; its risk is never in question."""
    if order.portfolio != view.portfolio:
        return f"portfolio {order.portfolio!r}: this is {view.portfolio!r}; propose on its own stream"
    if order.order_type == "limit" and (order.limit_price is None or order.limit_price <= 0):
        return f"limit_price {order.limit_price} must be above 0 for a limit order"
    return ""


def _quantity(ceiling: Ceiling) -> float:
    return ceiling.quantity


def _why(ceiling: Ceiling) -> str:
    if ceiling.reason:
        return ceiling.reason
    if ceiling.quantity >= UNBOUNDED:
        return "the quantity is below one lot step"
    return f"{ceiling.rule} has {ceiling.headroom:,.2f} of {ceiling.limit:,.2f} {ceiling.unit} left"


def _lot_ceiling(listing: PairListed) -> Decimal | None:
    return listing.max_quantity if listing.max_quantity > 0 else None


def _below_minimum(quantity: Decimal, price: float, listing: PairListed) -> bool:
    return quantity < listing.min_quantity or float(quantity) * price < float(listing.min_notional)


def _minimum(listing: PairListed) -> str:
    return f"{listing.min_quantity} base units and {listing.min_notional} USDT"


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)
