"""One position that is to come in: what it would be in the books, and the first thing that does not fit."""

from decimal import Decimal

from msgspec import structs

from shared.domain.filters.prices import price_fault
from shared.domain.filters.quantities import lots_of, shortfall
from shared.domain.numbers import ZERO, is_multiple, plain, round_down, to_decimal
from shared.domain.portfolio.heat import PairHeat
from shared.domain.risk.gate.view import View
from shared.domain.risk.gate.what_if import entry_stop
from shared.domain.risk.state.pair_aliases import aliases_of, trading_name
from shared.domain.risk.state.state import RiskState
from shared.domain.words import figure
from shared.messages.ask import ImportRow
from shared.messages.base import AMOUNT_BELOW, truncate
from shared.messages.control import PositionToImport
from shared.messages.market import PairListed
from shared.messages.orders import OrderProposed

COST_REACH = 100.0  # a coin may have been bought long ago; further off, a cost is a slip of units or of columns
MOST_USDT = Decimal(10) ** AMOUNT_BELOW  # no message can tell of as much


def row_of(state: RiskState, wanted: PositionToImport) -> ImportRow:
    """The position at the present mark, with the cost and the stop that it would be booked with."""
    pair, listing = state.heat.pair(wanted.symbol), state.listings.get(wanted.symbol)
    mark = state.fresh_mark(pair) if wanted.symbol not in state.outside else 0.0
    cost = wanted.cost if wanted.cost is not None else to_decimal(mark)
    stop = wanted.stop if wanted.stop is not None else _stop_of_entry(state, wanted.symbol, mark, listing)
    notional = risk = 0.0
    if pair is not None and mark:
        notional, risk = _worth(pair, float(wanted.quantity), mark, stop)
    row = ImportRow(
        symbol=wanted.symbol,
        quantity=wanted.quantity,
        cost=cost,
        mark=mark,
        stop=stop,
        notional_usdt=notional,
        open_risk_usdt=risk,
    )
    return structs.replace(row, fault=truncate(_fault_of(state, row, listing)))


def _worth(pair: PairHeat, quantity: float, mark: float, stop: Decimal | None) -> tuple[float, float]:
    """(notional, open risk), as ``Heat`` will count them."""
    held = PairHeat(pair.symbol, pair.sector, pair.exit_rate)
    held.quantity, held.mark, held.stop = quantity, mark, None if stop is None else float(stop)
    notional, _, open_risk = held.value()
    return notional, open_risk


def _stop_of_entry(state: RiskState, symbol: str, mark: float, listing: PairListed | None) -> Decimal | None:
    """The stop that sizing would set for an entry at the mark; None while mark, ATR or tick is not known."""
    if not mark or listing is None:
        return None
    bare = OrderProposed(id="import", time_ns=state.now_ns, symbol=symbol, side="buy", quantity=ZERO)
    stop, is_known = entry_stop(View(bare, state), mark, listing.price_step)
    return stop if is_known else None


# --- what does not fit ------------------------------------------------------------------------------------------------


def _fault_of(state: RiskState, row: ImportRow, listing: PairListed | None) -> str:
    return (
        _fault_of_pair(state, row.symbol, listing)
        or _fault_of_books(state, row.symbol)
        or _fault_of_quantity(row, listing)
        or _fault_of_cost(row)
        or _fault_of_stop(row, listing)
    )


def _fault_of_pair(state: RiskState, symbol: str, listing: PairListed | None) -> str:
    pair = state.heat.pair(symbol)
    if pair is None or symbol in state.outside:
        return "the pair is not in the universe; add it to universe.toml, or leave it out"
    present = trading_name(state, symbol)
    if present != symbol:
        return f"the pair trades as {present} now; name that, with what is held of it"
    if listing is None:
        return "the pair has not been seen on the exchange yet; wait until it has (heatsink status)"
    if not state.fresh_mark(pair):
        return f"the pair ({listing.status}) has no fresh price; wait for one, or leave it out"
    return ""


def _fault_of_books(state: RiskState, symbol: str) -> str:
    """Held already, or on order: then nobody could tell what of it is in the books."""
    names = aliases_of(state, symbol)
    for name in names:
        if held := state.ledger.quantity(name):
            return f"the pair is in the books already: {plain(held)} {name} held; leave it out"
    order = next((order for order in state.reservations.all() if order.symbol in names), None)
    if order is not None:
        return f"the pair has an open order, {order.order_id}, which may have bought it; cancel that first"
    return ""


def _fault_of_quantity(row: ImportRow, listing: PairListed | None) -> str:
    if row.quantity <= 0:
        return f"quantity {plain(row.quantity)} must be above 0"
    if listing is None:
        return ""
    step = listing.quantity_step
    if not is_multiple(row.quantity, step):
        whole = plain(round_down(row.quantity, step))
        return f"quantity {plain(row.quantity)} is off the lot of {plain(step)} (LOT_SIZE): write {whole}"
    short = shortfall(row.quantity, lots_of(listing, "market", None, row.mark), listing)
    if short is not None:
        least = plain(short.least)
        return f"quantity {plain(row.quantity)} is dust, which could not be sold ({short.filter}): {least} could"
    return ""


def _fault_of_cost(row: ImportRow) -> str:
    if row.cost <= 0:
        return f"cost {plain(row.cost)} must be above 0; leave it out for the price of now"
    if not row.mark / COST_REACH <= float(row.cost) <= row.mark * COST_REACH:
        reach = f"more than {COST_REACH:g} times off the price of {figure(row.mark)}"
        return f"cost {plain(row.cost)} of a unit is {reach}; mend it, or leave it out for the price of now"
    if row.cost * row.quantity >= MOST_USDT or float(row.quantity) * row.mark >= float(MOST_USDT):
        return f"quantity {plain(row.quantity)} is worth more than there is; write what is held"
    return ""


def _fault_of_stop(row: ImportRow, listing: PairListed | None) -> str:
    if row.stop is None:
        return "stop is missing, and its ATR is not known to set one by; name a price for it"
    if row.stop <= 0:
        return f"stop {plain(row.stop)} must be above 0"
    if float(row.stop) >= row.mark:
        return f"stop {plain(row.stop)} is not below the price of {figure(row.mark)}, and would sell at once; lower it"
    fault = price_fault("stop", row.stop, "sell", listing, row.mark) if listing is not None else None
    return fault.reason if fault is not None else ""
