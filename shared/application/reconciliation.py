"""The books beside the account at the exchange (drop copy): what differs, pair by pair. Pure functions.

Quantities count as the same when less than a lot is between them, for a fee that was paid in the coin leaves that much;
cash, when less than a cent is. What no pair of the universe has is outside: it is listed, and no difference.
"""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Literal

from msgspec import Struct

from shared.domain.numbers import ZERO, plain
from shared.domain.portfolio.ledger import Position
from shared.domain.risk.state.reservations import OpenOrder
from shared.domain.universe import Universe, exchange_symbol
from shared.domain.words import figure
from shared.messages.orders import OrderFilled
from shared.ports.account import AccountOrder, Balance

QUOTE = "USDT"
CENT = Decimal("0.01")

Code = Literal[
    "cash", "more_held", "less_held", "foreign_order", "other_order", "missing_order", "no_stop", "lower_stop",
    "smaller_stop", "trade_not_booked", "trade_not_there", "other_trade",
]  # fmt: skip


class Books(Struct, frozen=True, kw_only=True):
    """What the risk service has stored.

    cash: USDT. positions, orders: by name. lots: the exchange's lot of each pair, base units.
    venue_ids: the exchange's own id of an order, by that under which it was approved, as far as it was reported.
    fills: the latest trades, oldest first. fills_since_ns: market time from which on none of them is missing.
    """

    cash: Decimal
    positions: Mapping[str, Position]
    orders: Mapping[str, OpenOrder]
    lots: Mapping[str, Decimal] = {}
    venue_ids: Mapping[str, str] = {}
    fills: Sequence[OrderFilled] = ()
    fills_since_ns: int = 0


class Difference(Struct, frozen=True, kw_only=True):
    """One thing that differs.

    symbol: the pair; empty for cash.
    books, account: what each has, in words.
    reason: what it is, and what there is to do, for people.
    """

    symbol: str
    code: Code
    books: str
    account: str
    reason: str


class Reconciliation(Struct, frozen=True, kw_only=True):
    """agreed: the pairs that are held and agree.

    outside: what the account has of assets that no pair of the universe has.
    """

    differences: tuple[Difference, ...]
    agreed: tuple[str, ...]
    outside: tuple[Balance, ...]


def compare(
    books: Books, balances: Sequence[Balance], orders: Sequence[AccountOrder], universe: Universe
) -> Reconciliation:
    """All that differs: cash first, then pair by pair."""
    held = {balance.asset: balance for balance in balances}
    names = {symbol: symbol.partition("/")[0] for symbol in _symbols(books, universe)}
    by_pair: dict[str, list[AccountOrder]] = {symbol: [] for symbol in names}
    ids = {exchange_symbol(symbol): symbol for symbol in names}
    differences = list(_cash(books, held))
    foreign: list[Difference] = []
    for order in orders:
        if (symbol := ids.get(order.exchange_symbol)) is not None:
            by_pair[symbol].append(order)
        else:
            foreign.append(_foreign(order.exchange_symbol, order))
    agreed = []
    for symbol, asset in names.items():
        balance = held.get(asset)
        there = balance.total if balance is not None else ZERO
        found = [*_holding(books, symbol, there), *_orders(books, symbol, there, by_pair[symbol])]
        differences += found
        if not found and symbol in books.positions:
            agreed.append(symbol)
    known = {QUOTE, *names.values()}
    outside = sorted((each for each in balances if each.asset not in known), key=lambda each: each.asset)
    return Reconciliation(differences=(*differences, *foreign), agreed=tuple(agreed), outside=tuple(outside))


def _symbols(books: Books, universe: Universe) -> list[str]:
    """Every pair by every name, and what is in the books beside them."""
    named = [name for symbol in universe.symbols for name in universe.names_of(symbol)]
    return list(dict.fromkeys([*named, *books.positions, *(order.symbol for order in books.orders.values())]))


# --- what is held -----------------------------------------------------------------------------------------------------


def _cash(books: Books, held: Mapping[str, Balance]) -> Iterator[Difference]:
    there = held[QUOTE].total if QUOTE in held else ZERO
    if abs(there - books.cash) >= CENT:
        more = "more" if there > books.cash else "less"
        yield Difference(
            symbol="",
            code="cash",
            books=f"{plain(books.cash)} {QUOTE}",
            account=f"{plain(there)} {QUOTE}",
            reason=f"the account has {plain(abs(there - books.cash))} {QUOTE} {more} than the books",
        )


