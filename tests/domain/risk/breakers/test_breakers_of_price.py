"""Gap and market shock: at the threshold, just under and just over, and what they must not take for a gap."""

import msgspec
import pytest
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.plan import Limits
from shared.messages.base import LAST_NS
from shared.messages.control import Resume
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.market import BarClosed, MarkChanged
from shared.messages.orders import CancelDecided
from tests.domain.risk.breakers.halt_scenes import (
    MINUTE_NS,
    halt_of,
    held,
    hourly,
    in_force,
    jump,
    mark_at,
    only,
    restart,
    resumed,
    stop_fill,
)
from tests.domain.risk.risk_harness import PRICES, UNIVERSE, D, RiskHarness
from tests.samples import bar

GAPPED = [("ETH/USDT", "gap", "halted")]
SHOCKED = ("", "market_shock", "reducing")
WIDE = Limits(equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, sector_cap_nav=1.0)


def atr(harness: RiskHarness, symbol: str) -> float:
    found = harness.machine.state.daily[symbol].latest.atr
    assert found is not None
    return found


# --- gap: bars --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("atrs", "halts"), [(0.999, []), (1.0, []), (1.001, GAPPED), (-1.0, []), (-1.001, GAPPED)])
def test_a_bar_that_opens_more_than_an_atr_from_the_last_close_halts_its_pair(
    atrs: float, halts: list[tuple[str, str, str]]
) -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    hourly(harness, "ETH/USDT", 1, opened=1500.0 + atrs * atr(harness, "ETH/USDT"), close=1500.0)
    assert in_force(harness) == halts


def test_a_gap_says_what_opened_where_and_ends_after_its_cool_down() -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    gapped = hourly(harness, "ETH/USDT", 1, opened=1400.0, close=1500.0)
    halt = halt_of(harness, "ETH/USDT", "gap")
    assert (halt.cleared_by, halt.until_ns) == ("time", gapped.time_ns + 60 * MINUTE_NS)
    assert "1h bar opened at 1400 after a close at 1500; ATR" in halt.evidence
    harness.pass_time(3599.999)
    assert in_force(harness) == GAPPED
    harness.pass_time(0.001)
    assert in_force(harness) == []
    assert [(each.trigger, each.held_ns) for each in resumed(harness)] == [("gap", 60 * MINUTE_NS)]


def test_history_that_is_loaded_at_a_start_halts_nothing() -> None:
    harness = RiskHarness(breakers=only("gap", "market_shock"))
    harness.now_ns += 3 * 24 * 60 * MINUTE_NS
    harness.pass_time(0)
    for hour, price in enumerate((1500.0, 1000.0, 2000.0)):
        hourly(harness, "ETH/USDT", hour, opened=price, close=price, backfilled=True)
        hourly(harness, "BTC/USDT", hour, opened=price, close=price, backfilled=True)
    assert in_force(harness) == []


def test_a_bar_after_bars_that_never_came_halts_nothing_but_one_after_a_hole_at_the_exchange_does() -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    hourly(harness, "ETH/USDT", 3, opened=1300.0, close=1300.0)
    assert in_force(harness) == []
    hourly(harness, "ETH/USDT", 6, opened=1100.0, close=1100.0, hole_before=2)
    assert in_force(harness) == GAPPED


def test_the_same_bar_heard_twice_gaps_once() -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    again = hourly(harness, "ETH/USDT", 1, opened=1300.0, close=1300.0)
    made = len(harness.made)
    harness.handle(again)
    assert len(harness.made) == made


def test_the_last_close_before_a_restart_comes_from_the_bars_that_were_handled_then() -> None:
    harness = RiskHarness(breakers=only("gap"))
    last = hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    restart(harness, last)
    hourly(harness, "ETH/USDT", 1, opened=1300.0, close=1300.0)
    assert in_force(harness) == GAPPED


# --- gap: marks and stops ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "halts"), [(1619.9, []), (1620.0, []), (1620.1, GAPPED), (1380.1, []), (1380.0, []), (1379.9, GAPPED)]
)
def test_a_mark_that_jumps_more_than_eight_percent_between_samples_halts_its_pair(
    price: float, halts: list[tuple[str, str, str]]
) -> None:
    harness = RiskHarness(breakers=only("gap"))
    jump(harness, "ETH/USDT", price)
    assert in_force(harness) == halts


def test_marks_farther_apart_than_a_mark_may_be_old_are_not_compared() -> None:
    harness = RiskHarness(breakers=only("gap"))
    jump(harness, "ETH/USDT", 1000.0, seconds=5.1)
    assert in_force(harness) == []


