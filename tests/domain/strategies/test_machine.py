"""The signals machine: bars in, changes of mind out."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Plan, StrategyPlan
from shared.domain.strategies.base import ParameterError
from shared.domain.strategies.machine import SignalsMachine
from shared.domain.universe import Pair, Rename, Universe
from shared.messages.base import Message
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.market import BarClosed
from shared.messages.signals import SignalRaised
from tests.domain.market_scripts import BTC, ETH, UNIVERSE, flat, mark, play, strategy, time
from tests.domain.strategies.files import FOLLOWS, file_plan, says

PLAN = Plan(strategies=(strategy("trend", entry=2, exit=2),))


def machine(plan: Plan = PLAN, universe: Universe = UNIVERSE, **options: int) -> SignalsMachine:
    return SignalsMachine(plan, universe, service="signals", **options)


def bars(*closes: float, symbol: str = BTC, timeframe: str = "1h") -> list[BarClosed]:
    length = {"1h": 1.0, "15m": 0.25}[timeframe]
    return [flat(number * length, close, symbol=symbol, timeframe=timeframe) for number, close in enumerate(closes)]


def said(outputs: list[Message]) -> list[tuple[str, float]]:
    assert all(isinstance(output, SignalRaised) for output in outputs)
    return [(output.symbol, output.strength) for output in outputs]  # type: ignore[attr-defined]


def restarted(old: SignalsMachine, plan: Plan = PLAN, warm: list[BarClosed] | None = None) -> SignalsMachine:
    """A new process: the stored records, then the history that was handled, as the host does it."""
    rows = {key: row for key, row in old.records.drain().items() if row is not None}
    new = machine(plan)
    new.records.load(rows)
    for bar in warm or []:
        new.warm(bar)
    new.restored()
    return new


def test_a_signal_is_raised_when_the_strategy_changes_its_mind_and_only_then() -> None:
    signals = machine()
    outputs = [said(play(signals, bar)) for bar in bars(10, 10, 11, 12, 13, 9, 8)]
    assert outputs == [[], [], [(BTC, 1.0)], [], [], [(BTC, 0.0)], []]


def test_a_signal_carries_the_bar_as_cause_and_trace() -> None:
    *_, last = bars(10, 10, 11)
    [raised] = play(machine(), *bars(10, 10), last)
    assert isinstance(raised, SignalRaised)
    assert (raised.cause, raised.trace, raised.time_ns) == (last.id, last.id, last.time_ns)
    assert (raised.strategy, raised.timeframe, raised.expires_ns) == ("trend", "1h", 0)


def test_history_only_warms_and_the_first_current_bar_tells_that_the_strategy_is_long() -> None:
    signals = machine()
    assert play(signals, time(10), *bars(10, 10, 11, 12, 13, 14, 15)) == []
    assert said(play(signals, flat(9, 16))) == [(BTC, 1.0)]


def test_a_strategy_that_is_flat_at_the_start_says_nothing() -> None:
    assert play(machine(), time(10), *bars(10, 10, 11, 9), flat(9, 8.9)) == []


def test_a_bar_is_current_for_one_timeframe_after_its_close() -> None:
    on_time, late = machine(), machine()
    assert said(play(on_time, *bars(10, 10), time(3.99), flat(2, 11))) == [(BTC, 1.0)]
    assert play(late, *bars(10, 10), time(4.01), flat(2, 11)) == []


def test_an_age_limit_above_the_timeframe_keeps_bars_current_for_longer() -> None:
    signals = machine(bar_age_limit_ns=5 * 3_600_000_000_000)
    assert said(play(signals, time(7.9), *bars(10, 10, 11))) == [(BTC, 1.0)]


def test_a_bar_heard_twice_or_out_of_order_changes_nothing() -> None:
    signals = machine()
    first = play(signals, *bars(10, 10, 11))
    assert len(first) == 1
    assert play(signals, *bars(10, 10, 11), flat(1, 1.0)) == []
    assert said(play(signals, flat(3, 9))) == [(BTC, 0.0)]


def test_pairs_and_timeframes_do_not_mix() -> None:
    plan = Plan(strategies=(strategy("slow", entry=2, exit=2), strategy("quick", timeframe="15m", entry=2, exit=2)))
    signals = machine(plan)
    outputs = play(signals, *bars(10, 10, 11), *bars(5, 5, 5, symbol=ETH), *bars(10, 10, 11, timeframe="15m"))
    assert [(output.strategy, output.symbol) for output in outputs] == [("slow", BTC), ("quick", BTC)]  # type: ignore[attr-defined]


def test_two_strategies_on_one_timeframe_each_speak_for_themselves() -> None:
    plan = Plan(strategies=(strategy("eager", entry=1, exit=1), strategy("patient", entry=3, exit=2)))
    outputs = play(machine(plan), *bars(10, 10, 11, 12))
    assert [(output.strategy, output.strength) for output in outputs] == [("eager", 1.0), ("patient", 1.0)]  # type: ignore[attr-defined]


def test_bars_of_other_timeframes_pairs_outside_the_universe_and_marks_are_ignored() -> None:
    others = [flat(hour, 10.0 + hour, timeframe="1d") for hour in range(0, 96, 24)]
    strangers = [flat(hour, 10.0 + hour, symbol="XYZ/USDT") for hour in range(5)]
    assert play(machine(), *others, *strangers, mark(10)) == []


def test_after_a_restart_what_was_raised_is_not_raised_again() -> None:
    signals = machine()
    seen = bars(10, 10, 11)
    play(signals, *seen)
    again = restarted(signals, warm=seen)
    assert play(again, flat(3, 12)) == []
    assert said(play(again, flat(4, 9))) == [(BTC, 0.0)]


def test_a_change_of_mind_during_an_outage_is_told_on_the_first_current_bar() -> None:
    signals = machine()
    seen = bars(10, 10, 11)
    play(signals, *seen)
    again = restarted(signals, warm=seen)
    missed = [flat(3, 8), flat(4, 7)]
    assert play(again, time(20), *missed) == []
    assert said(play(again, flat(19, 6))) == [(BTC, 0.0)]


def test_a_strategy_goes_on_through_a_rename_of_its_pair() -> None:
    universe = Universe(
        pairs=(Pair(base="MATIC", quote="USDT", sector="L2"),),
        renames=(Rename(old="MATIC", new="POL", cutover=date(2024, 9, 13), ratio=Decimal(2)),),
    )
    signals = machine(universe=universe)
    assert said(play(signals, *bars(10, 10, 11, 12, symbol="MATIC/USDT"))) == [("MATIC/USDT", 1.0)]
    assert play(signals, flat(60, 6.1, symbol="POL/USDT")) == []  # 6.1 new is 12.2 old: still long
    assert said(play(signals, flat(61, 5.9, symbol="POL/USDT"))) == [("POL/USDT", 0.0)]


def test_a_plan_that_cannot_run_is_refused_before_the_first_bar() -> None:
    with pytest.raises(ParameterError, match="entry = 0"):
        machine(Plan(strategies=(strategy("trend", entry=0),)))


@given(st.lists(st.floats(1, 100), max_size=60), st.integers(0, 60))
def test_the_same_bars_give_the_same_signals_with_a_restart_or_without(closes: list[float], cut: int) -> None:
    """Signals alternate between long and flat, have distinct ids, and a restart in the middle changes none of them."""
    straight, first = machine(), machine()
    series = bars(*closes)
    outputs = play(straight, *series)
    assert [strength for _, strength in said(outputs)] == [1.0, 0.0] * (len(outputs) // 2) + [1.0] * (len(outputs) % 2)
    assert len({output.id for output in outputs}) == len(outputs)
    before = play(first, *series[:cut])
    again = restarted(first, warm=series[:cut])
    assert before + play(again, *series[cut:]) == outputs


def test_a_strategy_of_another_process_is_never_raised_here() -> None:
    outside = StrategyPlan(name="mine", kind="external", timeframe="1h", weight=0.5)
    assert play(machine(Plan(strategies=(outside,))), bars(100, 200, 50, 400)) == []


# --- strategies of files ------------------------------------------------------------------------------------------

FAILS_AT_12 = says("1.0 if bar.close < 12 else 'x'")


def kinds(outputs: list[Message]) -> list[str]:
    return [type(output).__name__ for output in outputs]


def test_a_strategy_of_a_file_raises_signals_beside_the_built_in_ones() -> None:
    plan = Plan(strategies=(strategy("trend", weight=0.5, entry=2, exit=2), file_plan(FOLLOWS)))
    outputs = play(machine(plan), *bars(10, 10, 11))
    assert [(output.strategy, output.strength) for output in outputs] == [("trend", 1.0), ("mine", 1.0)]  # type: ignore[attr-defined]


def test_a_file_that_fails_on_a_bar_stops_no_other_strategy_and_no_other_pair() -> None:
    plan = Plan(strategies=(file_plan(FAILS_AT_12), strategy("trend", weight=0.5, entry=2, exit=2)))
    signals = machine(plan)
    assert kinds(play(signals, *bars(10, 10))) == ["SignalRaised"]
    *told, raised = play(signals, flat(2, 12))
    assert kinds(told) == ["MessageRefused", "EntrySetAside"]
    assert isinstance(raised, SignalRaised)
    assert (raised.strategy, raised.strength) == ("trend", 1.0)
    assert said(play(signals, flat(3, 9))) == [(BTC, 0.0)]
    assert said(play(signals, *bars(10, 11, symbol=ETH))) == [(ETH, 1.0)]


def test_a_failure_is_told_once_with_the_bar_as_cause_and_the_reason_in_full() -> None:
    signals = machine(Plan(strategies=(file_plan(FAILS_AT_12),)))
    bar = flat(1, 12)
    refused, aside = play(signals, flat(0, 10), bar)[1:]
    assert isinstance(refused, MessageRefused)
    assert isinstance(aside, EntrySetAside)
    assert refused.field == "strategies.mine"
    assert refused.reason == aside.reason
    assert "on_bar returned 'x'" in aside.reason
    assert (aside.service, aside.source, aside.symbol, aside.portfolio) == ("signals", "hs:bars:1h", BTC, "")
    assert (refused.cause, aside.cause, aside.trace, aside.entry, aside.message) == (*[bar.id] * 4, "BarClosed")
    assert play(signals, flat(2, 12), flat(3, 5)) == []


def test_what_failed_on_history_is_told_on_the_first_current_bar_and_so_it_is_after_a_restart() -> None:
    plan = Plan(strategies=(file_plan(FAILS_AT_12),))
    signals = machine(plan)
    history = bars(10, 12, 10)
    assert play(signals, time(10), *history) == []
    assert kinds(play(signals, flat(9, 10))) == ["MessageRefused", "EntrySetAside"]
    again = restarted(signals, plan, warm=history)
    assert kinds(play(again, time(11), flat(10, 10))) == ["MessageRefused", "EntrySetAside"]


def test_what_it_wanted_last_stands_until_a_corrected_file_says_otherwise() -> None:
    plan = Plan(strategies=(file_plan(FAILS_AT_12),))
    signals = machine(plan)
    history = bars(10, 12)
    assert said(play(signals, *history)[:1]) == [(BTC, 1.0)]
    corrected = Plan(strategies=(file_plan(says("1.0 if bar.close < 12 else 0.0")),))
    again = restarted(signals, corrected, warm=history)
    assert play(again, flat(2, 11)) == []
    assert said(play(again, flat(3, 13))) == [(BTC, 0.0)]


def test_a_file_that_cannot_run_is_refused_before_the_first_bar() -> None:
    with pytest.raises(ParameterError, match="No module named"):
        machine(Plan(strategies=(file_plan("import not_there\n" + FOLLOWS),)))
