"""Paper execution: scripts of messages in, messages out."""

from datetime import date
from decimal import Decimal

import pytest

from shared.domain.execution.orders.store import POSITION, WORKING, VenuePosition, WorkingOrder
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.plan import Plan
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message, derived_id
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import BarClosed
from shared.messages.orders import (
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    StopPlaced,
    WriteOffDecided,
)
from tests.domain.market_scripts import (
    BTC,
    ETH,
    HOUR,
    T0,
    UNIVERSE,
    D,
    days,
    decided,
    flat,
    kinds,
    listed,
    mark,
    ohlc,
    play,
    stop_approved,
    time,
)

BOOK = {"bid": 99.9, "ask": 100.1}


def paper(*, universe: Universe = UNIVERSE) -> PaperExecution:
    """Pairs listed; no price yet."""
    machine = PaperExecution(Plan(), universe)
    for symbol in universe.symbols:
        play(machine, listed(symbol), *deep_days(symbol))
    return machine


def deep_days(symbol: str) -> list[BarClosed]:
    """History that is long over, so that its closes are no prices to trade on. It never moved: nothing slips."""
    return days(30, symbol=symbol, until=-24 * 10)


def buy(
    order_id: str = "o-1", quantity: str = "10", stop: str | None = "90", hour: float = 0, **changes: object
) -> OrderDecided:
    return decided(order_id, quantity=quantity, hour=hour, stop_price=None if stop is None else D(stop), **changes)


def sell(order_id: str = "s-1", quantity: str = "10", hour: float = 0, **changes: object) -> OrderDecided:
    return decided(order_id, side="sell", quantity=quantity, hour=hour, **changes)


def limit(order: OrderDecided, price: str, **changes: object) -> dict[str, object]:
    return {"order_type": "limit", "limit_price": D(price), **changes}


def holding(quantity: str = "10", stop: str = "90") -> PaperExecution:
    machine = paper()
    play(machine, mark(100, **BOOK), buy(quantity=quantity, stop=stop))
    return machine


def fills(outputs: list[Message]) -> list[OrderFilled]:
    return [output for output in outputs if isinstance(output, OrderFilled)]


def ends(outputs: list[Message]) -> list[tuple[str, str, str]]:
    return [(end.order_id, end.ending, end.reason) for end in outputs if isinstance(end, OrderClosed)]


def position(machine: PaperExecution, symbol: str = BTC) -> tuple[Decimal, Decimal | None]:
    held = dict(machine.records.rows(POSITION, VenuePosition)).get(symbol)
    return (held.quantity, held.stop) if held else (D(0), None)


def restarted(old: PaperExecution, *warm: Message) -> PaperExecution:
    rows = {key: row for key, row in old.records.drain().items() if row is not None}
    new = PaperExecution(Plan(), UNIVERSE)
    new.records.load(rows)
    for message in warm:
        new.warm(message)
    new.restored()
    return new


# --- market orders ------------------------------------------------------------------------------------------------


def test_an_approved_market_buy_is_placed_filled_protected_and_closed() -> None:
    machine = paper()
    order = buy()
    outputs = play(machine, mark(100, **BOOK), order)
    assert kinds(outputs) == ["OrderPlaced", "OrderFilled", "StopPlaced", "OrderClosed"]
    placed, fill, stop, end = outputs
    assert isinstance(placed, OrderPlaced)
    assert isinstance(fill, OrderFilled)
    assert isinstance(stop, StopPlaced)
    assert isinstance(end, OrderClosed)
    assert (placed.order_id, placed.quantity) == ("o-1", D(10))
    assert (fill.price, fill.quantity, fill.fee_usdt) == (D("100.10"), D(10), D("1.00100000"))
    assert (fill.stop_price, fill.liquidity, fill.side) == (D(90), "taker", "buy")
    assert fill.stop is False
    assert (stop.stop_price, stop.quantity) == (D(90), D(10))
    assert stop.order_id == derived_id("stop", BTC, "o-1")
    assert (end.ending, end.quantity_filled) == ("filled", D(10))
    assert {output.cause for output in outputs} == {order.id}
    assert {output.trace for output in outputs} == {order.trace}
    assert {output.time_ns for output in outputs} == {order.time_ns}


