"""Whatever can be read from the wire, in whatever order: the machine goes on and says only what can be read.

The store's own sum of reservations agrees with it at every commit, and what can be sold is never held back.
"""

from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import UnreadableError, decode, encode
from shared.domain.plan import BreakerPlan, Limits
from shared.messages.ask import RoomAsked, ShadowAsked
from shared.messages.base import Message
from shared.messages.control import Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import ResumeAsked
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    CancelProposed,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderProposed,
    StopPlaced,
    StopRaised,
)
from tests.domain.risk.risk_harness import PRICES, RiskHarness
from tests.examples import examples

D, EXACT = Decimal, Context(prec=400)
FAR = 2**62
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "XXX/USDT")  # the last is in no universe
AMOUNTS = ("0", "-1", "1e-28", "0.00001", "0.1", "1", "5", "1.234567890123456789012345678", "999999999999999999")
FACTORS = (1e-9, 0.5, 0.9, 0.97, 1.0, 1.0, 1.0, 1.03, 1.2, 1e6)
FRACTIONS = (0.0, 1e-9, 0.0004, 0.01, 0.5, 1.0, 1e9)
LIMITS = [name for name in Limits.__struct_fields__ if name != "book_age_seconds"]
VALUES = (-1.0, 0.0, 1e-9, 0.04, 0.1, 0.5, 1.0, 2.0, 3.0, 40.0, 1e6)
KINDS = (
    *["trade"] * 12, *["fill"] * 7, *["calm"] * 5, *["buy"] * 3, *["mark"] * 2, *["wait"] * 2, "resume", "sell",
    "cancel", "stop", "placed", "bar", "book", "listed", "feed", "halt", "limits", "phase", "flatten", "room", "end",
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(SYMBOLS), st.integers(0, 999), st.integers(0, 999)),
    min_size=30,
    max_size=90,
)


ODD_TIMES = 40  # one in so many


class Store:
    """The check that the server makes for itself, and bytes that a restart could read."""

    def __init__(self, harness: RiskHarness) -> None:
        self.harness, self.reserved = harness, dict[str, float]()

    def commit(self) -> None:
        machine = self.harness.machine
        for check in machine.take_reservation_checks():
            grows = check.risk_usdt > self.reserved.get(check.order_id, 0.0)
            self.reserved[check.order_id] = check.risk_usdt
            assert not grows or check.open_usdt + sum(self.reserved.values()) <= check.limit_usdt * (1 + 1e-9)
        for row in machine.records.drain().values():
            assert row is None or msgspec.msgpack.decode(encode(row), type=type(row)) == row


