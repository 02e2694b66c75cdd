"""Whatever clients report, in whatever order and however often: what is booked was approved, once, and is held."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.messages.base import Message
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled
from shared.messages.reports import ClosedReported, FillReported, PlacedReported, Report, ReportRefused, StopReported
from tests.domain.execution.client.client_rig import BTC, ETH, ClientRig
from tests.examples import examples

D = Decimal
QUANTITIES = st.sampled_from(["0.1", "0.25", "0.5", "1", "1.5"]).map(D)
# What goes wrong on the way: the exchange's units, another's order, another pair, another side, time in milliseconds.
SLIPS: list[dict[str, Any]] = [
    {"order_id": "nobody-1"},
    {"symbol": BTC},
    {"client": "other"},
    {"time_ns": 1_667_260_800_000},
    {"quantity": D(1_000)},
    {"quantity": D(0)},
    {"price": D("1.5")},
    {"price": D(1_500_000)},
    {"side": "sell"},
    {"fee_usdt": D(1_000)},
    {"stop": True},
]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "fill", "fill", "fill", "close", "place", "stop", "gone", "stop_fill", "again",
                         "late", "time", "restart", "slip", "raise"]),
        st.integers(0, 5),
        QUANTITIES,
    ),
    max_size=25,
)  # fmt: skip


class Script:
    """Plays steps, and keeps every report that was sent, so that it can be sent again."""

    def __init__(self) -> None:
        self.rig = ClientRig(cash=1e6)
        self.orders: list[OrderDecided] = []
        self.sent: list[Report] = []
        self.held_back: list[Report] = []
        self.made: list[Message] = []

    def play(self, what: str, which: int, quantity: Decimal) -> None:
        rig = self.rig
        order = self.orders[which % len(self.orders)] if self.orders else None
        match what:
            case "buy":
                self.propose(rig.gate.buy(ETH, str(quantity), stop=1_425 + which, strategy="mine"))
            case "sell":
                self.propose(rig.gate.sell(ETH, str(quantity), strategy="mine"))
            case "time":
                self.made += rig.pass_time(which * 20)
                rig.mark(ETH, 1_500.0)
            case "restart":
                rig.restart()
                rig.mark(ETH, 1_500.0)
            case "raise":
                self.made += rig.raise_stop(str(1_430 + which))
            case "again" if self.sent:
                self.take(self.sent[which % len(self.sent)])
            case "late" if self.held_back:
                self.take(self.held_back.pop())
            case "stop":
                fields = rig.fields(stop_price=D(1_424 + which), quantity=quantity)
                self.send(StopReported(**fields), which)
            case "gone":
                self.send(StopReported(**rig.fields(stop_price=D(0), quantity=D(0), working=False)), which)
            case _ if order is not None:
                self.report(what, order, which, quantity)
            case _:
                pass

    def propose(self, decided: OrderDecided) -> None:
        if decided.quantity_approved:
            self.orders.append(decided)
        self.made += self.rig.take(decided)

    def report(self, what: str, order: OrderDecided, which: int, quantity: Decimal) -> None:
        rig, told = self.rig, {"order_id": order.order_id, "symbol": order.symbol}
        match what:
            case "place":
                self.send(PlacedReported(**rig.fields(**told, quantity=quantity)), which)
            case "close":
                self.send(ClosedReported(**rig.fields(**told, ending="cancelled", quantity_filled=quantity)), which)
            case "fill":
                self.send(rig.fill_of(order, quantity=quantity), which)
            case "slip":
                self.take(structs.replace(rig.fill_of(order, quantity=quantity), **SLIPS[(which * 7) % len(SLIPS)]))
            case "stop_fill" if rig.held() is not None:
                sold = rig.fill_of(order, quantity=quantity, side="sell", order_id=rig.stop_id(), stop=True)
                self.send(sold, which)
            case _:
                pass

    def send(self, report: Report, which: int) -> None:
        """Now, or behind what comes next."""
        if which == 5:
            self.held_back.append(report)
        else:
            self.take(report)

    def take(self, report: Report) -> None:
        before = self.rig.books()
        made = self.rig.take(report)
        self.sent.append(report)
        self.made += made
        assert made, "every report is answered"
        assert made[0].cause == report.id
        if isinstance(made[0], ReportRefused) and not isinstance(report, StopReported):
            assert self.rig.books() == before
            if made[0].halts:
                assert "false_fill" in self.rig.halts()


@given(STEPS)
@examples(100)
def test_what_is_booked_was_approved_and_traded_once_and_is_held(steps: list[tuple[str, int, Decimal]]) -> None:
    script = Script()
    for step in steps:
        script.play(*step)
    rig, state = script.rig, script.rig.gate.machine.state
    booked: dict[str, Decimal] = defaultdict(Decimal)
    fills = [made for made in script.made if isinstance(made, OrderFilled)]
    cash, held = D(1_000_000), D(0)
    for fill in fills:
        booked[fill.order_id] += fill.quantity
        sign = 1 if fill.side == "buy" else -1
        held += sign * fill.quantity
        cash -= sign * fill.quantity * fill.price + fill.fee_usdt
        assert held >= 0
    for order in script.orders:
        assert booked[order.order_id] <= order.quantity_approved
    assert len({fill.trade_id for fill in fills}) == len(fills)
    reported = {each.trade_id for each in script.sent if isinstance(each, FillReported)}
    assert {fill.trade_id for fill in fills} <= reported
    assert (rig.books()[0], state.ledger.quantity(ETH)) == (cash, held)


@given(STEPS)
@examples(100)
def test_the_gate_believes_all_that_execution_does_and_both_keep_the_same_orders_open(
    steps: list[tuple[str, int, Decimal]],
) -> None:
    script = Script()
    for step in steps:
        script.play(*step)
        if step[0] != "restart":
            assert [made for made in script.rig.gate.made if isinstance(made, MessageRefused)] == []
    gate, execution = script.rig.gate.machine.state, script.rig.machine.state.store
    assert {order.order_id for order in gate.reservations.all()} == {order.order_id for order in execution.orders()}
    closed = [made.order_id for made in script.made if isinstance(made, OrderClosed)]
    assert len(closed) == len(set(closed))
    for position in gate.ledger.positions():
        mine = execution.held(position.symbol)
        assert mine is not None
        assert position.stop == (None if mine.missing else mine.stop)
        assert mine.covered <= mine.quantity == position.quantity