def test_without_a_book_a_buy_pays_half_a_spread_over_the_mark() -> None:
    machine = paper()
    [fill] = fills(play(machine, flat(-1, 100.0), buy()))
    assert fill.price == D("100.05")


def test_an_order_in_a_thin_pair_slips_with_the_square_root_of_its_size() -> None:
    machine = PaperExecution(Plan(), UNIVERSE)
    wild = [
        ohlc(-24 * (70 - day), 100, 110, 90, 100 * 1.1 ** (day % 2), timeframe="1d", quote_volume=1e6)
        for day in range(30)
    ]
    play(machine, listed(), *wild, mark(100, bid=100, ask=100))
    [small] = fills(play(machine, buy("o-1", "1")))
    [large] = fills(play(machine, buy("o-2", "100")))
    slip = [float(fill.price) / 100 - 1 for fill in (small, large)]
    assert slip[1] == pytest.approx(10 * slip[0], rel=0.1)
    assert slip[1] == pytest.approx(0.0953 * 1.026 * (10_000 / 1e6) ** 0.5, rel=0.1)  # sigma of +-9.53 % days


def test_a_sell_shrinks_the_stop_and_the_last_one_ends_it() -> None:
    machine = holding()
    part = play(machine, sell(quantity="4"))
    assert kinds(part) == ["OrderPlaced", "OrderFilled", "StopPlaced", "OrderClosed"]
    assert (part[1].price, part[1].stop_price) == (D("99.90"), None)  # type: ignore[attr-defined]
    assert part[2].quantity == D(6)  # type: ignore[attr-defined]
    rest = play(machine, sell("s-2", "6"))
    assert rest[2].quantity == 0  # type: ignore[attr-defined]
    assert position(machine) == (D(0), None)


def test_nothing_is_sold_that_is_not_held() -> None:
    machine = holding()
    [fill] = fills(play(machine, sell(quantity="25")))
    assert fill.quantity == D(10)
    assert ends(play(machine, sell("s-2", "1"))) == [("s-2", "rejected", "nothing is held")]


def test_a_second_buy_raises_the_stop_of_all_and_never_lowers_it() -> None:
    machine = holding(stop="90")
    higher = play(machine, buy("o-2", "5", stop="95"))
    assert [(stop.stop_price, stop.quantity) for stop in higher if isinstance(stop, StopPlaced)] == [(D(95), D(15))]
    lower = play(machine, buy("o-3", "5", stop="80"))
    assert [(stop.stop_price, stop.quantity) for stop in lower if isinstance(stop, StopPlaced)] == [(D(95), D(20))]
    assert fills(lower)[0].stop_price == D(95)


def test_the_same_verdict_twice_leads_to_nothing_new() -> None:
    machine = paper()
    play(machine, mark(100, **BOOK), buy())
    assert play(machine, buy(), buy()) == []
    assert position(machine) == (D(10), D(90))


def test_a_rejected_verdict_is_none_of_our_business() -> None:
    assert play(paper(), mark(100), buy(verdict="reject", quantity_approved=D(0))) == []


def test_only_what_was_approved_is_filled() -> None:
    machine = paper()
    [fill] = fills(play(machine, mark(100), buy(quantity="10", verdict="trim", quantity_approved=D("3.1234"))))
    assert fill.quantity == D("3.123")


@pytest.mark.parametrize(
    ("before", "order", "ending", "reason"),
    [
        ([], buy(), "rejected", "no price"),
        ([mark(100)], buy(hour=1.01), "rejected", "no price"),
        ([mark(100)], buy(symbol="XYZ/USDT"), "rejected", "XYZ/USDT is not listed"),
        ([mark(100), listed(status="halted", reason="BREAK")], buy(), "rejected", "BTC/USDT is halted: BREAK"),
        ([mark(100), listed(status="delisted")], buy(), "rejected", "BTC/USDT is delisted"),
        ([mark(100)], buy(quantity="0.0001"), "rejected", "below the lot step"),
        ([mark(100)], buy(order_type="limit"), "rejected", "a limit order needs a limit price"),
        ([mark(100), time(2)], buy(expires_ns=T0 + HOUR), "expired", "it came after its expiry"),
        ([mark(100)], sell(), "rejected", "nothing is held"),
    ],
)
def test_an_order_that_cannot_be_had_is_closed_with_its_reason(
    before: list[Message], order: OrderDecided, ending: str, reason: str
) -> None:
    assert ends(play(paper(), *before, order)) == [(order.order_id, ending, reason)]
    assert kinds(play(paper(), *before, order)) == ["OrderClosed"]