def test_a_stale_mark_halts_nothing() -> None:
    harness = RiskHarness(breakers=only("gap"))
    harness.pass_time(20)
    harness.mark("ETH/USDT", 1000.0, age_seconds=16)
    assert in_force(harness) == []


def test_a_gap_cancels_the_open_entry_orders_of_its_pair_and_only_those() -> None:
    harness = RiskHarness(breakers=only("gap"))
    entry, other = harness.buy("ETH/USDT", "1"), harness.buy("BTC/USDT", "0.1")
    jump(harness, "ETH/USDT", 1300.0)
    cancels = [message for message in harness.made if isinstance(message, CancelDecided)]
    assert [cancel.order_id for cancel in cancels] == [entry.order_id]
    assert harness.buy("ETH/USDT", "1", stop=1200.0).binding == "halted"
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"
    assert harness.machine.state.reservations.get(other.order_id) is not None


def test_a_second_gap_prolongs_the_halt_and_keeps_its_beginning() -> None:
    harness = RiskHarness(breakers=only("gap"))
    jump(harness, "ETH/USDT", 1300.0)
    first = halt_of(harness, "ETH/USDT", "gap")
    jump(harness, "ETH/USDT", 1100.0, seconds=4.0)
    second = halt_of(harness, "ETH/USDT", "gap")
    assert second.until_ns == first.until_ns + 4_000_000_000
    assert second.since_ns == first.since_ns == first.time_ns


def test_a_price_under_the_stop_of_a_position_that_is_still_held_halts_its_pair_once() -> None:
    harness = RiskHarness(breakers=only("gap", mark_jump=1.0))
    held(harness, "ETH/USDT", "1", 1450.0)
    jump(harness, "ETH/USDT", 1449.0)
    assert in_force(harness) == []
    jump(harness, "ETH/USDT", 1440.0)
    assert in_force(harness) == GAPPED
    assert "through the stop" in halt_of(harness, "ETH/USDT", "gap").reason
    until_ns = halt_of(harness, "ETH/USDT", "gap").until_ns
    jump(harness, "ETH/USDT", 1439.0)
    assert halt_of(harness, "ETH/USDT", "gap").until_ns == until_ns


def test_a_price_under_the_stop_of_dust_halts_nothing() -> None:
    harness = RiskHarness(breakers=only("gap", mark_jump=1.0))
    held(harness, "ETH/USDT", "1", 1450.0)
    harness.fill(harness.sell("ETH/USDT", "0.999"))
    jump(harness, "ETH/USDT", 1440.0)
    assert in_force(harness) == []


@pytest.mark.parametrize(("slips", "halts"), [(0.0, []), (1.99, []), (2.01, GAPPED)])
def test_a_stop_that_fills_far_below_its_price_halts_its_pair(slips: float, halts: list[tuple[str, str, str]]) -> None:
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "1", 1450.0)
    pair = harness.machine.state.heat.pair("ETH/USDT")
    assert pair is not None
    slip = slips * (pair.exit_rate - harness.plan.costs.fee)
    stop_fill(harness, "ETH/USDT", "1", str(round(1450.0 * (1.0 - slip), 6)))
    assert in_force(harness) == halts


def test_a_fill_that_says_that_no_stop_sold_is_no_gap() -> None:
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "1", 1450.0)
    decided = harness.sell("ETH/USDT", "1")
    harness.handle(structs.replace(harness.fill_of(decided, price=1400.0), stop=False))
    assert in_force(harness) == []


def test_of_fills_that_do_not_say_it_those_are_a_stops_that_no_decided_order_asked_for() -> None:
    """They come from an execution service of a version before, and stand in the stream when this one starts."""
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "2", 1450.0)
    harness.fill(harness.sell("ETH/USDT", "1"), price=1400.0)
    assert in_force(harness) == []
    stop_fill(harness, "ETH/USDT", "1", "1400", stop=None)
    assert in_force(harness) == GAPPED


def test_the_loss_is_booked_at_the_fill_and_named_beside_the_loss_at_the_stop() -> None:
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "1", 1450.0)
    cash = harness.machine.state.ledger.account.cash
    stop_fill(harness, "ETH/USDT", "1", "1400")
    assert harness.machine.state.ledger.account.cash == cash + 1400 - 1
    halt = halt_of(harness, "ETH/USDT", "gap")
    assert "loss at the stop 50.00 USDT, at the fill 100.00 USDT" in halt.evidence
    assert harness.machine.state.ledger.account.realised == D(-100)


