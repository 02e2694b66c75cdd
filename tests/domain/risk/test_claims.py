"""What execution says is checked before it is believed: what does not fit moves no money and halts its pair by name."""

from decimal import Decimal

import pytest
from msgspec import structs

from shared.messages.base import Message
from shared.messages.control import Flatten, Resume
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderClosed, OrderDecided, OrderFilled, OrderPlaced, OrderProposed, StopPlaced
from tests.domain.risk.risk_harness import RiskHarness, stop_id

D = Decimal
ETH, BTC = "ETH/USDT", "BTC/USDT"


def false_fill(harness: RiskHarness, **changes: object) -> OrderFilled:
    """Nobody approved it."""
    fields: dict[str, object] = {
        "id": "false", "time_ns": harness.now_ns, "order_id": "nobody-1", "trade_id": "t-false", "symbol": ETH,
        "side": "buy", "quantity": D(1), "price": D(1_500), "fee_usdt": D(1), "stop_price": D(1_400),
    }  # fmt: skip
    return OrderFilled(**(fields | changes))  # type: ignore[arg-type]


def stop_fill(harness: RiskHarness, **changes: object) -> OrderFilled:
    fields = {"order_id": stop_id(ETH), "side": "sell", "stop_price": None, "stop": True, "price": D(1_420)}
    return false_fill(harness, **(fields | changes))


def refused(harness: RiskHarness, told: Message) -> tuple[str, str]:
    """Which field, and why. Money, positions and orders are as before, and the pair is halted by name."""
    before = books(harness)
    letter, *_ = harness.handle(told)
    assert isinstance(letter, MessageRefused)
    assert letter.cause == told.id
    assert books(harness) == before
    [halt] = harness.machine.state.halts.of(told.symbol)  # type: ignore[attr-defined]
    assert (halt.trigger, halt.mode, halt.cleared_by) == ("false_fill", "halted", "operator")
    assert letter.reason in halt.reason
    return letter.field, letter.reason


def books(harness: RiskHarness) -> tuple[object, ...]:
    state = harness.machine.state
    return state.ledger.account.cash, state.ledger.positions(), state.reservations.all()


def holding(quantity: str = "1") -> RiskHarness:
    """ETH at 1,500 with a stop at 1,425, of order o-1, which is finished."""
    harness = RiskHarness()
    harness.fill(harness.buy(ETH, quantity, stop=1_425))
    return harness


# --- fills ------------------------------------------------------------------------------------------------------------


def test_a_fill_of_an_order_that_nobody_approved_moves_no_money_and_halts_its_pair() -> None:
    harness = RiskHarness()
    assert refused(harness, false_fill(harness)) == ("order_id", "nobody approved order nobody-1")
    assert harness.buy(ETH, "1").reason.startswith("ETH/USDT halted: a fill is not believed: nobody approved")
    assert harness.buy(BTC, "0.1").verdict == "approve"


def test_an_operator_who_has_looked_ends_the_halt() -> None:
    harness = RiskHarness()
    harness.handle(false_fill(harness))
    harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="a test", symbol=ETH))
    assert harness.buy(ETH, "1").verdict == "approve"


def test_a_finished_order_does_not_fill_once_more() -> None:
    harness = holding()
    again = false_fill(harness, order_id="o-1", trade_id="another", stop_price=D(1_425))
    assert refused(harness, again) == ("order_id", "order o-1 has ended")


def test_an_order_fills_no_more_than_was_approved() -> None:
    harness = RiskHarness()
    decided = harness.buy(ETH, "2", stop=1_425)
    harness.fill(decided, quantity="1.5")
    more = harness.fill_of(decided, quantity="0.6")
    assert refused(harness, more) == ("quantity", "order o-1 fills 0.6 more: 2 was approved, 1.5 is filled")
    harness.machine.state.halts.end(more, ETH, "false_fill", reason="looked")
    harness.fill(decided, quantity="0.5")
    assert harness.machine.state.ledger.quantity(ETH) == 2


def test_a_fill_that_sells_more_than_is_held_is_refused_and_the_gate_goes_on_after_a_restart() -> None:
    harness = holding()
    assert refused(harness, stop_fill(harness, quantity=D(7))) == ("quantity", "it sells 7 ETH/USDT, 1 is held")
    harness.restart()
    assert harness.machine.state.ledger.quantity(ETH) == 1
    assert harness.buy(BTC, "0.1").verdict == "approve"