class Wild:
    """One wild life. Only fills are believable: an exchange neither sells what is not there nor fills at random."""

    def __init__(self, breakers: BreakerPlan, shadow: Limits | None) -> None:
        self.harness = RiskHarness(limits=Limits(mark_age_seconds=600.0), exact=True, breakers=breakers, shadow=shadow)
        for symbol in SYMBOLS[:3]:
            self.harness.book(symbol)
        self.store = Store(self.harness)
        self.code = ""
        self.decided: set[str] = set()

    def tell(self, message: Message) -> None:
        """As the host does: what cannot be read is refused before it comes here."""
        try:
            heard = decode(encode(message))
        except UnreadableError:
            return
        held = self._sellable(heard)
        made = self.harness.handle(heard)
        self.store.commit()
        for each in made:
            told = structs.replace(each, consumer="risk") if isinstance(each, MessageRefused) else each  # by its host
            assert decode(encode(told)) == told
            self.code = each.confirm if isinstance(each, ResumeAsked) else self.code
            if isinstance(each, OrderDecided):
                assert each.order_id not in self.decided
                self.decided.add(each.order_id)
                assert each.side == "buy" or each.quantity_approved == held, each.reason
        for each in made:
            if isinstance(each, OrderProposed):
                self.tell(each)

    def _sellable(self, message: Message) -> Decimal:
        """What a sell must be given, whatever else is the matter."""
        if not isinstance(message, OrderProposed) or message.quantity <= 0:
            return D(0)
        if message.order_type == "limit" and (message.limit_price is None or message.limit_price <= 0):
            return D(0)
        if message.id.startswith("stop-") or 0 < message.expires_ns <= self.harness.machine.state.now_ns:
            return D(0)
        state = self.harness.machine.state
        pair = state.heat.pair(message.symbol)
        selling = pair.reserved_sells if pair is not None else D(0)
        room = min(message.quantity, max(D(0), state.ledger.quantity(message.symbol) - selling))
        listing, mark = state.listings.get(message.symbol), state.fresh_mark(pair)
        states = listing is not None and listing.status in ("trading", "halted")
        return room if listing is None or not states else taken_of(room, message, listing, mark)

    def trade(self, symbol: str, one: int, other: int) -> None:
        """An order that makes sense, a tenth of NAV at most."""
        pair = self.harness.machine.state.heat.pair(symbol)
        if pair is None or not pair.mark > 0:
            return
        quantity = D(repr(round(20.0 * (one + 1) / pair.mark, 4)))
        stop = D(repr(round(pair.mark * (0.5 + 0.499 * other / 1_000), 6)))
        self.tell(OrderProposed(**self.header(), symbol=symbol, side="buy", quantity=quantity, stop_price=stop))

    def calm(self, symbol: str, one: int, other: int) -> None:
        """A minute later all is well again: marks, books, pairs, and nothing is halted that an operator can resume."""
        self.harness.pass_time(61)
        for each in SYMBOLS[:3]:
            self.harness.list_pair(each)
            self.harness.book(each)
            pair = self.harness.machine.state.heat.pairs[each]
            near = PRICES[each[:3]] * (0.98 + one / 25_000)
            self.tell(
                MarkChanged(**self.header(), symbol=each, price=near if other % 4 else (pair.mark or near) * 1.001)
            )
            self.tell(FeedRestored(**self.header(), feed="marks", symbol=each))
        self.tell(FeedRestored(**self.header(), feed="marks"))
        for scope in ("", *SYMBOLS[:3]):
            self.tell(Resume(**self.header(), who="ana", reason="seen", symbol=scope))
            self.tell(Resume(**self.header(), who="ana", reason="seen", symbol=scope, confirm=self.code))

    def fill(self, symbol: str, one: int, other: int) -> None:
        orders, ledger = self.harness.machine.state.reservations.all(), self.harness.machine.state.ledger
        if not orders:
            return
        order = orders[one % len(orders)]
        most = order.left if order.side == "buy" else min(order.left, ledger.quantity(order.symbol))
        quantity = most if other % 3 else (most / 2).quantize(D("0.00001"))
        if 0 < quantity <= most:
            self.tell(
                OrderFilled(
                    **self.header(), order_id=order.order_id, trade_id=f"t-{len(self.harness.told)}",
                    symbol=order.symbol, side=order.side, quantity=quantity, price=price(order.symbol, other),
                    fee_usdt=D("0.1"),
                    stop_price=price(order.symbol, other) * D("0.9") if other % 2 else None,
                )
            )  # fmt: skip

    def header(self, odd: int = 0) -> dict[str, Any]:
        """odd: of a few values, the time is one that cannot be."""
        times = {1: 0, 2: FAR, 3: self.harness.now_ns - 1_000_000_000}
        return {"id": f"x-{len(self.harness.told)}", "time_ns": times.get(odd % ODD_TIMES, self.harness.now_ns)}


def taken_of(quantity: Decimal, sell: OrderProposed, listing: PairListed, mark: float) -> Decimal:
    """What the exchange takes of a sell, by the filters that are listed here."""
    limit = sell.limit_price if sell.order_type == "limit" else None
    if limit is not None and EXACT.remainder(limit, listing.price_step):
        return D(0)
    most = min(quantity, listing.max_quantity) if listing.max_quantity > 0 else quantity
    step = listing.quantity_step
    whole = EXACT.divide_int(most, step) * step if step > 0 else most
    worth = EXACT.multiply(whole, D(repr(mark)) if limit is None else limit)
    is_enough = whole >= listing.min_quantity and (not worth or worth >= listing.min_notional)
    return whole if is_enough else D(0)


def price(symbol: str, number: int) -> Decimal:
    return D(repr(round(PRICES.get(symbol[:3], 1.0) * FACTORS[number % len(FACTORS)], 6)))


def amount(number: int) -> Decimal:
    return D(AMOUNTS[number % len(AMOUNTS)])


