"""Feed, exchange status and liquidity: halts that end when their condition is over."""

import pytest
from msgspec import structs

from shared.domain.risk.breakers.feed import LOST_FEED
from shared.domain.risk.breakers.liquidity import ILLIQUID
from shared.messages.base import Message
from shared.messages.control import Resume, SetLimits
from shared.messages.halts import Alerted, Halted, Resumed
from shared.messages.market import BookSampled
from shared.messages.orders import CancelDecided
from shared.messages.portfolio import CommandRefused
from tests.domain.risk.breakers.halt_scenes import (
    feed_lost,
    feed_restored,
    halt_of,
    in_force,
    jump,
    only,
    restart,
    switch,
)
from tests.domain.risk.risk_harness import CALM, D, RiskHarness, renaming
from tests.samples import bar

ETH_FEED = ("ETH/USDT", "feed", "halted")
THIN = [("ETH/USDT", "liquidity", "reducing")]

# --- feed -------------------------------------------------------------------------------------------------------------


def test_a_lost_feed_halts_its_pair_until_it_is_back() -> None:
    harness = RiskHarness(breakers=only("feed"))
    entry = harness.buy("ETH/USDT", "1")
    feed_lost(harness, "marks", "ETH/USDT")
    assert in_force(harness) == [ETH_FEED]
    assert [m.order_id for m in harness.made if isinstance(m, CancelDecided)] == [entry.order_id]
    assert harness.buy("ETH/USDT", "1").binding == "halted"
    assert harness.buy("BTC/USDT", "0.1").verdict == "approve"
    feed_restored(harness, "marks", "ETH/USDT")
    assert in_force(harness) == []


def test_a_pair_with_two_lost_feeds_halts_until_both_are_back() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "marks", "ETH/USDT")
    feed_lost(harness, "bars:1h", "ETH/USDT")
    feed_restored(harness, "marks", "ETH/USDT")
    assert in_force(harness) == [ETH_FEED]
    feed_restored(harness, "bars:1h", "ETH/USDT")
    assert in_force(harness) == []


def test_a_lost_connection_halts_the_portfolio() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "connection")
    assert in_force(harness) == [("", "feed", "halted")]
    feed_restored(harness, "connection")
    assert in_force(harness) == []


def test_a_feed_that_was_not_heard_yet_halts_and_is_not_called_lost() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "connection", last_seen_ns=0)
    halt = halt_of(harness, "", "feed")
    assert (halt.reason, halt.evidence) == ("feed connection is not there yet: quiet", "not heard yet")
    assert halt.awaited is True
    feed_restored(harness, "connection")
    feed_lost(harness, "connection", last_seen_ns=5)
    halt = halt_of(harness, "", "feed")
    assert (halt.reason, halt.evidence) == ("feed connection is lost: quiet", "last seen at 5 ns")
    assert halt.awaited is False


def test_a_restart_remembers_which_feeds_are_lost() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "marks", "ETH/USDT")
    feed_lost(harness, "bars:1h", "ETH/USDT")
    restart(harness)
    feed_restored(harness, "marks", "ETH/USDT")
    assert in_force(harness) == [ETH_FEED]
    feed_restored(harness, "bars:1h", "ETH/USDT")
    assert in_force(harness) == []


def test_an_operator_cannot_resume_a_pair_whose_feed_is_lost() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "marks", "ETH/USDT")
    [answer] = harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="seen", symbol="ETH/USDT"))
    assert isinstance(answer, CommandRefused)
    assert answer.reason == "ETH/USDT resumes by itself once this is over: feed: feed marks is lost: quiet"
    assert in_force(harness) == [ETH_FEED]


# --- feed: switched off and on ----------------------------------------------------------------------------------------


def resume(harness: RiskHarness, symbol: str = "") -> Message:
    [answer] = harness.handle(
        Resume(id="r", time_ns=harness.now_ns, who="ana", symbol=symbol, reason="nobody looks any more")
    )
    return answer