def test_the_age_limit_of_a_price_can_be_wider_than_a_bar() -> None:
    machine = PaperExecution(Plan(), UNIVERSE, quote_age_limit_ns=5 * HOUR)
    assert fills(play(machine, listed(), mark(100), buy(hour=4.9)))
    assert ends(play(machine, buy("o-2", hour=5.1))) == [("o-2", "rejected", "no price")]


def test_an_order_at_its_expiry_is_still_filled() -> None:
    assert fills(play(paper(), mark(100), time(1), buy(expires_ns=T0 + HOUR)))


def test_what_no_message_can_tell_of_is_not_bought() -> None:
    machine = paper()
    play(machine, mark(100, **BOOK), buy("o-1", "4e17"), buy("o-2", "3e17", **limit(buy(), "95")))
    told = play(machine, buy("o-3", "3e17"))
    assert ends(told) == [("o-3", "rejected", "1000000000000000000 units of a pair and more are not held")]
    assert fills(play(machine, buy("o-4", "2e17")))
    assert position(machine)[0] == D("6e17")


def test_a_fill_says_from_which_price_it_began() -> None:
    machine = paper()
    [_, bought, *_] = play(machine, mark(100, **BOOK), buy())
    assert bought.touch == D("100.1")  # type: ignore[attr-defined]
    [stopped] = fills(play(machine, ohlc(1, 95, 96, 85, 94)))
    assert stopped.touch == D("89.955")  # the stop, less half a spread
    [gapped] = fills(play(holding(), ohlc(1, 80, 96, 75, 94)))
    assert gapped.touch == D("79.96")
    waiting = paper()
    play(waiting, mark(100, **BOOK), buy(**limit(buy(), "95")))
    [made] = fills(play(waiting, ohlc(1, 99, 99, 94, 96)))
    assert made.touch == made.price == D(95)


# --- stops --------------------------------------------------------------------------------------------------------


def test_a_mark_at_the_stop_sells_the_whole_position_at_the_bid() -> None:
    machine = holding()
    assert play(machine, mark(90.01, hour=1, bid=90, ask=90.02)) == []
    hit = mark(90, hour=1.1, bid=89.99, ask=90.01)
    outputs = play(machine, hit)
    assert kinds(outputs) == ["OrderFilled", "OrderClosed"]
    fill = fills(outputs)[0]
    assert (fill.order_id, fill.side, fill.quantity) == (derived_id("stop", BTC, "o-1"), "sell", D(10))
    assert fill.stop is True
    assert (fill.price, fill.fee_usdt) == (D("89.99"), D("0.89990000"))
    assert (fill.cause, fill.trace) == (hit.id, "trace-o-1")
    assert ends(outputs) == [(fill.order_id, "filled", "stop at 90 was hit")]
    assert position(machine) == (D(0), None)
    assert play(machine, mark(80, hour=1.2)) == []


def test_a_gap_through_the_stop_fills_at_the_gap() -> None:
    [fill] = fills(play(holding(), mark(50, hour=1, bid=49.9, ask=50.1)))
    assert fill.price == D("49.90")


@pytest.mark.parametrize(
    ("bar", "price"),
    [
        (ohlc(1, 95, 96, 85, 94), "89.95"),  # through the stop: at the stop, less half a spread
        (ohlc(1, 70, 96, 60, 94), "69.96"),  # opened below it: at the open
        (ohlc(1, 95, 96, 90.01, 94), None),
    ],
)
def test_a_bar_that_reaches_the_stop_fills_it(bar: BarClosed, price: str | None) -> None:
    found = fills(play(holding(), bar))
    assert [fill.price for fill in found] == ([] if price is None else [D(price)])


def test_a_bar_that_opened_before_the_stop_was_placed_does_not_hit_it() -> None:
    machine = paper()
    play(machine, mark(100, hour=0.5), buy(hour=0.5))
    assert play(machine, ohlc(0, 95, 101, 60, 99)) == []
    assert fills(play(machine, ohlc(1, 95, 101, 60, 99)))