def message(wild: Wild, kind: str, symbol: str, one: int, other: int) -> Message:
    head, scope = wild.header(other), symbol if one % 3 else ""
    bent, fraction = float(price(symbol, one)), FRACTIONS[other % len(FRACTIONS)]
    who = {"who": "ana", "reason": "x" * (1024 if one % 7 == 0 else 1)}
    match kind:
        case "buy" | "sell":
            limit = None if one % 2 else price(symbol, other)
            return OrderProposed(
                **head, symbol=symbol, side=kind, quantity=amount(one), order_type="market" if other % 2 else "limit",
                limit_price=limit, stop_price=None if one % 9 == 0 else price(symbol, other // 2) * D("0.9"),
                reduce_only=one % 50 == 0, expires_ns=(0, 0, 0, 1, FAR)[other % 5],
            )  # fmt: skip
        case "cancel":
            return CancelProposed(**head, order_id=next(iter(wild.decided), "none"), reason="x" * 1024)
        case "stop":
            return StopRaised(**head, symbol=symbol, stop_price=price(symbol, one))
        case "placed":
            return StopPlaced(
                **head, order_id="stop-1", symbol=symbol, stop_price=price(symbol, one) * D("0.9"), quantity=D(1)
            )
        case "mark":
            return MarkChanged(**head, symbol=symbol, price=bent)
        case "bar":
            hour = wild.harness.now_ns // 3_600_000_000_000 * 3_600_000_000_000
            return BarClosed(
                **head, symbol=symbol, timeframe=("1h", "15m", "1d")[one % 3], open_time_ns=hour - 3_600_000_000_000,
                close_time_ns=hour, open=bent, high=bent * 2, low=bent / 2, close=bent, volume=1.0,
                quote_volume=fraction,
            )  # fmt: skip
        case "book":
            levels = tuple((bent * (1 + step / 100), fraction) for step in range(other % 3))
            spread = None if one % 3 == 0 else fraction
            return BookSampled(
                **head, symbol=symbol, bids=levels, asks=levels, size_usdt=25_000.0, spread=spread, median_spread=spread
            )
        case "listed":
            status: Any = ("trading", "trading", "halted", "delisted", "renamed", "unlisted")[one % 6]
            step = abs(amount(other))
            return PairListed(**head, symbol=symbol, status=status, quantity_step=step, max_quantity=amount(one))
        case "feed":
            kind_of = FeedLost if one % 2 else FeedRestored
            return kind_of(**head, feed="marks", symbol=scope)
        case "halt":
            mode: Any = ("halted", "reducing")[other % 2]
            return Halt(
                **head, **who, symbol=scope, mode=mode, until_ns=(0, wild.harness.now_ns + 1, 2**63 - 1)[one % 3]
            )
        case "resume":
            return Resume(**head, **who, symbol=scope, confirm=wild.code if other % 2 else "")
        case "limits":
            changes = {LIMITS[one % len(LIMITS)]: VALUES[other % len(VALUES)], LIMITS[other % len(LIMITS)]: VALUES[3]}
            return SetLimits(**head, **who, limits=changes)
        case "phase":
            return SetPhase(**head, **who, phase="live")
        case "flatten":
            return Flatten(**head, **who, symbol=scope)
        case "room":
            asked = {"stop_price": None if one % 2 else price(symbol, other), "symbol": scope}
            return RoomAsked(**head, reply_to="hs:me", **asked) if one % 5 else ShadowAsked(**head, reply_to="hs:me")
        case _:
            orders = wild.harness.machine.state.reservations.all()
            order_id = orders[one % len(orders)].order_id if orders else "none"
            return OrderClosed(**head, order_id=order_id, symbol=symbol, ending="cancelled", quantity_filled=D(0))


@examples(120)
@given(STEPS, st.booleans(), st.booleans())
def test_the_machine_survives_whatever_can_be_read_and_says_only_what_can_be_read(
    steps: list[tuple[str, str, int, int]], reduces: bool, has_shadow: bool
) -> None:
    wild = Wild(BreakerPlan(reduce_heat=reduces, min_adv_usdt=0.0), Limits(heat=0.02) if has_shadow else None)
    others: dict[str, Callable[[str, int, int], object]] = {
        "trade": wild.trade,
        "calm": wild.calm,
        "fill": wild.fill,
        "wait": lambda _, one, other: wild.harness.pass_time((0.1, 1, 61, 3_700, 90_000)[one % 5]),
    }
    for kind, symbol, one, other in steps:
        if kind in others:
            others[kind](symbol, one, other)
            wild.store.commit()
        else:
            wild.tell(message(wild, kind, symbol, one, other))