def _holding(books: Books, symbol: str, theirs: Decimal) -> Iterator[Difference]:
    position = books.positions.get(symbol)
    ours = position.quantity if position else ZERO
    lot = books.lots.get(symbol, ZERO)
    if ours == theirs or abs(ours - theirs) < lot:
        return
    base = symbol.partition("/")[0]
    if theirs < ours:
        missing = f"{plain(ours - theirs)} {base} are gone: sold, moved or paid as a fee, and not reported"
        reason = f"{missing}; find out what became of them"
    elif position is None:
        reason = f"{plain(theirs)} {base} are not in the books; to bring them in: heatsink import positions"
    else:
        reason = f"{plain(theirs - ours)} {base} are not in the books: no limit counts them, no stop protects them"
    yield Difference(
        symbol=symbol,
        code="less_held" if theirs < ours else "more_held",
        books=plain(ours),
        account=plain(theirs),
        reason=reason,
    )


# --- what is open -----------------------------------------------------------------------------------------------------


def _orders(books: Books, symbol: str, there: Decimal, open_there: Sequence[AccountOrder]) -> Iterator[Difference]:
    unmatched = list(open_there)
    for order in (each for each in books.orders.values() if each.symbol == symbol):
        names = {order.order_id, books.venue_ids.get(order.order_id) or order.order_id}
        found = next((each for each in unmatched if names & {each.client_order_id, each.order_id}), None)
        if found is None:
            yield Difference(
                symbol=symbol,
                code="missing_order",
                books=f"{order.side} {plain(order.left)} ({order.order_id})",
                account="nothing",
                reason="the order is not open at the exchange: filled, cancelled or never sent, and not reported",
            )
            continue
        unmatched.remove(found)
        yield from _other_order(symbol, order, found)
    position = books.positions.get(symbol)
    if position is not None:
        stops = [each for each in unmatched if each.is_stop]
        unmatched = [each for each in unmatched if not each.is_stop]
        yield from _stops(books, position, there, stops)
    for each in unmatched:
        yield _foreign(symbol, each)


def _other_order(symbol: str, order: OpenOrder, found: AccountOrder) -> Iterator[Difference]:
    if found.side.lower() == order.side and found.left == order.left:
        return
    yield Difference(
        symbol=symbol,
        code="other_order",
        books=f"{order.side} {plain(order.left)} ({order.order_id})",
        account=f"{found.side.lower()} {plain(found.left)}",
        reason="the order is another one at the exchange, or fills of it were not reported",
    )


def _stops(books: Books, position: Position, there: Decimal, stops: Sequence[AccountOrder]) -> Iterator[Difference]:
    """What protects a position at the exchange has to be what the books count on: no lower, and for all of it.

    there: what the account has of it; of what is gone nothing has to be protected.
    """
    to_protect = min(position.quantity, there)
    if position.stop is None or not to_protect:
        return
    symbol, wanted = position.symbol, f"stop at {plain(position.stop)} for {plain(position.quantity)}"
    resting = ", ".join(f"{plain(stop.left)} at {plain(stop.stop_price)}" for stop in stops) or "none"
    lowest = min((stop.stop_price for stop in stops), default=ZERO)
    protected = sum((stop.left for stop in stops), ZERO)
    code: Code | None = None
    if not stops:
        code, reason = "no_stop", "nothing protects the position at the exchange; place its stop there"
    elif lowest < position.stop:
        code, reason = (
            "lower_stop",
            f"its stop rests at {figure(float(lowest))}, lower than in the books; raise it",
        )
    elif to_protect - protected >= max(books.lots.get(symbol, ZERO), Decimal(1).scaleb(-28)):
        code, reason = "smaller_stop", f"{plain(to_protect - protected)} of the position are not protected"
    if code is not None:
        yield Difference(symbol=symbol, code=code, books=wanted, account=resting, reason=reason)


def _foreign(symbol: str, order: AccountOrder) -> Difference:
    at = f" at {plain(order.price or order.stop_price)}" if order.price or order.stop_price else ""
    return Difference(
        symbol=symbol,
        code="foreign_order",
        books="nothing",
        account=f"{order.side.lower()} {plain(order.left)}{at} ({order.client_order_id})",
        reason="nobody approved the order, and no limit counts it; cancel it at the exchange, or propose it",
    )