def test_an_operator_can_end_a_halt_whose_breaker_was_switched_off() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "connection")
    switch(harness, CALM)
    assert in_force(harness) == [("", "feed", "halted")]
    assert isinstance(resume(harness), Resumed)
    assert in_force(harness) == []


def test_a_pair_halted_by_the_exchange_is_ended_by_an_operator_once_that_breaker_is_off_and_not_before() -> None:
    harness = RiskHarness(breakers=only("exchange_status"))
    harness.list_pair("ETH/USDT", status="halted", reason="the exchange says BREAK")
    assert isinstance(resume(harness, "ETH/USDT"), CommandRefused)
    switch(harness, CALM)
    assert isinstance(resume(harness, "ETH/USDT"), Resumed)


def test_a_feed_that_came_back_while_its_breaker_was_off_is_not_lost_any_more() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "marks", "ETH/USDT")
    switch(harness, CALM)
    feed_restored(harness, "marks", "ETH/USDT")
    assert in_force(harness) == []
    switch(harness, only("feed"))
    feed_lost(harness, "bars:1h", "ETH/USDT")
    feed_restored(harness, "bars:1h", "ETH/USDT")
    assert in_force(harness) == []


def test_a_feed_that_was_lost_while_its_breaker_was_off_halts_its_pair_once_it_is_on() -> None:
    harness = RiskHarness(breakers=CALM)
    feed_lost(harness, "marks", "ETH/USDT")
    assert in_force(harness) == []
    switch(harness, only("feed"))
    harness.pass_time(1)
    assert in_force(harness) == [ETH_FEED]
    feed_restored(harness, "marks", "ETH/USDT")
    assert in_force(harness) == []


def test_a_halt_for_a_feed_of_which_nothing_is_kept_can_be_ended_by_an_operator() -> None:
    harness = RiskHarness(breakers=only("feed"))
    feed_lost(harness, "connection")
    harness.machine.records.delete(LOST_FEED, "|connection")
    assert isinstance(resume(harness), Resumed)


# --- exchange status --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "halts"),
    [("halted", True), ("delisted", True), ("trading", False), ("unlisted", False), ("renamed", False)],
)
def test_a_pair_that_the_exchange_stopped_halts(status: str, halts: bool) -> None:
    harness = RiskHarness(breakers=only("exchange_status"))
    harness.list_pair("ETH/USDT", status=status, reason="the exchange says BREAK")
    assert in_force(harness) == ([("ETH/USDT", "exchange_status", "halted")] if halts else [])


def test_a_stopped_pair_resumes_when_it_trades_again_also_after_a_restart() -> None:
    harness = RiskHarness(breakers=only("exchange_status"))
    harness.list_pair("ETH/USDT", status="halted", reason="the exchange says BREAK")
    assert halt_of(harness, "ETH/USDT", "exchange_status").evidence == "the exchange says BREAK"
    restart(harness)
    assert in_force(harness) == [("ETH/USDT", "exchange_status", "halted")]
    harness.list_pair("ETH/USDT")
    assert in_force(harness) == []


def test_a_cool_down_follows_a_pair_to_its_new_name_and_what_is_judged_afresh_does_not() -> None:
    harness = RiskHarness(breakers=only("gap", "feed", "exchange_status"), universe=renaming("ETH", "LINK"))
    jump(harness, "ETH/USDT", 1300.0)
    feed_lost(harness, "marks", "ETH/USDT")
    until_ns = halt_of(harness, "ETH/USDT", "gap").until_ns
    harness.list_pair("LINK/USDT", formerly="ETH/USDT", ratio=D(1))
    assert in_force(harness) == [("LINK/USDT", "gap", "halted")]
    assert halt_of(harness, "LINK/USDT", "gap").until_ns == until_ns


# --- liquidity --------------------------------------------------------------------------------------------------------


def days(harness: RiskHarness, quote_volume: float, count: int, *, first: int = 30) -> None:
    """Completed days of ETH with this volume."""
    for day in range(first, first + count):
        daily = structs.replace(bar("ETH/USDT", timeframe="1d", hour=24 * day), quote_volume=quote_volume)
        harness.now_ns = daily.close_time_ns
        harness.pass_time(0)
        harness.handle(daily)


