"""Strategies, sizing and paper execution as one loop over any market: what must hold whatever happens.

The gate between them is a plain one that approves, trims or rejects as hypothesis likes; the real one has its own
tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import encode
from shared.domain.execution.orders.store import POSITION, VenuePosition
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.sizing import pairs
from shared.domain.sizing.machine import SizingMachine
from shared.domain.sizing.position import PairPosition
from shared.domain.strategies.machine import SignalsMachine
from shared.messages.base import Message
from shared.messages.market import BarClosed
from shared.messages.orders import (
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderProposed,
    StopApproved,
    StopPlaced,
    StopRaised,
)
from shared.messages.signals import SignalRaised
from tests.domain.market_scripts import (
    BTC,
    ETH,
    UNIVERSE,
    D,
    approval_of,
    days,
    decided,
    listed,
    nav,
    ohlc,
    one_hour_plan,
    strategy,
)
from tests.examples import examples

PLAN = one_hour_plan(
    strategies=(strategy("quick", weight=0.5, entry=2, exit=1), strategy("slow", weight=0.5, entry=4, exit=2))
)
NAV = 200_000.0


@dataclass
class Loop:
    """Bars in; everything that follows runs to its end before the next bar. ``echo``: how often each is heard."""

    gate: Sequence[str]
    echo: int = 1
    log: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.signals = SignalsMachine(PLAN, UNIVERSE, service="signals")
        self.sizing = SizingMachine(PLAN, UNIVERSE, "main")
        self.paper = PaperExecution(PLAN, UNIVERSE)
        self.proposals = 0
        for symbol in (BTC, ETH):
            for message in (listed(symbol), *days(60, symbol=symbol)):
                self.tell(message)
        self.tell(nav(NAV))

    def tell(self, message: Message) -> None:
        queue = [message]
        while queue:
            heard = queue.pop(0)
            self.log.append(heard)
            for _ in range(self.echo):
                for machine in (self.paper, self.signals, self.sizing):
                    queue += machine.handle(heard)
                if isinstance(heard, OrderProposed | StopRaised):
                    queue += self.decide(heard)

    def decide(self, proposed: OrderProposed | StopRaised) -> list[Message]:
        if isinstance(proposed, StopRaised):
            return [
                StopApproved(
                    id=f"ok-{proposed.id}",
                    time_ns=proposed.time_ns,
                    symbol=proposed.symbol,
                    stop_price=proposed.stop_price,
                )
            ]
        verdict = self.gate[self.proposals % len(self.gate)] if proposed.side == "buy" and self.gate else "approve"
        self.proposals += 1
        share = {"approve": D(1), "trim": D("0.5"), "reject": D(0)}[verdict]
        return [approval_of(proposed, verdict=verdict, quantity_approved=proposed.quantity * share)]

    def of(self, kind: type) -> list:  # type: ignore[type-arg]
        return [message for message in self.log if isinstance(message, kind)]


@st.composite
def market(draw: st.DrawFn) -> list[BarClosed]:
    """Up to forty hours of two pairs that may jump by a third within an hour."""
    hours = draw(st.integers(1, 40))
    bars = []
    for symbol in (BTC, ETH):
        price = 100.0
        for hour in range(hours):
            gap, move, up, down = (
                draw(st.floats(low, high)) for low, high in ((0.9, 1.1), (0.75, 1.33), (1, 1.1), (0.85, 1))
            )
            open_, close = price * gap, price * gap * move
            high, low = max(open_, close) * up, min(open_, close) * down
            bars.append(ohlc(hour, open_, high, low, close, symbol=symbol))
            price = close
    return sorted(bars, key=lambda bar: (bar.close_time_ns, bar.symbol))


GATES = st.lists(st.sampled_from(["approve", "approve", "trim", "reject"]), max_size=6)


def run(bars: list[BarClosed], gate: Sequence[str], echo: int = 1) -> Loop:
    loop = Loop(gate, echo)
    for bar in bars:
        loop.tell(bar)
    return loop


def booked(fills: list[OrderFilled]) -> tuple[Decimal, dict[str, Decimal]]:
    """Cash and positions, each trade booked once."""
    cash, positions, seen = D(0), {BTC: D(0), ETH: D(0)}, set()
    for fill in fills:
        if fill.trade_id in seen:
            continue
        seen.add(fill.trade_id)
        sign = 1 if fill.side == "buy" else -1
        positions[fill.symbol] += sign * fill.quantity
        assert positions[fill.symbol] >= 0, "sold more than was held"
        cash -= sign * fill.quantity * fill.price + fill.fee_usdt
    return cash, positions


@examples(60)
@given(market(), GATES)
def test_nothing_is_sold_that_is_not_held_and_all_books_agree(bars: list[BarClosed], gate: list[str]) -> None:
    loop = run(bars, gate)
    _, positions = booked(loop.of(OrderFilled))
    held = {symbol: row.quantity for symbol, row in loop.sizing.records.rows(pairs.POSITION, PairPosition)}
    paper = {symbol: row.quantity for symbol, row in loop.paper.records.rows(POSITION, VenuePosition)}
    for symbol, quantity in positions.items():
        assert held.get(symbol, D(0)) == quantity
        assert paper.get(symbol, D(0)) == quantity


@examples(60)
@given(market(), GATES)
def test_a_stop_only_moves_up_while_its_position_lasts_and_every_position_has_one(
    bars: list[BarClosed], gate: list[str]
) -> None:
    loop = run(bars, gate)
    stops: dict[str, tuple[str, Decimal]] = {}
    for placed in loop.of(StopPlaced):
        known = stops.get(placed.symbol)
        if known is not None and known[0] == placed.order_id:
            assert placed.stop_price >= known[1]
        stops[placed.symbol] = (placed.order_id, placed.stop_price)
    for symbol, row in loop.paper.records.rows(POSITION, VenuePosition):
        assert row.stop == stops[symbol][1]
    for symbol, held in loop.sizing.records.rows(pairs.POSITION, PairPosition):
        assert held.stop == (stops[symbol][1] if held.quantity else None)


@examples(60)
@given(market(), GATES)
def test_every_approved_order_has_exactly_one_end_and_no_position_is_proposed_above_its_cap(
    bars: list[BarClosed], gate: list[str]
) -> None:
    loop = run(bars, gate)
    approved = [order.order_id for order in loop.of(OrderDecided) if order.quantity_approved > 0]
    ended = [end.order_id for end in loop.of(OrderClosed) if not end.order_id.startswith("stop-")]
    assert sorted(ended) == sorted(approved)
    assert len(set(approved)) == len(approved)
    assert all(not held.orders for _, held in loop.sizing.records.rows(pairs.POSITION, PairPosition))
    prices: dict[str, float] = {}
    positions = {BTC: D(0), ETH: D(0)}
    for message in loop.log:
        if isinstance(message, BarClosed):
            prices[message.symbol] = message.close
        elif isinstance(message, OrderFilled):
            positions[message.symbol] += message.quantity if message.side == "buy" else -message.quantity
        elif isinstance(message, OrderProposed) and message.side == "buy":
            wanted = float(positions[message.symbol] + message.quantity) * prices[message.symbol]
            assert wanted <= 0.05 * NAV * (1 + 1e-9)
            assert message.stop_price is not None
            assert message.stop_price < prices[message.symbol]


@examples(40)
@given(market(), st.sampled_from(["approve", "trim"]), st.integers(2, 3))
def test_hearing_everything_several_times_changes_neither_cash_nor_positions(
    bars: list[BarClosed], verdict: str, echo: int
) -> None:
    once, often = run(bars, [verdict]), run(bars, [verdict], echo)
    assert booked(often.of(OrderFilled)) == booked(once.of(OrderFilled))
    assert len(often.of(OrderFilled)) <= echo * len(once.of(OrderFilled))


@examples(20)
@given(market(), GATES)
def test_the_same_bars_give_the_same_messages_to_the_last_byte(bars: list[BarClosed], gate: list[str]) -> None:
    one, other = run(bars, gate), run(bars, gate)
    assert one.log == other.log
    for machine, twin in ((one.sizing, other.sizing), (one.paper, other.paper), (one.signals, other.signals)):
        assert machine.records.drain() == twin.records.drain()


def test_the_loop_really_trades() -> None:
    """A rise, a crash through the stop, a rise again: entries, raised stops, a stop-out, an exit."""
    closes = [100, 100, 100, 100, 101, 104, 108, 112, 90, 91, 92, 95, 99, 104, 110, 108, 104, 98]
    bars = [
        ohlc(hour, before, max(before, close), min(before, close), close)
        for hour, (before, close) in enumerate(pairwise(closes))
    ]
    loop = run(bars, [])
    assert len(loop.of(SignalRaised)) >= 4
    assert {fill.side for fill in loop.of(OrderFilled)} == {"buy", "sell"}
    assert any(fill.stop for fill in loop.of(OrderFilled))
    assert loop.of(StopRaised)


@examples(15)
@given(market(), GATES)
def test_every_record_reads_back_from_its_stored_bytes_as_it_was(bars: list[BarClosed], gate: list[str]) -> None:
    loop = run(bars, gate)
    loop.tell(decided("x-1", order_type="limit", limit_price=D("0.01"), stop_price=D("0.005"), hour=99))
    loop.tell(decided("x-2", order_type="limit", limit_price=D("0.01"), symbol=ETH))
    for machine in (loop.signals, loop.sizing, loop.paper):
        for key, row in machine.records.drain().items():
            if row is not None:
                kind = machine.records.kinds[key.partition(":")[0]]
                assert msgspec.msgpack.decode(encode(row), type=kind) == row
