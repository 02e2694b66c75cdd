"""The sizing machine: scripts of messages in, messages out."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec import structs

from shared.domain.plan import Plan, SizingPlan
from shared.domain.sizing.machine import SizingMachine
from shared.domain.sizing.pairs import POSITION, SIGNAL
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import LAST_NS, Message
from shared.messages.orders import OrderFilled, OrderProposed, StopRaised
from shared.messages.signals import PositionSized, SignalRaised
from tests.domain.market_scripts import (
    BTC,
    ETH,
    HOUR,
    T0,
    UNIVERSE,
    D,
    approval_of,
    days,
    decided,
    flat,
    kinds,
    listed,
    mark,
    nav,
    ohlc,
    one_hour_plan,
    play,
    signal,
    strategy,
    time,
)
from tests.domain.sizing.sizing_scenes import (
    FULL,
    close,
    executed,
    fill,
    holding,
    only_order,
    orders,
    quantity_held,
    ready,
    restarted,
    stop_hit,
    stop_placed,
)

# --- sizes --------------------------------------------------------------------------------------------------------


def test_every_bar_of_a_strategys_timeframe_gives_a_size() -> None:
    bar = flat(0)
    [sized] = play(ready(), bar)
    assert isinstance(sized, PositionSized)
    assert (sized.symbol, sized.timeframe, sized.bar_open_time_ns, sized.price) == (BTC, "1h", T0, 100.0)
    assert (sized.quantity, sized.binding, sized.phase_scale) == (FULL, "equity_at_risk", 1.0)
    assert sized.atr == pytest.approx(10.0)
    assert sized.atr_pct == pytest.approx(0.1)
    assert sized.stop_price == pytest.approx(88.0)
    assert sized.notional_usdt == pytest.approx(8333.3)
    assert (sized.cause, sized.trace, sized.time_ns) == (bar.id, bar.id, bar.time_ns)


def test_a_size_names_a_stop_that_the_exchange_takes_as_it_is() -> None:
    """Clients copy it into their orders."""
    machine = ready()
    machine.handle(structs.replace(listed(), price_step=D("0.7")))
    [sized] = play(machine, flat(0))
    assert isinstance(sized, PositionSized)
    assert sized.stop_price == 88.2  # the next step above 100 - 1.2 x 10


def test_a_size_of_zero_is_given_too_and_names_what_is_missing() -> None:
    machine = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    told = []
    told += play(machine, flat(0), listed(), flat(1))
    told += play(machine, *days(59, until=2), flat(2), *days(1, until=26), flat(26), nav(), flat(27))
    assert [sized.binding for sized in told] == ["pair", "history", "history", "nav", "equity_at_risk"]  # type: ignore[attr-defined]
    assert [sized.quantity > 0 for sized in told] == [False] * 4 + [True]  # type: ignore[attr-defined]


def test_a_daily_feed_that_went_quiet_closes_the_gate() -> None:
    machine = ready()
    sizes = play(machine, flat(48), flat(96))
    assert [sized.binding for sized in sizes] == ["equity_at_risk", "history"]  # type: ignore[attr-defined]


def test_timeframes_without_a_strategy_and_pairs_outside_the_universe_give_no_size() -> None:
    assert play(ready(), flat(0, timeframe="15m"), flat(0, symbol="XYZ/USDT"), mark(100)) == []


def test_a_daily_strategy_has_its_bars_sized_and_counted_as_history() -> None:
    machine = ready(one_hour_plan(strategies=(strategy("trend", timeframe="1d"),)))
    [sized] = play(machine, days(1, until=24)[0])
    assert sized.timeframe == "1d"  # type: ignore[attr-defined]


def test_a_bar_heard_twice_gives_one_size() -> None:
    machine = ready()
    assert kinds(play(machine, flat(0), flat(0), flat(1), flat(0))) == ["PositionSized", "PositionSized"]


def test_history_is_not_sized_and_every_bar_since_the_first_current_one_is() -> None:
    machine = ready()
    assert play(machine, time(10), *[flat(hour) for hour in range(9)]) == []
    assert kinds(play(machine, flat(9))) == ["PositionSized"]
    late = play(machine, time(20), flat(10), flat(11))
    assert kinds(late) == ["PositionSized", "PositionSized"]


def test_the_size_follows_nav_and_phase() -> None:
    machine = ready(Plan(phase="live", strategies=(strategy("trend"),)))
    before = play(machine, flat(0))
    play(machine, nav(100_000.0, hour=1, phase="dry_run"))
    after = play(machine, flat(1))
    assert [size.quantity for size in before + after] == [FULL, D("10.416")]  # type: ignore[attr-defined]
    assert after[0].phase_scale == 0.25  # type: ignore[attr-defined]


# --- proposals ----------------------------------------------------------------------------------------------------


def test_a_signal_leads_to_a_proposal_of_the_full_size_with_its_stop() -> None:
    machine = ready()
    raised = signal(1.0, hour=1)
    order = only_order(play(machine, flat(0), time(1), raised))
    assert (order.symbol, order.side, order.quantity, order.stop_price) == (BTC, "buy", FULL, D("88.00"))
    assert (order.order_type, order.reduce_only, order.portfolio) == ("market", False, "main")
    assert (order.cause, order.trace, order.time_ns) == (raised.id, raised.trace, raised.time_ns)
    assert order.expires_ns == T0 + 2 * HOUR
    assert len(order.id) <= 36


def test_a_signal_that_came_before_its_bar_leads_to_a_proposal_on_the_bar() -> None:
    machine = ready()
    assert play(machine, signal(1.0)) == []
    outputs = play(machine, flat(0))
    assert kinds(outputs) == ["PositionSized", "OrderProposed"]
    assert outputs[1].cause == flat(0).id


def test_at_most_one_order_of_a_pair_is_in_flight() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    assert orders(play(machine, flat(1), signal(0.5, hour=2), approval_of(order), flat(2))) == []
    assert only_order(play(machine, flat(0, symbol=ETH), signal(1.0, symbol=ETH, hour=1))).symbol == ETH


def test_a_second_strategy_waits_until_the_order_of_the_first_is_done() -> None:
    machine = ready(one_hour_plan(strategies=(strategy("one", weight=0.5), strategy("two", weight=0.5))))
    order = only_order(play(machine, flat(0), signal(1.0, name="one", hour=1)))
    assert orders(play(machine, signal(1.0, name="two", hour=1), approval_of(order))) == []
    assert orders(play(machine, fill(order), flat(1))) == []
    assert only_order(play(machine, close(order.id), flat(2))).quantity == FULL - D("41.666")


def test_a_position_at_its_target_gets_no_further_orders() -> None:
    machine = ready()
    holding(machine)
    assert quantity_held(machine) == FULL
    assert orders(play(machine, flat(1), flat(2))) == []


def test_a_signal_of_zero_sells_the_whole_position_and_never_more() -> None:
    machine = ready()
    holding(machine)
    order = only_order(play(machine, flat(1), signal(0.0, hour=2)))
    assert (order.side, order.quantity, order.reduce_only, order.stop_price) == ("sell", FULL, True, None)
    executed(machine, order)
    assert quantity_held(machine) == 0
    assert orders(play(machine, flat(2))) == []


def test_two_strategies_share_a_position_by_their_weights() -> None:
    machine = ready(one_hour_plan(strategies=(strategy("one", weight=0.5), strategy("two", weight=0.5))))
    first = only_order(play(machine, flat(0), signal(1.0, name="one", hour=1)))
    assert first.quantity == D("41.666")
    executed(machine, first)
    second = only_order(play(machine, flat(1), signal(1.0, name="two", hour=2)))
    assert second.quantity == FULL - D("41.666")
    executed(machine, second)
    less = only_order(play(machine, flat(2), signal(0.0, name="one", hour=3)))
    assert (less.side, less.quantity) == ("sell", FULL - D("41.666"))


def test_only_differences_outside_the_band_are_traded() -> None:
    machine = ready()
    holding(machine)
    assert orders(play(machine, nav(180_000.0, hour=1), flat(1))) == []
    order = only_order(play(machine, nav(120_000.0, hour=2), flat(2)))
    assert (order.side, order.quantity) == ("sell", FULL - D("50"))


def test_a_rejected_order_is_not_proposed_again_before_the_next_bar() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    refused = approval_of(order, verdict="reject", quantity_approved=D(0), binding="portfolio_heat")
    assert play(machine, refused, signal(0.9, hour=1.1), signal(1.0, hour=1.2), nav(hour=1.3)) == []
    again = only_order(play(machine, flat(1)))
    assert again.quantity == FULL
    assert again.id != order.id


@pytest.mark.parametrize("ending", ["rejected", "expired"])
def test_an_order_that_execution_could_not_fill_is_not_proposed_again_before_the_next_bar(ending: str) -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    assert play(machine, approval_of(order), close(order.id, ending), signal(0.9, hour=1.1)) == []
    assert only_order(play(machine, flat(1))).side == "buy"


def test_a_trimmed_order_leaves_the_rest_to_the_next_bar() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    play(
        machine,
        approval_of(order, verdict="trim", quantity_approved=D(40)),
        fill(order, quantity="40"),
        close(order.id),
    )
    assert only_order(play(machine, flat(1))).quantity == FULL - D(40)


def test_orders_of_others_count_as_in_flight_and_are_not_sold_from_under_them() -> None:
    machine = ready()
    play(machine, flat(0), decided("x-1", quantity="40", strategy="external"))
    assert only_order(play(machine, signal(1.0, hour=1))).quantity == FULL - D(40)
    trimmed = ready()
    play(trimmed, flat(0), decided("x-1", quantity="40", verdict="trim", quantity_approved=D(30)))
    assert only_order(play(trimmed, signal(1.0, hour=1))).quantity == FULL - D(30)
    other = ready()
    holding(other)
    play(other, decided("x-2", side="sell", quantity="60", hour=1))
    assert orders(play(other, flat(1))) == []
    assert only_order(play(other, signal(0.0, hour=2))).quantity == FULL - D(60)


def test_a_position_of_others_is_left_alone_while_no_strategy_has_a_say() -> None:
    machine = ready()
    bought = structs.replace(decided("x-1", quantity="40"), strategy="external")
    filled = OrderFilled(
        id="f", time_ns=T0, order_id="x-1", trade_id="t-x", symbol=BTC, side="buy", quantity=D(40), price=D(100),
        fee_usdt=D(0), stop_price=D(90),
    )  # fmt: skip
    assert orders(play(machine, bought, filled, close("x-1"), flat(0), flat(1))) == []


def test_no_order_follows_from_a_bar_that_is_not_current() -> None:
    machine = ready()
    play(machine, flat(0))
    assert play(machine, time(2.5), signal(1.0, hour=2.5)) == []
    assert kinds(play(machine, flat(1), time(4))) == ["PositionSized", "OrderProposed"]
    late = ready()
    play(late, flat(0), signal(1.0, hour=0.5), time(9))
    assert kinds(play(late, flat(1), flat(2))) == ["PositionSized", "PositionSized"]


def test_an_age_limit_above_the_timeframe_keeps_bars_current_for_longer() -> None:
    machine = ready(bar_age_limit_ns=5 * HOUR)
    play(machine, flat(0))
    assert kinds(play(machine, time(5.9), signal(1.0, hour=5.9))) == ["OrderProposed"]


def test_all_pairs_are_looked_at_once_when_nav_first_becomes_known() -> None:
    machine = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    for symbol in (BTC, ETH):
        play(machine, listed(symbol), *days(60, symbol=symbol))
        assert kinds(play(machine, flat(0, symbol=symbol), signal(1.0, symbol=symbol, hour=1))) == ["PositionSized"]
    first = play(machine, nav(hour=1))
    assert [(order.symbol, order.cause) for order in orders(first)] == [(BTC, "portfolio-1"), (ETH, "portfolio-1")]
    assert play(machine, nav(200_001.0, hour=2)) == []


def test_an_order_that_follows_from_the_end_of_time_expires_no_later_than_a_message_can_say() -> None:
    machine = SizingMachine(one_hour_plan(), UNIVERSE, "main")
    play(machine, listed(BTC), *days(60), flat(0), signal(1.0, hour=1))
    order = only_order(play(machine, structs.replace(nav(hour=1), time_ns=LAST_NS)))
    assert order.expires_ns == LAST_NS


def test_an_expired_signal_is_dropped_on_the_next_bar() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1, expires_ns=T0 + 2 * HOUR)))
    executed(machine, order)
    assert orders(play(machine, time(2), flat(1))) == []
    assert only_order(play(machine, time(3), flat(2))).side == "sell"


def test_a_strategy_of_another_process_has_the_weight_that_the_plan_gives_it_and_others_have_none() -> None:
    guru = structs.replace(strategy("guru", weight=0.5), kind="external")
    machine = ready(one_hour_plan(strategies=(strategy("trend"), guru)))
    assert orders(play(machine, flat(0), signal(1.0, name="stranger", hour=1))) == []
    assert machine.records.count(SIGNAL) == 0
    assert only_order(play(machine, signal(1.0, name="guru", hour=1))).quantity == D("41.666")


def test_a_strategy_that_left_the_plan_has_no_say_any_more() -> None:
    both = one_hour_plan(strategies=(strategy("trend", weight=0.5), strategy("guru", weight=0.5)))
    machine = ready(both)
    play(machine, signal(1.0, name="guru"), signal(1.0, name="trend"))
    again = restarted(machine, *days(60), plan=one_hour_plan(strategies=(strategy("trend", weight=0.5),)))
    assert only_order(play(again, flat(0))).quantity == D("41.666")


def test_signals_heard_twice_or_out_of_order_change_nothing() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    executed(machine, order)
    assert orders(play(machine, signal(1.0, hour=1), signal(0.0, hour=0.5), flat(1))) == []


def test_a_pair_that_stops_trading_gets_no_orders_until_it_trades_again() -> None:
    machine = ready()
    holding(machine)
    stopped = play(machine, listed(status="halted"), flat(1), signal(0.0, hour=2))
    assert [(type(output).__name__, output.binding) for output in stopped] == [("PositionSized", "pair")]  # type: ignore[attr-defined]
    assert only_order(play(machine, listed(), flat(2))).side == "sell"


# --- stops --------------------------------------------------------------------------------------------------------


def test_the_stop_follows_the_price_up_in_steps_and_never_down() -> None:
    machine = ready()
    holding(machine)
    higher = flat(1, 110.0)
    [raised] = [output for output in play(machine, higher) if isinstance(output, StopRaised)]
    assert (raised.stop_price, raised.symbol, raised.portfolio) == (D("98.00"), BTC, "main")
    assert (raised.cause, raised.trace) == (higher.id, higher.id)
    play(machine, stop_placed("98.00"))
    assert kinds(play(machine, flat(2, 110.0), flat(3, 105.0), flat(4, 110.0))) == ["PositionSized"] * 3
    assert kinds(play(machine, flat(5, 110.02))) == ["PositionSized", "StopRaised"]


def test_a_raise_of_less_than_a_price_step_is_not_worth_a_message() -> None:
    machine = ready()
    holding(machine)
    play(machine, stop_placed("97.995"))
    assert kinds(play(machine, flat(1, 110.0))) == ["PositionSized"]


def test_a_raise_that_did_not_happen_is_asked_for_again_on_the_next_bar() -> None:
    machine = ready()
    holding(machine)
    assert kinds(play(machine, flat(1, 110.0), flat(2, 110.0))).count("StopRaised") == 2


def test_a_position_without_a_stop_gets_one() -> None:
    machine = ready()
    order = holding(machine)
    assert order.stop_price == D("88.00")
    play(machine, stop_placed("88", quantity="0"))
    assert kinds(play(machine, flat(1))) == ["PositionSized", "StopRaised"]


def test_the_stop_is_raised_without_nav_or_volume_but_not_on_an_old_atr() -> None:
    machine = ready()
    holding(machine)
    play(machine, nav(0.0, hour=1))
    assert kinds(play(machine, flat(1, 110.0))) == ["PositionSized", "StopRaised"]
    assert kinds(play(machine, flat(96, 120.0))) == ["PositionSized"]


def test_no_stop_is_raised_from_a_bar_that_is_not_current_or_for_nothing() -> None:
    machine = ready()
    holding(machine)
    assert kinds(play(machine, time(9), flat(1, 110.0))) == ["PositionSized"]
    assert kinds(play(ready(), flat(0, 110.0))) == ["PositionSized"]


def test_after_a_stop_out_a_pair_is_bought_again_only_on_a_new_signal() -> None:
    machine = ready()
    holding(machine)
    play(machine, *stop_hit(str(FULL)))
    assert quantity_held(machine) == 0
    assert kinds(play(machine, flat(1), flat(2))) == ["PositionSized"] * 2
    assert only_order(play(machine, signal(1.0, hour=3))).side == "buy"


def test_a_signal_heard_again_after_a_stop_out_is_not_a_new_signal() -> None:
    machine = ready()
    holding(machine)
    assert orders(play(machine, *stop_hit(str(FULL)), signal(1.0, hour=1), flat(1))) == []


def test_a_partial_sale_by_others_does_not_spend_the_signals() -> None:
    machine = ready()
    holding(machine)
    play(machine, *stop_hit("40"))
    assert only_order(play(machine, flat(1))).quantity == D(40)


# --- hearing twice, restarting, renaming --------------------------------------------------------------------------


def test_everything_about_an_order_may_be_heard_twice() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    script = [
        approval_of(order),
        fill(order, quantity="40"),
        fill(order, quantity="43.333", trade="2"),
        close(order.id),
    ]
    play(machine, *script)
    once = dict(machine.records.rows(POSITION, object))  # type: ignore[type-var]
    play(machine, *script, *reversed(script))
    assert dict(machine.records.rows(POSITION, object)) == once  # type: ignore[type-var]
    assert quantity_held(machine) == FULL


def test_a_verdict_that_arrives_after_the_fill_and_the_end_leaves_nothing_in_flight() -> None:
    machine = ready()
    order = only_order(play(machine, flat(0), signal(0.5, hour=1)))
    play(machine, fill(order), close(order.id), approval_of(order))
    assert only_order(play(machine, flat(1), signal(1.0, hour=2))).quantity == FULL - D("41.666")


def test_memory_of_orders_and_trades_is_bounded() -> None:
    machine = ready()
    for number in range(500):
        order = structs.replace(OrderProposed(id=f"x-{number}", time_ns=T0, symbol=BTC, side="buy", quantity=D(1)))
        play(machine, approval_of(order), fill(order), close(order.id, symbol=order.symbol))
    held = dict(machine.records.rows(POSITION, object))[BTC]  # type: ignore[type-var]
    assert (len(held.trades), len(held.closed), len(held.orders)) == (64, 32, 0)
    assert held.quantity == 500


def test_after_a_restart_everything_goes_on_where_it_stood() -> None:
    """Position, stop, wishes, NAV, listings and what is in flight are records; ATR and prices come from history."""
    history = [*days(60), flat(0)]
    machine = ready()
    order = only_order(play(machine, flat(0), signal(1.0, hour=1)))
    again = restarted(machine, *history)
    assert orders(play(again, signal(0.9, hour=1.5))) == []  # still in flight
    executed(again, order)
    assert kinds(play(again, flat(0), flat(1, 110.0))) == ["PositionSized", "StopRaised"]
    assert only_order(play(again, signal(0.0, hour=2))).quantity == FULL


def test_after_a_restart_bars_that_were_missed_are_sized_and_older_ones_are_not() -> None:
    machine = ready()
    play(machine, flat(0))
    again = restarted(machine, *days(60), flat(0))
    assert kinds(play(again, time(8), flat(0), flat(1), flat(2))) == ["PositionSized", "PositionSized"]


def test_a_position_goes_on_through_a_rename_of_its_pair() -> None:
    universe = Universe(
        pairs=(Pair(base="MATIC", quote="USDT", sector="L2"),),
        renames=(Rename(old="MATIC", new="POL", cutover=date(2022, 11, 2), ratio=Decimal(2)),),
    )
    matic, pol = "MATIC/USDT", "POL/USDT"
    machine = ready(universe=universe)
    order = only_order(play(machine, flat(0, symbol=matic), signal(1.0, symbol=matic, hour=1)))
    assert (order.symbol, order.quantity, order.stop_price) == (matic, FULL, D("88.00"))
    executed(machine, order)
    play(machine, listed(matic, status="renamed"), listed(pol, formerly=matic, ratio=D(2)))
    [sized, raised] = play(machine, flat(26, 55.0, symbol=pol))  # 55 new is 110 old
    assert isinstance(sized, PositionSized)
    assert sized.atr == pytest.approx(5.0)
    assert sized.quantity == D("166.666")
    assert isinstance(raised, StopRaised)
    assert (raised.symbol, raised.stop_price) == (pol, D("49.00"))
    sell = only_order(play(machine, signal(0.0, symbol=pol, hour=27)))
    assert (sell.symbol, sell.quantity) == (pol, FULL * 2)


def test_the_same_messages_give_the_same_outputs_and_the_same_records() -> None:
    script: list[Message] = [listed(), *days(60), nav(), flat(0), signal(1.0, hour=1), flat(1, 110.0), decided("x-1"),
                             signal(0.0, hour=2), *stop_hit("1"), ohlc(2, 110, 120, 100, 115), time(3)]  # fmt: skip
    one, other = (SizingMachine(one_hour_plan(sizing=SizingPlan()), UNIVERSE, "main") for _ in range(2))
    assert play(one, *script) == play(other, *script)
    assert one.records.drain() == other.records.drain()


def test_signals_for_pairs_outside_the_universe_lead_to_no_order() -> None:
    machine = ready()
    assert orders(play(machine, signal(1.0, symbol="XYZ/USDT"))) == []
    assert isinstance(signal(1.0), SignalRaised)