@pytest.mark.parametrize(("volume", "halts"), [(2_000_001.0, []), (2_000_000.0, []), (1_999_999.0, THIN)])
def test_a_pair_whose_average_volume_is_under_the_floor_only_reduces(
    volume: float, halts: list[tuple[str, str, str]]
) -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    days(harness, volume, 20)
    assert in_force(harness) == halts


@pytest.mark.parametrize(("volume", "halts"), [(2_499_999.0, THIN), (2_500_000.0, [])])
def test_a_thin_pair_is_free_again_well_above_the_floor_also_after_a_restart(
    volume: float, halts: list[tuple[str, str, str]]
) -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    days(harness, 1_000_000.0, 20)
    assert halt_of(harness, "ETH/USDT", "liquidity").evidence == "ADV 1,000,000 USDT, floor 2,000,000 USDT"
    restart(harness)
    assert in_force(harness) == THIN
    days(harness, volume, 20, first=50)
    assert in_force(harness) == halts


def test_a_volume_that_swings_around_the_floor_halts_once() -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    days(harness, 2_000_000.0, 20)
    for number in range(10):
        days(harness, 1_500_000.0 if number % 2 == 0 else 2_500_000.0, 1, first=50 + number)
    assert in_force(harness) == THIN
    assert sum(isinstance(each, Halted) for each in harness.made) == 1


def test_a_floor_above_the_criterion_is_the_criterion() -> None:
    harness = RiskHarness(breakers=structs.replace(only("liquidity"), min_adv_usdt=500_000.0))
    days(harness, 600_000.0, 20)
    assert in_force(harness) == []


def alerts(harness: RiskHarness) -> list[str]:
    return [each.reason for each in harness.made if isinstance(each, Alerted)]


def test_a_pair_under_the_criterion_is_told_once_and_trades_on() -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    days(harness, 39_000_000.0, 25)
    harness.pass_time(2)
    told = ["ETH/USDT trades less here than the criterion of 40,000,000 USDT a day"]
    assert (alerts(harness), in_force(harness)) == (told, [])
    harness.mark("ETH/USDT", 1_500.0)
    assert harness.buy("ETH/USDT", "1").verdict == "approve"
    restart(harness)
    days(harness, 41_000_000.0, 20, first=55)  # above, but not by enough to be news when it falls again
    days(harness, 30_000_000.0, 20, first=75)
    assert alerts(harness) == told
    days(harness, 60_000_000.0, 20, first=95)
    days(harness, 30_000_000.0, 20, first=115)
    harness.pass_time(2)
    assert alerts(harness) == told * 2


def test_many_pairs_under_the_criterion_are_one_warning() -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    harness.pass_time(86_400)
    for day in range(30, 50):
        for symbol in ("ADA/USDT", "ETH/USDT", "SOL/USDT"):
            daily = structs.replace(bar(symbol, timeframe="1d", hour=24 * day), quote_volume=3_000_000.0)
            harness.now_ns = daily.close_time_ns
            harness.machine.state.now_ns = harness.now_ns
            harness.handle(daily)
    harness.pass_time(2)
    assert alerts(harness) == ["3 pairs trade less here than the criterion of 40,000,000 USDT a day"]


def test_history_of_long_ago_halts_nothing() -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    harness.now_ns += 60 * 86_400_000_000_000
    harness.pass_time(0)
    for day in range(30, 55):
        daily = bar("ETH/USDT", timeframe="1d", hour=24 * day)
        harness.handle(structs.replace(daily, quote_volume=1_000_000.0, backfilled=True))
    assert in_force(harness) == []


def sample(harness: RiskHarness, spread: float | None, count: int = 1) -> None:
    for _ in range(count):
        harness.pass_time(1)
        harness.handle(
            BookSampled(
                id=f"book-{harness.now_ns}", time_ns=harness.now_ns, symbol="ETH/USDT", bids=((1499.0, 100.0),),
                asks=((1501.0, 100.0),), size_usdt=25_000.0, spread=spread, median_spread=0.001, samples=10,
            )
        )  # fmt: skip