def test_a_sell_of_its_own_below_the_stop_is_no_gap() -> None:
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "1", 1450.0)
    harness.fill(harness.sell("ETH/USDT", "1"), price=1400.0)
    assert in_force(harness) == []


def test_a_cool_down_goes_on_over_a_restart() -> None:
    harness = RiskHarness(breakers=only("gap"))
    jump(harness, "ETH/USDT", 1300.0)
    restart(harness)
    assert in_force(harness) == GAPPED
    harness.pass_time(3600)
    assert in_force(harness) == []


def test_at_sixty_times_the_speed_marks_may_lie_farther_apart_but_a_cool_down_is_market_time() -> None:
    harness = RiskHarness(breakers=only("gap"), speed=60.0)
    jump(harness, "ETH/USDT", 1300.0, seconds=299)
    assert in_force(harness) == GAPPED
    harness.pass_time(3600)
    assert in_force(harness) == []


def test_a_halt_set_off_by_a_mark_of_the_end_of_time_can_be_read_back_at_the_next_start() -> None:
    harness = RiskHarness(breakers=only("gap"))
    held(harness, "ETH/USDT", "1", 1450.0)
    for each in harness.handle(MarkChanged(id="m", time_ns=LAST_NS, symbol="ETH/USDT", price=100.0)):
        assert decode(encode(each)) == each
    halt = halt_of(harness, "ETH/USDT", "gap")
    assert halt.until_ns == LAST_NS
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(halt), type=Halted) == halt


# --- market shock -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "shocked"),
    [(18_801.0, False), (18_800.0, False), (18_799.0, True), (21_200.0, False), (21_201.0, True)],
)
def test_the_portfolio_only_reduces_when_bitcoin_moves_more_than_six_percent_in_fifteen_minutes(
    price: float, shocked: bool
) -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 20_000.0, seconds=60)
    jump(harness, "BTC/USDT", price, seconds=14 * 60)
    assert in_force(harness) == ([SHOCKED] if shocked else [])


def test_a_move_that_took_longer_than_fifteen_minutes_is_no_shock() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 20_000.0, seconds=60)
    jump(harness, "BTC/USDT", 19_400.0, seconds=450)
    jump(harness, "BTC/USDT", 18_500.0, seconds=450)
    assert in_force(harness) == []


def test_a_short_bar_that_fell_far_is_a_shock_and_a_long_one_is_not() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    hourly(harness, "BTC/USDT", 0, opened=20_000.0, close=18_000.0)
    assert in_force(harness) == []
    hourly(harness, "BTC/USDT", 2, opened=20_000.0, close=20_000.0)
    quarter = hourly(harness, "BTC/USDT", 3, opened=20_000.0, close=20_000.0)
    short = structs.replace(
        quarter, timeframe="15m", open_time_ns=quarter.close_time_ns + 1_000_000, low=18_000.0, high=20_010.0,
        close_time_ns=quarter.close_time_ns + 15 * MINUTE_NS, time_ns=quarter.close_time_ns + 15 * MINUTE_NS,
    )  # fmt: skip
    harness.pass_time(900)
    harness.handle(short)
    assert in_force(harness) == [SHOCKED]


@pytest.mark.parametrize(("pairs", "shocked"), [(4, False), (5, True)])
def test_five_pairs_that_gap_within_ten_minutes_are_a_market_shock(pairs: int, shocked: bool) -> None:
    harness = RiskHarness(breakers=only("gap", "market_shock"))
    symbols = [symbol for symbol in UNIVERSE.symbols if symbol != "BTC/USDT"][:pairs]
    for symbol in symbols:
        jump(harness, symbol, PRICES[symbol.partition("/")[0]] * 0.9)
    assert (SHOCKED in in_force(harness)) is shocked


def test_gaps_more_than_ten_minutes_apart_are_no_shock() -> None:
    harness = RiskHarness(breakers=only("gap", "market_shock"))
    symbols = [symbol for symbol in UNIVERSE.symbols if symbol != "BTC/USDT"][:5]
    for number, symbol in enumerate(symbols):
        price = PRICES[symbol.partition("/")[0]]
        if number == 4:
            harness.pass_time(600)
        jump(harness, symbol, price)
        jump(harness, symbol, price * 0.9)
    assert SHOCKED not in in_force(harness)


def test_gaps_before_a_restart_count() -> None:
    harness = RiskHarness(breakers=only("gap", "market_shock"))
    symbols = [symbol for symbol in UNIVERSE.symbols if symbol != "BTC/USDT"][:5]
    for number, symbol in enumerate(symbols):
        if number == 4:
            restart(harness)
            jump(harness, symbol, PRICES[symbol.partition("/")[0]])
        jump(harness, symbol, PRICES[symbol.partition("/")[0]] * 0.9)
    assert SHOCKED in in_force(harness)


