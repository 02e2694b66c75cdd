"""A bot that executes by itself, by the Python client, beside real risk and execution services."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import takewhile

import pytest
from heatsink_client import Gate
from heatsink_client.messages import OrderClosed, OrderFilled, OrderPlaced, ReportAwaited, StopPlaced

from shared.messages.catalogue import DECIDED, EXECUTED
from tests.clients.gate_harness import CLIENT_EXECUTES, RunningGate, running_gate
from tests.patience import patiently

pytestmark = pytest.mark.processes
LONG = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    with running_gate(tmp_path_factory.mktemp("gate"), "execution", settings=CLIENT_EXECUTES, signed=True) as gate:
        yield gate


@pytest.fixture
def gate(running: RunningGate) -> Iterator[Gate]:
    with Gate(running.url, strategy="mine", timeout=LONG) as gate:
        yield gate


def buy(gate: Gate, name: str, symbol: str = "BTC/USDT") -> None:
    assert gate.propose(symbol, "buy", "1", stop_price="95", id=name).quantity == 1


def test_a_purchase_is_proposed_executed_reported_and_protected(gate: Gate, running: RunningGate) -> None:
    buy(gate, "buy-1")
    placed = gate.report_placed("buy-1", "BTC/USDT", 1, venue_order_id="7")
    assert isinstance(placed.message, OrderPlaced)
    for number, quantity in enumerate(("0.4", "0.6")):
        trade = {"quantity": quantity, "price": 100.5, "fee_usdt": "0.05", "trade_id": f"t-{number}"}
        filled = gate.report_fill("buy-1", "BTC/USDT", "buy", **trade)
        assert filled
        assert isinstance(filled.message, OrderFilled)
        again = gate.report_fill("buy-1", "BTC/USDT", "buy", **trade)
        assert (again.outcome, again.code) == ("taken", "repeated")
    stop = gate.report_stop("BTC/USDT", 95, 1)
    assert isinstance(stop.message, StopPlaced)
    patiently(lambda: [(p.quantity, p.stop) for p in gate.portfolio().positions] == [(Decimal(1), Decimal(95))])

    told = (entry.message for entry in gate.follow("executed", after="start"))
    until_stop = list(takewhile(lambda message: not isinstance(message, StopPlaced), told))
    assert any(isinstance(each, OrderClosed) and each.ending == "filled" for each in until_stop)
    assert any(isinstance(each, ReportAwaited) and each.what == "stop" for each in until_stop)
    assert running.signed(DECIDED), "verdicts are read with their signatures beside them"
    assert running.signed(EXECUTED)


def test_an_order_that_ends_unfilled_is_closed_and_frees_what_it_reserved(gate: Gate) -> None:
    buy(gate, "buy-2", "ETH/USDT")
    closed = gate.report_closed("buy-2", "ETH/USDT", "rejected", quantity_filled=0, reason="insufficient balance")
    assert isinstance(closed.message, OrderClosed)
    patiently(lambda: gate.portfolio().open_orders == 0)


def test_what_was_not_approved_is_refused_with_its_field_and_books_nothing(gate: Gate) -> None:
    refused = gate.report_stop("SOL/USDT", 95, 1)
    assert not refused
    assert (refused.outcome, refused.code) == ("refused", "nothing_held")
    fill = gate.report_fill("never", "SOL/USDT", "buy", quantity=1, price=100, fee_usdt=0, trade_id="t")
    assert (fill.outcome, fill.code) == ("refused", "unknown_order")
    assert gate.halts() == (), "nobody halts a pair in which nothing was approved to it"
    buy(gate, "buy-4", "SOL/USDT")
    assert gate.report_fill("never-2", "SOL/USDT", "buy", quantity=1, price=100, fee_usdt=0, trade_id="t").code
    patiently(lambda: "SOL/USDT" in {halt.symbol for halt in gate.halts()})
    odd = gate.report_fill("never", "SOL/USDT", "buy", quantity=float("nan"), price=1, fee_usdt=0, trade_id="t")
    assert (odd.outcome, odd.field) == ("refused", "quantity")


def test_a_report_that_nobody_hears_is_unknown_and_may_be_sent_again(gate: Gate, running: RunningGate) -> None:
    buy(gate, "buy-3", "ETH/USDT")
    running.kill("execution")
    trade = {"quantity": 1, "price": 100, "fee_usdt": 0, "trade_id": "t-3"}
    unheard = gate.report_fill("buy-3", "ETH/USDT", "buy", **trade, timeout=0.3)
    assert (unheard.outcome, unheard.arrived) == ("unknown", "yes")
    assert 'orders = "client"' in unheard.reason
    running.start("execution")
    assert gate.report_fill("buy-3", "ETH/USDT", "buy", **trade)
    patiently(lambda: {p.symbol: p.quantity for p in gate.portfolio().positions}.get("ETH/USDT") == 1)