def test_a_close_at_the_stop_hits_it_even_when_the_bar_opened_before() -> None:
    machine = paper()
    play(machine, mark(100, hour=0.5), buy(hour=0.5))
    [fill] = fills(play(machine, ohlc(0, 95, 101, 60, 80)))
    assert fill.price == D("79.96")


def test_a_bar_older_than_the_mark_does_not_move_the_mark() -> None:
    machine = holding()
    play(machine, mark(100, hour=3, bid=99.9, ask=100.1))
    assert play(machine, ohlc(-1, 95, 101, 60, 80)) == []
    assert fills(play(machine, sell(hour=3)))[0].price == D("99.90")


def test_a_bar_heard_twice_changes_nothing() -> None:
    machine = paper()
    bar = ohlc(1, 95, 96, 85, 94)
    play(machine, mark(100), bar, buy(hour=0.5))
    assert play(machine, bar) == []


def test_an_approved_raise_moves_the_stop_up_and_never_down() -> None:
    machine = holding()
    [moved] = play(machine, stop_approved("95", hour=1))
    assert isinstance(moved, StopPlaced)
    assert (moved.stop_price, moved.quantity, moved.order_id) == (D(95), D(10), derived_id("stop", BTC, "o-1"))
    assert play(machine, stop_approved("95", hour=2), stop_approved("94", hour=3)) == []
    assert play(machine, stop_approved("95", symbol=ETH)) == []
    assert position(machine) == (D(10), D(95))


def test_a_position_bought_without_a_stop_gets_one_by_a_raise() -> None:
    machine = paper()
    outputs = play(machine, mark(100), buy(stop=None))
    assert kinds(outputs) == ["OrderPlaced", "OrderFilled", "OrderClosed"]
    assert kinds(play(machine, mark(1, hour=0.5), stop_approved("95", hour=1))) == ["StopPlaced"]


# --- limit orders -------------------------------------------------------------------------------------------------


def test_a_limit_that_is_within_reach_fills_as_a_taker_within_its_limit() -> None:
    outputs = play(paper(), mark(100, **BOOK), buy(**limit(buy(), "101")))
    assert kinds(outputs) == ["OrderPlaced", "OrderFilled", "StopPlaced", "OrderClosed"]
    assert (fills(outputs)[0].price, fills(outputs)[0].liquidity) == (D("100.10"), "taker")


def test_a_limit_rests_until_the_price_trades_through_it_and_fills_at_the_limit_as_a_maker() -> None:
    machine = paper()
    assert kinds(play(machine, mark(100, **BOOK), buy(**limit(buy(), "95")))) == ["OrderPlaced"]
    assert play(machine, mark(95.1, hour=1, bid=94.9, ask=95)) == []
    through = mark(94.8, hour=1.1, bid=94.7, ask=94.9)
    outputs = play(machine, through)
    assert kinds(outputs) == ["OrderFilled", "StopPlaced", "OrderClosed"]
    fill = fills(outputs)[0]
    assert (fill.price, fill.liquidity, fill.cause, fill.trace) == (D(95), "maker", through.id, "trace-o-1")
    assert machine.records.count(WORKING) == 0


def test_a_limit_whose_size_would_push_the_price_beyond_it_rests() -> None:
    machine = PaperExecution(Plan(), UNIVERSE)
    outputs = play(machine, listed(), mark(100, **BOOK), buy(quantity="100", **limit(buy(), "100.5")))
    assert kinds(outputs) == ["OrderPlaced"]


def test_a_bar_fills_a_limit_that_rested_all_through_it() -> None:
    machine = paper()
    play(machine, mark(100, **BOOK), buy(**limit(buy(), "95"), hour=0.5))
    assert fills(play(machine, ohlc(0, 100, 101, 94, 99))) == []
    [fill] = fills(play(machine, ohlc(1, 99, 100, 94.9, 99)))
    assert fill.price == D(95)


def test_a_bar_that_falls_through_a_resting_buy_down_to_its_stop_does_both() -> None:
    machine = paper()
    play(machine, mark(100, **BOOK), buy(**limit(buy(stop="90"), "95")))
    outputs = play(machine, ohlc(1, 99, 100, 85, 99))
    assert [(fill.side, fill.price) for fill in fills(outputs)] == [("buy", D(95)), ("sell", D("89.95"))]