def test_under_a_market_shock_entries_rest_but_nothing_new_passes_and_sells_do() -> None:
    harness = RiskHarness(breakers=only("market_shock"), limits=WIDE)
    held(harness, "ETH/USDT", "1", 1450.0)
    entry = harness.buy("SOL/USDT", "1")
    jump(harness, "BTC/USDT", 18_000.0, seconds=60)
    for symbol in ("ETH/USDT", "SOL/USDT"):
        harness.mark(symbol, PRICES[symbol.partition("/")[0]])
    assert harness.machine.state.reservations.get(entry.order_id) is not None
    assert not [message for message in harness.made if isinstance(message, CancelDecided)]
    assert harness.buy("ETH/USDT", "1").binding == "halted"
    assert harness.sell("ETH/USDT", "1").verdict == "approve"


def test_a_shock_ends_in_two_steps_and_the_same_move_does_not_set_it_off_again() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 18_000.0, seconds=60)
    [asked] = harness.handle(Resume(id="r-1", time_ns=harness.now_ns, who="ana", reason="seen"))
    assert isinstance(asked, ResumeAsked)
    assert in_force(harness) == [SHOCKED]
    harness.handle(Resume(id="r-2", time_ns=harness.now_ns, who="ana", reason="seen", confirm=asked.confirm))
    assert in_force(harness) == []
    jump(harness, "BTC/USDT", 18_001.0)
    assert in_force(harness) == []
    jump(harness, "BTC/USDT", 16_800.0)
    assert in_force(harness) == [SHOCKED]


def resume_shock(harness: RiskHarness) -> None:
    [asked] = harness.handle(
        Resume(id=f"a-{harness.now_ns}", time_ns=harness.now_ns, who="ana", reason="it is the news")
    )
    assert isinstance(asked, ResumeAsked)
    harness.handle(
        Resume(
            id=f"b-{harness.now_ns}", time_ns=harness.now_ns, who="ana", reason="it is the news", confirm=asked.confirm
        )
    )
    assert in_force(harness) == []


def quarter(harness: RiskHarness, *, opened: float, close: float) -> BarClosed:
    """A bar of the last 15 minutes."""
    begun_ns = harness.now_ns - 15 * MINUTE_NS
    return structs.replace(
        bar("BTC/USDT", timeframe="15m", close=close), id=f"bar-{begun_ns}", open=opened, high=max(opened, close),
        low=min(opened, close), open_time_ns=begun_ns, close_time_ns=harness.now_ns - 1_000_000, time_ns=harness.now_ns,
    )  # fmt: skip


def test_a_shock_that_was_resumed_is_not_seen_again_in_the_bars_that_a_restart_goes_through() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    bars = []
    for opened, close in ((20_000.0, 20_000.0), (20_000.0, 18_000.0)):
        harness.pass_time(900)
        bars.append(quarter(harness, opened=opened, close=close))
        harness.handle(bars[-1])
    assert in_force(harness) == [SHOCKED]
    resume_shock(harness)
    restart(harness, *bars)
    jump(harness, "BTC/USDT", 18_000.0, seconds=5)
    assert in_force(harness) == []
    jump(harness, "BTC/USDT", 16_900.0, seconds=5)
    assert in_force(harness) == [SHOCKED]


def test_a_bar_that_was_open_when_a_shock_was_resumed_does_not_tell_of_it_again() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 20_000.0, seconds=60)
    jump(harness, "BTC/USDT", 18_000.0, seconds=60)
    assert in_force(harness) == [SHOCKED]
    resume_shock(harness)
    harness.pass_time(600)
    harness.handle(quarter(harness, opened=20_000.0, close=18_000.0))
    assert in_force(harness) == []
    jump(harness, "BTC/USDT", 16_900.0)
    assert in_force(harness) == [SHOCKED]


def test_a_resume_by_a_client_whose_clock_is_ahead_makes_no_breaker_blind() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 18_000.0, seconds=60)
    [asked] = harness.handle(Resume(id="a", time_ns=harness.now_ns, who="ana", reason="news"))
    assert isinstance(asked, ResumeAsked)
    harness.handle(Resume(id="b", time_ns=LAST_NS, who="ana", reason="news", confirm=asked.confirm))
    jump(harness, "BTC/USDT", 18_000.0)
    jump(harness, "BTC/USDT", 16_900.0)
    assert in_force(harness) == [SHOCKED]


