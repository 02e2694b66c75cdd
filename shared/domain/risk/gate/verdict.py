"""From ceilings to a verdict: the least one, cut down to what the exchange takes, and refused where that is nothing."""

from decimal import Decimal

from msgspec import Struct, structs

from shared.domain.filters import filters_of
from shared.domain.filters.quantities import (
    Lots,
    cut_to_most,
    cut_to_step,
    lots_of,
    shortfall,
    shortfall_words,
    surely_takes,
)
from shared.domain.numbers import ZERO, plain, to_decimal
from shared.domain.risk.gate.client_bounds import fault_of_order
from shared.domain.risk.gate.rules import RULES_FOR
from shared.domain.risk.gate.validity import fault_of_any, fault_of_prices
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
    rules = RULES_FOR[view.state.client_orders, bool(view.effective.clients)]
    ceilings = tuple([rule(order, view) for rule in rules])
    least = ceilings[0]
    for ceiling in ceilings:
        if ceiling.quantity < least.quantity:
            least = ceiling
    most, listing = least.quantity * (1.0 + SLACK), view.listing
    if 0.0 < view.quantity <= most:
        own_price = view.mark if order.limit_price is None else float(order.limit_price)
        if listing is None or surely_takes(order.quantity, view.quantity, own_price, listing):  # most orders
            return Ruling("approve", order.quantity, view.quantity, ceilings)
        cut = _Cut(order.quantity, "", "open", "")
    else:
        cut = _Cut(to_decimal(most), least.rule, least.code, least.reason or _why(least))
    if listing is not None and cut.quantity > 0:
        cut = _cut_to_filters(cut, lots_of(listing, order.order_type, order.limit_price, view.mark), listing)
    if cut.quantity >= order.quantity and cut.quantity:
        return Ruling("approve", order.quantity, view.quantity, ceilings)
    verdict: Verdict = "trim" if cut.quantity > 0 else "reject"
    quantity = max(ZERO, cut.quantity)
    return Ruling(
        verdict,
        quantity,
        float(quantity),
        ceilings,
        binding=cut.binding,
        code=cut.code,
        reason=cut.reason,
        shortfall=cut.shortfall,
    )


def _cut_to_filters(cut: _Cut, lots: Lots, listing: PairListed) -> _Cut:
    """Down to what the exchange takes: its largest order, whole lots, and nothing below its least."""
    most = cut_to_most(cut.quantity, lots)
    if most.rule:
        cut = _Cut(most.quantity, most.rule, "lot_size", most.reason)
    whole = cut_to_step(cut.quantity, lots)
    if whole.rule:
        if cut.binding:
            cut = structs.replace(cut, quantity=whole.quantity)
        else:
            cut = _Cut(whole.quantity, whole.rule, "lot_size", whole.reason)
    short = shortfall(whole.quantity or most.quantity, lots, listing)
    if short is None:
        return cut
    below = shortfall_words(short)
    is_alone = not cut.reason or cut.binding == "lot_step"
    reason = below if is_alone else f"{cut.reason}; what that leaves, {below}"
    binding = "minimum" if cut.binding in ("", "lot_step") else cut.binding
    return _Cut(ZERO, binding, "below_minimum", reason, short)


def decide_reducing(order: OrderProposed, view: View, held: Decimal, selling: Decimal) -> Ruling:
    """A sell up to what is held and not being sold yet always passes: no limit, halt or stale price holds it back.

    Only the exchange does: the sell is refused for a price that the exchange would refuse, cut to what the exchange
    takes, and refused as dust where that is nothing.
    """
    room = max(ZERO, held - selling)
    position = Ceiling("position", float(room), float(held), float(selling), float(room), "base", code="limit")
    if foreign := fault_of_order(order, view):
        return _rejected(position, "client_bounds", "not_allowed", foreign.reason)
    if fault := fault_of_any(order, view):
        return _rejected(position, "position", "invalid", fault)
    if refused := fault_of_prices(order, view):
        return _rejected(position, "position", refused.code, refused.reason)
    if room <= 0:
        nothing = f"nothing to sell: {_held(order, held, selling)}"
        if name := held_as(view.state, order.symbol):
            nothing += f"; it is held as {name} now: sell that"
        return _rejected(position, "position", "limit", nothing)
    cut = _Cut(order.quantity, "", "open", "")
    if room < order.quantity:
        cut = _Cut(room, "position", "limit", _held(order, held, selling))
    listing = filters_of(view.listing)
    if listing is not None:
        lots = lots_of(listing, order.order_type, order.limit_price, view.fresh_mark)
        cut = _cut_to_filters(cut, lots, listing)
    if cut.shortfall is not None:
        return _rejected(position, cut.binding, "dust", f"dust: {cut.reason}", cut.shortfall)
    verdict: Verdict = "trim" if cut.quantity < order.quantity else "approve"
    units = float(cut.quantity)
    return Ruling(verdict, cut.quantity, units, (position,), binding=cut.binding, code=cut.code, reason=cut.reason)


def _held(order: OrderProposed, held: Decimal, selling: Decimal) -> str:
    return f"{plain(held)} {order.symbol} held, {plain(selling)} being sold"


def _rejected(
    position: Ceiling, binding: str, code: Finding, reason: str, shortfall: Shortfall | None = None
) -> Ruling:
    return Ruling("reject", ZERO, 0.0, (position,), binding=binding, code=code, reason=reason, shortfall=shortfall)


def _why(ceiling: Ceiling) -> str:
    if ceiling.reason:
        return ceiling.reason
    if not ceiling.headroom > 0.0:
        return f"{ceiling.rule} is used up: {ceiling.used:z,.2f} of {ceiling.limit:z,.2f} {ceiling.unit}"
    return f"{ceiling.rule} has {ceiling.headroom:,.2f} of {ceiling.limit:,.2f} {ceiling.unit} left"