def test_of_a_stop_and_a_resting_sell_in_one_bar_the_stop_counts() -> None:
    machine = holding()
    play(machine, sell(**limit(sell(), "110")))
    outputs = play(machine, ohlc(1, 100, 120, 80, 115))
    assert [fill.price for fill in fills(outputs)] == [D("89.95")]
    assert ends(outputs)[-1] == ("s-1", "cancelled", "the position is closed")


def test_a_resting_sell_takes_profit_and_gives_no_more_than_is_left() -> None:
    machine = holding()
    play(machine, sell(**limit(sell(), "110")), sell("s-2", "7"))
    outputs = play(machine, mark(111, hour=1, bid=110.5, ask=111.5))
    assert [(fill.quantity, fill.price) for fill in fills(outputs)] == [(D(3), D(110))]
    assert position(machine) == (D(0), None)


def test_of_two_sells_that_one_price_passes_the_first_sells_all_and_the_other_ends() -> None:
    machine = holding()
    play(machine, sell(**limit(sell(), "110")), sell("s-2", **limit(sell(), "111")))
    outputs = play(machine, mark(112, bid=111.9, ask=112.1))
    assert [(fill.order_id, fill.quantity) for fill in fills(outputs)] == [("s-1", D(10))]
    assert ends(outputs) == [("s-1", "filled", ""), ("s-2", "cancelled", "the position is closed")]
    assert position(machine) == (D(0), None)


def test_orders_fill_in_the_same_order_before_and_after_a_restart() -> None:
    machine = holding()
    play(machine, sell("s-2", "4", **limit(sell(), "110")), sell("s-1", "4", **limit(sell(), "110")))
    again = restarted(machine, flat(0))
    [before, after] = [play(each, mark(112, hour=1, bid=111.9, ask=112.1)) for each in (machine, again)]
    assert before == after
    assert [fill.order_id for fill in fills(before)] == ["s-1", "s-2"]


def test_resting_orders_expire_when_time_passes_and_are_not_filled_after() -> None:
    machine = paper()
    play(machine, mark(100, **BOOK), buy(**limit(buy(), "95", expires_ns=T0 + HOUR)))
    assert play(machine, time(1)) == []
    assert ends(play(machine, time(1.001))) == [("o-1", "expired", "not filled in time")]
    other = paper()
    play(other, mark(100, **BOOK), buy(**limit(buy(), "95", expires_ns=T0 + HOUR)))
    assert ends(play(other, mark(90, hour=2))) == [("o-1", "expired", "not filled in time")]


# --- pairs --------------------------------------------------------------------------------------------------------


def test_while_a_pair_is_halted_nothing_fills_and_its_orders_rest() -> None:
    machine = holding()
    play(machine, buy("o-2", **limit(buy(), "95")))
    assert play(machine, listed(status="halted"), mark(50, hour=1), ohlc(1, 50, 50, 50, 50)) == []
    outputs = play(machine, listed(), mark(49, hour=3))
    assert {(fill.order_id, fill.side) for fill in fills(outputs)} == {
        (derived_id("stop", BTC, "o-1"), "sell"), ("o-2", "buy")
    }  # fmt: skip


@pytest.mark.parametrize("status", ["delisted", "renamed", "unlisted"])
def test_the_resting_orders_of_a_pair_that_is_gone_are_cancelled(status: str) -> None:
    machine = holding()
    play(machine, buy("o-2", **limit(buy(), "95")))
    gone = listed(status=status, reason="ended")
    assert ends(play(machine, gone)) == [("o-2", "cancelled", f"BTC/USDT is {status}: ended")]
    assert play(machine, gone, mark(50, hour=1)) == []
    assert position(machine) == (D(10), D(90))


def test_position_and_stop_go_on_under_the_new_name_of_a_pair() -> None:
    universe = Universe(
        pairs=(Pair(base="MATIC", quote="USDT", sector="L2"),),
        renames=(Rename(old="MATIC", new="POL", cutover=date(2022, 11, 2), ratio=Decimal(2)),),
    )
    matic, pol = "MATIC/USDT", "POL/USDT"
    machine = paper(universe=universe)
    play(machine, mark(100, symbol=matic), buy(symbol=matic), buy("o-2", symbol=matic, **limit(buy(), "95")))
    renamed = listed(pol, formerly=matic, ratio=D(2))
    outputs = play(machine, listed(matic, status="halted"), renamed)
    assert ends(outputs) == [("o-2", "cancelled", "the pair is POL/USDT now")]
    [stop] = [output for output in outputs if isinstance(output, StopPlaced)]
    assert (stop.symbol, stop.stop_price, stop.quantity) == (pol, D(45), D(20))
    assert play(machine, renamed) == []
    assert (position(machine, matic), position(machine, pol)) == ((D(0), None), (D(20), D(45)))
    [fill] = fills(play(machine, mark(44, symbol=pol, hour=30)))
    assert (fill.symbol, fill.quantity) == (pol, D(20))