# --- clocks that had run ahead ----------------------------------------------------------------------------------------


def ahead_and_back(harness: RiskHarness, *symbols: str) -> None:
    """An hour ahead for a moment, in which marks come and bars close; then right again."""
    true_ns = harness.now_ns
    harness.pass_time(3600)
    for symbol in symbols:
        harness.mark(symbol, PRICES[symbol.partition("/")[0]])
    harness.now_ns = true_ns
    harness.pass_time(60)


def test_a_shock_is_seen_after_a_clock_that_had_run_ahead_was_set_right() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    ahead_and_back(harness, "BTC/USDT")
    for price in (20_000.0, 19_000.0, 18_500.0):
        jump(harness, "BTC/USDT", price, seconds=4)
    assert in_force(harness) == [SHOCKED]


def test_a_move_that_began_before_a_clock_ran_ahead_counts_on_once_it_was_set_right() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    jump(harness, "BTC/USDT", 20_000.0)
    harness.pass_time(60)
    true_ns = harness.now_ns
    harness.pass_time(600)
    harness.mark("BTC/USDT", 19_500.0)
    harness.now_ns = true_ns
    harness.pass_time(60)
    jump(harness, "BTC/USDT", 18_700.0)
    assert in_force(harness) == [SHOCKED]


@pytest.mark.parametrize(("seconds", "shocked"), [(600, True), (1_200, False)])
def test_a_price_that_was_seen_while_the_clock_was_ahead_counts_for_a_window_as_if_seen_just_now(
    seconds: float, shocked: bool
) -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    true_ns = harness.now_ns
    harness.pass_time(3600)
    harness.mark("BTC/USDT", 20_000.0)
    harness.now_ns = true_ns
    harness.pass_time(1)
    jump(harness, "BTC/USDT", 18_700.0, seconds=seconds)
    assert in_force(harness) == ([SHOCKED] if shocked else [])


def test_a_mark_of_a_time_to_come_does_not_make_the_shock_breaker_blind() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    mark_at(harness, "BTC/USDT", 20_000.0, LAST_NS)
    for price in (20_000.0, 19_000.0, 18_500.0):
        jump(harness, "BTC/USDT", price, seconds=4)
    assert in_force(harness) == [SHOCKED]


def test_a_shock_that_was_resumed_while_the_clock_was_ahead_hides_none_after_it_was_set_right() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    true_ns = harness.now_ns
    harness.pass_time(3600)
    jump(harness, "BTC/USDT", 20_000.0)
    jump(harness, "BTC/USDT", 18_000.0)
    resume_shock(harness)
    harness.now_ns = true_ns
    harness.pass_time(60)
    for price in (18_000.0, 16_900.0):
        jump(harness, "BTC/USDT", price)
    assert in_force(harness) == [SHOCKED]


def test_a_gap_is_seen_after_a_clock_that_had_run_ahead_was_set_right() -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    true_ns = harness.now_ns
    hourly(harness, "ETH/USDT", 5, opened=1500.0, close=1500.0)
    harness.now_ns = true_ns
    harness.pass_time(0)
    hourly(harness, "ETH/USDT", 1, opened=1500.0, close=1500.0)
    hourly(harness, "ETH/USDT", 2, opened=1300.0, close=1300.0)
    assert in_force(harness) == GAPPED


def test_a_gap_of_a_time_to_come_hides_none_after_the_clock_was_set_right() -> None:
    harness = RiskHarness(breakers=only("gap"))
    hourly(harness, "ETH/USDT", 0, opened=1500.0, close=1500.0)
    true_ns = harness.now_ns
    hourly(harness, "ETH/USDT", 1, opened=1300.0, close=1500.0)
    harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="a wrong clock", symbol="ETH/USDT"))
    harness.now_ns = true_ns
    harness.pass_time(0)
    made = len(harness.made)
    short = bar("ETH/USDT", timeframe="15m", hour=30 * 24 + 1, close=1500.0)
    for number, opened in enumerate((1500.0, 1300.0)):
        open_ns = short.open_time_ns - (2 - number) * 15 * MINUTE_NS
        times = {"open_time_ns": open_ns, "close_time_ns": open_ns + 15 * MINUTE_NS - 1_000_000}
        harness.now_ns = times["close_time_ns"]
        harness.pass_time(0)
        harness.handle(structs.replace(short, id=f"short-{number}", open=opened, **times))
    assert [message.symbol for message in harness.made[made:] if isinstance(message, Halted)] == ["ETH/USDT"]
