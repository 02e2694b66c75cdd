"""A pair that is held and has no price keeps the gate waiting for a while, and then counts for nothing."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.domain.plan import Limits
from tests.domain.risk.risk_harness import RiskHarness
from tests.examples import examples

D = Decimal
ETH, BTC, SOL = "ETH/USDT", "BTC/USDT", "SOL/USDT"
LIMITS = Limits(nav_age_seconds=30.0, unpriced_seconds=600.0, mark_age_seconds=1e9, book_age_seconds=0.0)


def holding(limits: Limits = LIMITS) -> RiskHarness:
    """ETH at 1,500, whole $3,000; and BTC, whose price comes."""
    harness = RiskHarness(limits=limits, exact=True)
    harness.fill(harness.buy(ETH, "2", stop=1_425))
    harness.fill(harness.buy(BTC, "0.1", stop=19_000))
    return harness


def pass_with_prices(harness: RiskHarness, seconds: float, *others: str) -> None:
    """BTC is marked every ten seconds, and so are others that are named."""
    for _ in range(int(seconds / 10)):
        harness.pass_time(10)
        for symbol, price in ((BTC, 20_000.0), *((each, 1_500.0) for each in others)):
            harness.mark(symbol, price)
    harness.pass_time(1)


def test_after_a_bounded_time_a_held_pair_without_a_price_is_worth_0_and_at_risk_whole_and_the_gate_opens() -> None:
    harness = holding()
    before = harness.snapshot
    pass_with_prices(harness, 590)
    assert harness.buy(BTC, "0.01", stop=19_000).binding == "fresh_nav"
    pass_with_prices(harness, 20)
    after = harness.snapshot
    assert after.unpriced == (ETH,)
    assert after.nav == pytest.approx(before.nav - 3_000)
    [row] = [each for each in after.positions if each.symbol == ETH]
    assert (row.notional_usdt, row.open_risk_usdt, row.mark) == (0.0, 3_000.0, 1_500.0)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"


def test_a_fresh_price_brings_it_back() -> None:
    harness = holding()
    before = harness.snapshot
    pass_with_prices(harness, 650)
    pass_with_prices(harness, 10, ETH)
    assert harness.snapshot.unpriced == ()
    assert harness.snapshot.nav == pytest.approx(before.nav)


def test_while_the_whole_market_is_silent_nothing_is_written_down() -> None:
    harness = holding()
    for _ in range(100):
        harness.pass_time(60)
    assert harness.snapshot.unpriced == ()
    assert harness.buy(BTC, "0.01", stop=19_000).binding == "fresh_nav"


def test_a_price_of_a_time_to_come_keeps_the_gate_waiting_no_longer_than_none() -> None:
    """Its clock was a year ahead, and was set right after the pair had lost its price."""
    harness = holding()
    harness.mark(ETH, 1_500.0, age_seconds=-366 * 86_400)
    pass_with_prices(harness, 590)
    assert harness.buy(BTC, "0.01", stop=19_000).binding == "fresh_nav"
    pass_with_prices(harness, 30)
    assert harness.snapshot.unpriced == (ETH,)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"


def test_the_wait_for_a_price_begins_anew_with_a_clock_that_was_set_back() -> None:
    harness = holding(structs.replace(LIMITS, mark_age_seconds=5.0))
    harness.told = [each for each in harness.told if getattr(each, "symbol", "") != ETH]  # its price was never heard
    harness.restart()
    pass_with_prices(harness, 300)
    harness.now_ns -= 10 * 86_400 * 1_000_000_000
    pass_with_prices(harness, 590)
    assert harness.buy(BTC, "0.01", stop=19_000).reason.startswith("NAV is unknown: no price of ETH/USDT")
    pass_with_prices(harness, 30)
    assert harness.snapshot.unpriced == (ETH,)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"


def test_it_stays_so_over_a_restart_and_the_wait_goes_on_too() -> None:
    harness = holding()
    pass_with_prices(harness, 650)
    harness.told = [each for each in harness.told if getattr(each, "symbol", "") != ETH]  # nobody knows its price now
    harness.restart()
    assert harness.snapshot.unpriced == (ETH,)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"
    waiting = holding()
    waiting.told = [each for each in waiting.told if getattr(each, "symbol", "") != ETH]
    waiting.restart()
    pass_with_prices(waiting, 300)
    waiting.restart()
    assert waiting.buy(BTC, "0.01", stop=19_000).reason.startswith("NAV is unknown: no price of ETH/USDT")
    pass_with_prices(waiting, 310)
    assert waiting.snapshot.unpriced == (ETH,)
    assert [each.open_risk_usdt for each in waiting.snapshot.positions if each.symbol == ETH] == [3_000.0]  # its cost


def test_selling_always_passes_meanwhile_and_the_rest_of_the_position_stays_so() -> None:
    harness = holding()
    pass_with_prices(harness, 650)
    harness.fill(harness.sell(ETH, "1"), price=1_500.0)
    assert [each.open_risk_usdt for each in harness.snapshot.positions if each.symbol == ETH] == [1_500.0]


@pytest.mark.parametrize(
    ("left", "minimum"),
    [("0.003", {"min_notional": D(5)}), ("0.5", {"min_quantity": D(1), "min_notional": D(0)}),
     ("0.04", {"quantity_step": D("0.1"), "min_notional": D(0)})],
)  # fmt: skip
def test_dust_never_closes_the_gate_and_is_shown_as_dust(left: str, minimum: dict[str, object]) -> None:
    harness = RiskHarness(limits=LIMITS, exact=True)
    harness.fill(harness.buy(SOL, "1", stop=29))
    harness.fill(harness.sell(SOL, str(D(1) - D(left))))
    harness.list_pair(SOL, **minimum)
    pass_with_prices(harness, 60)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"
    assert (harness.snapshot.dust, harness.snapshot.unpriced) == ((SOL,), ())
    harness.told = [each for each in harness.told if getattr(each, "symbol", "") != SOL or "listed" in each.id]
    harness.list_pair(SOL, **minimum)
    harness.restart()
    pass_with_prices(harness, 10)
    assert harness.buy(BTC, "0.01", stop=19_000).verdict == "approve"


def test_what_is_worth_more_than_a_hundred_is_no_dust_whatever_the_exchange_says_of_its_minimum() -> None:
    harness = holding()
    harness.list_pair(ETH, min_notional=D(10) ** 9)
    pass_with_prices(harness, 60)
    assert harness.snapshot is not None
    assert harness.machine.state.heat.pairs[ETH].is_dust is False
    assert harness.buy(BTC, "0.01", stop=19_000).binding == "fresh_nav"


@examples(60)
@given(st.lists(st.tuples(st.sampled_from([ETH, SOL, BTC]), st.sampled_from([5, 20, 40, 700])), max_size=12))
def test_totals_are_the_sums_of_what_is_held_whatever_loses_its_price_and_gets_it_back(
    marks: list[tuple[str, int]],
) -> None:
    harness = holding()
    harness.fill(harness.buy(SOL, "10", stop=29))
    for symbol, seconds in marks:
        harness.pass_time(seconds)
        harness.mark(symbol, {ETH: 1_600.0, SOL: 31.0, BTC: 20_100.0}[symbol])
        harness.pass_time(1)
        heat = harness.machine.state.heat
        kept = (heat.holdings, heat.open_risk)
        for pair in heat.positions():
            worth = pair.quantity * (pair.unpriced_at or pair.mark)
            assert pair.notional == (0.0 if pair.unpriced_at else pytest.approx(worth))
            assert not pair.unpriced_at or pair.open_risk == pytest.approx(worth)
        heat.resum()
        assert kept == pytest.approx((heat.holdings, heat.open_risk))