@pytest.mark.parametrize("restarts", [False, True])
def test_a_trade_counts_once_however_many_came_since(restarts: bool) -> None:
    harness = RiskHarness(cash=1e9)
    resting = harness.buy(BTC, "2", stop=19_000)
    first = harness.fill_of(resting, quantity="1")
    harness.handle(first)
    for number in range(70):  # more than are remembered of a pair
        decided = harness.buy(BTC, "0.1", stop=19_000, order_id=f"more-{number}")
        harness.fill(decided)
    if restarts:
        harness.restart()
    assert harness.handle(first) == []
    assert harness.machine.state.ledger.quantity(BTC) == D(1) + 70 * D("0.1")
    assert harness.machine.state.halts.all() == []


def test_a_trade_of_a_finished_order_that_is_heard_twice_is_a_repeat_and_halts_nothing() -> None:
    harness = RiskHarness()
    decided = harness.buy(ETH, "1", stop=1_425)
    fill = harness.fill_of(decided)
    harness.handle(fill)
    harness.close(decided)
    harness.restart()
    assert harness.handle(fill) == []


def test_a_false_fill_keeps_no_true_one_of_the_same_trade_out() -> None:
    harness = RiskHarness()
    decided = harness.buy(ETH, "1", stop=1_425)
    true = harness.fill_of(decided)
    harness.handle(structs.replace(true, id="false", price=D(1)))
    harness.restart()
    harness.handle(true)
    assert harness.machine.state.ledger.quantity(ETH) == 1


def test_a_sell_limit_is_never_sold_below_and_a_buy_limit_never_bought_above() -> None:
    harness = holding("2")
    sells = harness.sell(ETH, "1", order_type="limit", limit_price=D(1_600))
    assert refused(harness, harness.fill_of(sells, price=1_599.99)) == (
        "price",
        "1599.99 is beyond the order's limit of 1600",
    )
    harness = RiskHarness()
    buys = harness.buy(ETH, "1", stop=1_300, order_type="limit", limit_price=D(1_400))
    assert refused(harness, harness.fill_of(buys, price=1_400.01))[0] == "price"
    harness.fill(buys, price=1_400.0)
    assert harness.machine.state.ledger.quantity(ETH) == 1


@pytest.mark.parametrize(("price", "is_believed"), [(749.9, False), (750.0, True), (3_000.0, True), (3_000.1, False)])
def test_a_purchase_is_believed_from_half_to_twice_the_price(price: float, is_believed: bool) -> None:
    harness = RiskHarness()
    harness.fill(harness.buy(ETH, "1", stop=700), price=price)
    assert harness.machine.state.ledger.quantity(ETH) == (1 if is_believed else 0)


def test_a_sale_far_above_the_price_is_refused_for_it_would_make_the_portfolio_rich() -> None:
    harness = holding()
    field, reason = refused(harness, harness.fill_of(harness.sell(ETH, "1"), price=3_000.1))
    assert (field, reason) == ("price", "3000.1 is out of reach: the price is 1500")


def test_a_sale_far_below_the_price_is_booked_for_what_is_sold_is_gone_and_its_pair_halts() -> None:
    harness = holding()
    harness.handle(harness.fill_of(harness.sell(ETH, "1"), price=700.0))
    assert harness.machine.state.ledger.positions() == []
    [halt] = harness.machine.state.halts.of(ETH)
    assert halt.reason == "1 ETH/USDT was sold at 700, out of reach: the price is 1500; it is booked"


def test_a_stop_fills_at_any_price_below_it_after_a_gap() -> None:
    harness = holding()
    harness.handle(stop_fill(harness, price=D("0.01"), fee_usdt=D("0.0001")))
    assert harness.machine.state.ledger.positions() == []
    assert harness.machine.state.halts.all() == []


def test_the_fill_of_a_stop_has_to_be_that_of_the_position() -> None:
    harness = RiskHarness()
    assert refused(harness, stop_fill(harness)) == ("symbol", "a stop sells 1 ETH/USDT, and nothing is held")
    harness = holding()
    harness.stop_placed(ETH, "1440")
    assert refused(harness, stop_fill(harness, order_id="stop-another")) == (
        "order_id",
        "the stop of ETH/USDT is stop-ETH, not stop-another",
    )
    harness.handle(stop_fill(harness))
    assert harness.machine.state.ledger.positions() == []


def test_a_sale_that_nobody_approved_is_no_stops_fill_whatever_it_calls_itself() -> None:
    """Before execution has named the stop of a position, its id could be any: not that of an order."""
    for stop in (None, True):
        harness = RiskHarness()
        decided = harness.buy(ETH, "1", stop=1_425)
        harness.handle(structs.replace(harness.fill_of(decided), stop_price=D(1_425)))
        assert refused(harness, stop_fill(harness, order_id="nobody-1", stop=stop))[0] == "order_id"


def test_a_fill_with_a_stop_that_nobody_approved_is_refused_for_it_would_hide_risk() -> None:
    harness = RiskHarness()
    fill = structs.replace(harness.fill_of(harness.buy(ETH, "1", stop=1_425)), stop_price=D("1499.99"))
    assert refused(harness, fill) == ("stop_price", "a stop at 1499.99 was never approved, but 1425")