def booked() -> RiskHarness:
    """A harness whose limits use books."""
    harness = RiskHarness(breakers=only("liquidity"))
    harness.machine.state.use_limits(structs.replace(harness.plan.limits, book_age_seconds=120.0))
    return harness


@pytest.mark.parametrize(
    ("spread", "count", "halts"),
    [(0.002, 9, []), (0.00201, 4, []), (0.00201, 5, THIN), (0.00199, 9, []), (None, 5, THIN)],
)
def test_a_spread_over_the_criterion_for_five_samples_on_end_reduces_its_pair(
    spread: float | None, count: int, halts: list[tuple[str, str, str]]
) -> None:
    harness = booked()
    sample(harness, spread, count)
    assert in_force(harness) == halts


def test_one_good_sample_breaks_a_bad_run_and_five_end_the_halt() -> None:
    harness = booked()
    sample(harness, 0.01, 4)
    sample(harness, 0.001)
    sample(harness, 0.01, 4)
    assert in_force(harness) == []
    sample(harness, 0.01)
    assert in_force(harness) == THIN
    sample(harness, 0.001, 4)
    assert in_force(harness) == THIN
    sample(harness, 0.001)
    assert in_force(harness) == []


def test_a_pair_that_is_thin_and_wide_is_free_only_when_it_is_neither() -> None:
    harness = booked()
    days(harness, 1_000_000.0, 20)
    sample(harness, 0.01, 5)
    sample(harness, 0.001, 5)
    assert in_force(harness) == THIN
    days(harness, 90_000_000.0, 20, first=50)
    assert in_force(harness) == []


# --- liquidity: what nobody looks at any more -------------------------------------------------------------------------


def without_books(harness: RiskHarness) -> None:
    change = {"book_age_seconds": 0.0}
    harness.handle(
        SetLimits(id=f"l-{harness.now_ns}", time_ns=harness.now_ns, who="ana", reason="no books", limits=change)
    )


def test_an_operator_can_end_a_halt_for_a_spread_once_books_are_switched_off_and_not_before() -> None:
    harness = booked()
    sample(harness, 0.01, 5)
    assert isinstance(resume(harness, "ETH/USDT"), CommandRefused)
    without_books(harness)
    sample(harness, 0.001, 9)
    assert in_force(harness) == THIN
    assert isinstance(resume(harness, "ETH/USDT"), Resumed)


def test_a_spread_that_an_operator_ended_does_not_halt_the_pair_again_when_its_volume_changes() -> None:
    harness = booked()
    sample(harness, 0.01, 5)
    without_books(harness)
    resume(harness, "ETH/USDT")
    days(harness, 1_000_000.0, 20)
    assert in_force(harness) == THIN
    assert isinstance(resume(harness, "ETH/USDT"), CommandRefused)  # its volume is looked at
    days(harness, 90_000_000.0, 20, first=50)
    assert in_force(harness) == []


def test_what_makes_a_pair_illiquid_is_followed_while_the_breaker_is_off() -> None:
    harness = RiskHarness(breakers=only("liquidity"))
    days(harness, 1_000_000.0, 20)
    switch(harness, CALM)
    days(harness, 90_000_000.0, 20, first=50)
    assert in_force(harness) == []
    days(harness, 1_000_000.0, 20, first=70)
    assert in_force(harness) == []
    switch(harness, only("liquidity"))
    days(harness, 1_000_000.0, 20, first=90)
    assert in_force(harness) == THIN


def test_the_illiquidity_of_a_former_name_is_forgotten_with_it() -> None:
    harness = RiskHarness(breakers=only("liquidity"), universe=renaming("ETH", "LINK"))
    days(harness, 1_000_000.0, 20)
    harness.list_pair("LINK/USDT", formerly="ETH/USDT", ratio=D(1))
    assert in_force(harness) == []
    assert harness.machine.records.count(ILLIQUID) == 0
