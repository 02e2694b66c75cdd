"""From ceilings to a verdict: the least one, cut down to the lot step, and refused below the exchange's minimum."""

from decimal import Decimal

from msgspec import Struct, structs

from shared.domain.numbers import ZERO, round_down, to_decimal
from shared.domain.risk.gate.rules import RULES
from shared.domain.risk.gate.validity import fault_of_any
from shared.domain.risk.gate.view import View
from shared.domain.risk.state.pair_aliases import held_as
from shared.messages.market import PairListed
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import Code, Finding, OrderProposed, Shortfall, Verdict

SLACK = 1e-12  # float rounding, relative: an order exactly at its ceiling is approved whole


class Ruling(Struct, frozen=True, gc=False):
    """A verdict before it becomes a message; the fields are those of ``OrderDecided``.

    quantity: base units that are approved.
    units: the same as a float.
    binding: the rule that set the verdict, empty when all of the order is approved.
    """

    verdict: Verdict
    quantity: Decimal
    units: float
    ceilings: tuple[Ceiling, ...]
    binding: str = ""
    code: Code = "open"
    reason: str = ""
    shortfall: Shortfall | None = None


class _Cut(Struct, frozen=True, gc=False):
    """What is left of an order, and what cut it.

    quantity: base units; below 0 where a ceiling is.
    binding: the rule that cut it, empty while it is whole.
    code, reason, shortfall: as in ``OrderDecided``.
    """

    quantity: Decimal
    binding: str
    code: Code
    reason: str
    shortfall: Shortfall | None = None


def decide_opening(order: OrderProposed, view: View) -> Ruling:
    """Every rule, in order; the least ceiling binds, the first among equals."""
    ceilings = tuple([rule(order, view) for rule in RULES])
    least = ceilings[0]
    for ceiling in ceilings:
        if ceiling.quantity < least.quantity:
            least = ceiling
    most, listing = least.quantity * (1.0 + SLACK), view.listing
    if 0.0 < view.quantity <= most:
        if listing is None or _fits(order.quantity, view, listing):  # what becomes of most orders
            return Ruling("approve", order.quantity, view.quantity, ceilings)
        cut = _Cut(order.quantity, "", "open", "")
    else:
        cut = _Cut(to_decimal(most), least.rule, least.code, least.reason)
    if listing is not None:
        cut = _cut_to_filters(cut, view.price, listing)
    if cut.quantity >= order.quantity and cut.quantity:
        return Ruling("approve", cut.quantity, view.quantity, ceilings)
    verdict: Verdict = "trim" if cut.quantity > 0 else "reject"
    if not cut.binding:
        cut = _Cut(cut.quantity, "lot_step", "lot_size", "the exchange takes whole lot steps only")
    quantity = max(ZERO, cut.quantity)
    return Ruling(
        verdict,
        quantity,
        float(quantity),
        ceilings,
        binding=cut.binding,
        code=cut.code,
        reason=cut.reason or _why(least),
        shortfall=cut.shortfall,
    )


def _fits(quantity: Decimal, view: View, listing: PairListed) -> bool:
    """Whether the exchange's filters take the whole order as it is."""
    if 0 < listing.max_quantity < quantity or (listing.quantity_step > 0 and quantity % listing.quantity_step):
        return False
    return quantity >= listing.min_quantity and view.quantity * view.price >= float(listing.min_notional)


def _cut_to_filters(cut: _Cut, price: float, listing: PairListed) -> _Cut:
    """Down to what the exchange's filters take: its largest order, its step, and nothing below its minimum."""
    most, step = listing.max_quantity, listing.quantity_step
    if 0 < most < cut.quantity:
        cut = _largest_order(most)
    if step > 0 and (cut.binding or cut.quantity % step):
        cut = structs.replace(cut, quantity=round_down(cut.quantity, step))
    quantity = cut.quantity
    if quantity > 0 and (quantity < listing.min_quantity or float(quantity) * price < float(listing.min_notional)):
        minimum = f"{listing.min_quantity} base units and {listing.min_notional} USDT"
        below = f"{quantity} is below the exchange's minimum of {minimum}"
        reason = f"{cut.reason}; {below}" if cut.reason else below
        return _Cut(ZERO, cut.binding or "minimum", "below_minimum", reason, _shortfall(quantity, listing))
    return cut


def _largest_order(most: Decimal) -> _Cut:
    return _Cut(most, "max_quantity", "lot_size", f"one order holds at most {most}")


def _shortfall(quantity: Decimal, listing: PairListed) -> Shortfall:
    return Shortfall(quantity, listing.min_quantity, listing.min_notional)


def decide_reducing(order: OrderProposed, view: View, held: Decimal, selling: Decimal) -> Ruling:
    """A sell up to what is held and not being sold yet always passes: no limit, halt or stale price holds it back."""
    room = max(ZERO, held - selling)
    position = Ceiling("position", float(room), float(held), float(selling), float(room), "base", code="limit")
    if fault := fault_of_any(order, view):
        return _rejected(position, "invalid", fault)
    if room <= 0:
        nothing = f"nothing to sell: {held} {order.symbol} held, {selling} being sold"
        if name := held_as(view.state, order.symbol):
            nothing += f"; it is held as {name} now: sell that"
        return _rejected(position, "limit", nothing)
    most = view.listing.max_quantity if view.listing is not None else ZERO
    if 0 < most < min(order.quantity, room):
        cut = _largest_order(most)
        return Ruling("trim", most, float(most), (position,), binding=cut.binding, code=cut.code, reason=cut.reason)
    dust = _dust(min(order.quantity, room), view)
    small = f"dust: below the exchange's minimum of {dust.min_notional_usdt} USDT" if dust is not None else ""
    if order.quantity <= room:
        code: Finding = "open" if dust is None else "dust"
        return Ruling("approve", order.quantity, view.quantity, (position,), code=code, reason=small, shortfall=dust)
    code = "limit" if dust is None else "dust"
    reason = "; ".join(filter(None, (f"{held} {order.symbol} held, {selling} being sold", small)))
    return Ruling("trim", room, float(room), (position,), binding="position", code=code, reason=reason, shortfall=dust)


def _rejected(position: Ceiling, code: Finding, reason: str) -> Ruling:
    return Ruling("reject", ZERO, 0.0, (position,), binding="position", code=code, reason=reason)


def _dust(quantity: Decimal, view: View) -> Shortfall | None:
    """Below the exchange's minimum a sell passes here but may not trade there: say so."""
    listing = view.listing
    if listing is None:
        return None
    small = quantity < listing.min_quantity or 0.0 < float(quantity) * view.price < float(listing.min_notional)
    return _shortfall(quantity, listing) if small else None


def _why(ceiling: Ceiling) -> str:
    if ceiling.reason:
        return ceiling.reason
    return f"{ceiling.rule} has {ceiling.headroom:,.2f} of {ceiling.limit:,.2f} {ceiling.unit} left"