@pytest.mark.parametrize("fee", ["150.01", "-150.01"])
def test_a_fee_or_a_rebate_of_more_than_a_tenth_of_the_trade_is_refused(fee: str) -> None:
    harness = RiskHarness()
    fill = structs.replace(harness.fill_of(harness.buy(ETH, "1")), fee_usdt=D(fee))
    assert refused(harness, fill)[0] == "fee_usdt"


def test_a_false_fill_in_a_pair_that_nobody_follows_halts_nothing_and_is_put_away() -> None:
    harness = RiskHarness()
    [letter] = harness.handle(false_fill(harness, symbol="XXX/USDT"))
    assert isinstance(letter, MessageRefused)
    assert harness.machine.state.halts.all() == []


def test_a_false_fill_under_the_id_of_an_order_halts_the_pair_of_the_order_too() -> None:
    harness = RiskHarness()
    fill = structs.replace(harness.fill_of(harness.buy(BTC, "0.1")), symbol=ETH)
    halts = [each.symbol for each in harness.handle(fill) if isinstance(each, Halted)]
    assert halts == [ETH, BTC]


def test_many_false_fills_are_put_away_each_and_halt_once() -> None:
    harness = RiskHarness()
    made = [harness.handle(false_fill(harness, id=f"false-{number}")) for number in range(5)]
    assert [len(each) for each in made] == [2, 1, 1, 1, 1]


def test_flattening_after_a_false_fill_sells_nothing_that_is_not_there() -> None:
    harness = RiskHarness()
    harness.handle(false_fill(harness))
    made = harness.handle(Flatten(id="f", time_ns=harness.now_ns, who="ana", reason="out"))
    assert not any(isinstance(each, OrderProposed) for each in made)


# --- orders at the venue, their ends, stops ---------------------------------------------------------------------------


def test_an_order_at_the_venue_that_nobody_approved_or_that_is_larger_halts_its_pair() -> None:
    harness = RiskHarness()
    unknown = OrderPlaced(id="p", time_ns=0, order_id="x", symbol=ETH, side="buy", quantity=D(1))
    assert refused(harness, unknown) == ("order_id", "nobody approved order x")
    harness = RiskHarness()
    decided = harness.buy(ETH, "1")
    larger = structs.replace(unknown, order_id=decided.order_id, quantity=D("1.1"))
    assert refused(harness, larger) == ("quantity", "1.1 was placed, 1 was approved")


def test_the_end_of_an_order_that_nobody_approved_halts_its_pair_and_one_heard_twice_does_not() -> None:
    harness = RiskHarness()
    decided = harness.buy(ETH, "1")
    harness.close(decided, "cancelled")
    harness.restart()
    harness.close(decided, "cancelled")
    assert harness.machine.state.halts.all() == []
    assert refused(harness, end(decided, order_id="x")) == ("order_id", "nobody approved order x")


def test_an_order_that_ends_with_more_than_was_heard_of_stays_reserved() -> None:
    harness = RiskHarness()
    decided = harness.buy(ETH, "1")
    told = end(decided, quantity_filled=D(1))
    assert refused(harness, told)[1] == "1 of order o-1 is said to be filled, 0 is booked; what is left stays reserved"
    assert harness.machine.state.heat.reserved_risk > 0


def end(decided: OrderDecided, **changes: object) -> OrderClosed:
    told = OrderClosed(
        id="c", time_ns=0, order_id=decided.order_id, symbol=decided.symbol, ending="filled", quantity_filled=D(0)
    )
    return structs.replace(told, **changes)


def test_a_stop_of_nothing_or_one_that_nobody_approved_halts_its_pair() -> None:
    placed = StopPlaced(id="s", time_ns=0, order_id=stop_id(ETH), symbol=ETH, stop_price=D(1_499), quantity=D(1))
    harness = RiskHarness()
    assert refused(harness, placed) == ("symbol", "a stop for ETH/USDT, of which nothing is held")
    harness = holding()
    assert refused(harness, placed) == ("stop_price", "a stop at 1499 was never approved, but 1425")


def test_the_end_of_a_stop_of_a_position_that_is_gone_is_believed() -> None:
    harness = holding()
    harness.handle(stop_fill(harness))
    harness.handle(
        OrderClosed(id="c", time_ns=0, order_id=stop_id(ETH), symbol=ETH, ending="filled", quantity_filled=D(1))
    )
    harness.handle(StopPlaced(id="s", time_ns=0, order_id="s", symbol=ETH, stop_price=D(1_425), quantity=D(0)))
    assert harness.machine.state.halts.all() == []