def test_a_rename_that_the_universe_does_not_know_moves_nothing_and_cancels_nothing() -> None:
    machine = holding()
    play(machine, buy("o-2", **limit(buy(), "95")))
    [refused] = play(machine, listed(ETH, formerly=BTC, ratio=D(1000)))
    assert isinstance(refused, MessageRefused)
    assert (position(machine), position(machine, ETH)) == ((D(10), D(90)), (D(0), None))
    assert len(list(machine.records.rows(WORKING, WorkingOrder))) == 1


def test_of_pairs_that_nobody_trades_nothing_is_stored() -> None:
    machine = paper()
    machine.records.drain()
    for number in range(20):
        play(machine, listed(f"Z{number}/USDT"), mark(100, symbol=f"Z{number}/USDT"))
    assert not machine.records.drain()


# --- restarting ---------------------------------------------------------------------------------------------------


def test_after_a_restart_positions_stops_and_resting_orders_are_where_they_were() -> None:
    machine = holding()
    play(machine, buy("o-2", **limit(buy(), "95")))
    again = restarted(machine, *deep_days(BTC), flat(0))
    assert play(again, buy(), buy("o-2", **limit(buy(), "95"))) == []
    assert [order.limit_price for _, order in again.records.rows(WORKING, WorkingOrder)] == [D(95)]
    outputs = play(again, mark(89, hour=2, bid=88.9, ask=89.1))
    assert {(fill.side, fill.price) for fill in fills(outputs)} == {("sell", D("88.90")), ("buy", D(95))}


def test_after_a_restart_a_bars_close_is_a_price_to_trade_on() -> None:
    again = restarted(paper(), flat(0, 100.0))
    assert fills(play(again, buy(hour=1)))[0].price > 100


def test_memory_of_orders_is_bounded() -> None:
    machine = paper()
    play(machine, mark(100))
    for number in range(300):
        play(machine, buy(f"o-{number}"))
    [(_, done)] = machine.records.rows("done", object)  # type: ignore[type-var]
    assert len(done.order_ids) == 64


# --- write-offs -------------------------------------------------------------------------------------------------------


def test_a_pair_that_is_written_off_has_no_position_stop_or_orders_any_more() -> None:
    machine = holding()
    play(machine, sell(**limit(sell(), "110")))
    outputs = play(machine, WriteOffDecided(id="w", time_ns=T0, symbol=BTC, reason="written off by ana: delisted"))
    assert ends(outputs) == [("s-1", "cancelled", "written off by ana: delisted")]
    assert position(machine) == (D(0), None)
    assert play(machine, mark(1, bid=0.9, ask=1.1)) == []


def imported(quantity: str = "2", stop: str = "95", import_id: str = "import-1") -> ImportDecided:
    return ImportDecided(id=import_id, time_ns=T0, symbol=BTC, quantity=D(quantity), stop_price=D(stop))


def test_a_position_that_comes_in_is_held_protected_and_sold_as_any_other() -> None:
    machine = paper()
    [placed] = play(machine, imported())
    assert isinstance(placed, StopPlaced)
    assert (placed.symbol, placed.stop_price, placed.quantity) == (BTC, 95, 2)
    assert position(machine) == (D(2), D(95))
    [fill, *_] = play(machine, mark(1, bid=94.9, ask=95.0))
    assert isinstance(fill, OrderFilled)
    assert (fill.order_id, fill.quantity, fill.stop) == (placed.order_id, 2, True)


def test_an_import_that_is_heard_twice_brings_nothing_back_that_was_sold() -> None:
    machine = paper()
    play(machine, imported(), mark(1, bid=94.9, ask=95.0))
    assert play(machine, imported()) == []
    assert position(machine) == (D(0), None)
