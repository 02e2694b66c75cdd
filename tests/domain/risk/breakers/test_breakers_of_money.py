"""Heat, drawdown and day loss: thresholds, what ends them, and what a restart must not forget."""

import msgspec
import pytest
from msgspec import structs

from shared.domain.plan import Limits
from shared.domain.portfolio.ledger import Account
from shared.domain.risk.state.active_phase import ActivePhase
from shared.domain.risk.state.loss_baselines import LossBaselines
from shared.messages.base import Message
from shared.messages.control import Resume
from shared.messages.halts import Alerted, ResumeAsked
from shared.messages.orders import CancelDecided, OrderDecided, OrderProposed
from shared.messages.portfolio import PortfolioMarked
from tests.domain.risk.breakers.halt_scenes import halt_of, held, in_force, only, restart, resumed, stop_fill, switch
from tests.domain.risk.gate.rule_scenes import row_of
from tests.domain.risk.risk_harness import D, RiskHarness, relaxed

WIDE = Limits(equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0)
HEAT, DRAWDOWN, DAY_LOSS = (("", name, "reducing") for name in ("heat", "drawdown", "day_loss"))
DAY_SECONDS = 86_400.0


def limits(**changes: float) -> Limits:
    return structs.replace(relaxed(WIDE), **changes)


def invested(*breakers: str, **changes: float) -> RiskHarness:
    """Half of 200,000 in 5 BTC at 20,000, without a fee worth mentioning; the clock stands at 00:00:01."""
    settings = {name: changes.pop(name) for name in ("reduce_heat", "day_loss") if name in changes}
    harness = RiskHarness(limits=limits(**changes), exact=True, breakers=only(*breakers, **settings))
    held(harness, "BTC/USDT", "5", 15_000.0)
    return harness


def worth(harness: RiskHarness, nav: float) -> None:
    """Move bitcoin's mark so that NAV is this, and take the next snapshot."""
    price = (nav - harness.machine.state.ledger.cash) / harness.machine.state.heat.pairs["BTC/USDT"].quantity
    harness.pass_time(1)
    harness.mark("BTC/USDT", price)
    harness.pass_time(1)


def alerts(harness: RiskHarness) -> list[Alerted]:
    return [message for message in harness.made if isinstance(message, Alerted)]


def confirm(harness: RiskHarness) -> list[Message]:
    [asked] = harness.handle(Resume(id=f"ask-{harness.now_ns}", time_ns=harness.now_ns, who="ana", reason="seen"))
    assert isinstance(asked, ResumeAsked)
    return harness.handle(
        Resume(id=f"yes-{harness.now_ns}", time_ns=harness.now_ns, who="ana", reason="seen", confirm=asked.confirm)
    )


# --- drawdown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fallen", "warned", "halted"),
    [(0.0999, False, False), (0.10, True, False), (0.1499, True, False), (0.15, False, True), (0.1501, False, True)],
)
def test_a_drawdown_warns_at_ten_percent_and_halts_at_fifteen(fallen: float, warned: bool, halted: bool) -> None:
    harness = invested("drawdown", drawdown=0.15)
    peak = harness.machine.state.loss_baselines.peak_nav_since_resume
    worth(harness, peak * (1.0 - fallen))
    assert bool(alerts(harness)) is warned
    assert in_force(harness) == ([DRAWDOWN] if halted else [])


def test_a_drawdown_is_warned_of_once_and_again_after_a_new_high() -> None:
    harness = invested("drawdown", drawdown=0.15)
    for nav in (175_000.0, 174_000.0, 190_000.0, 175_000.0):
        worth(harness, nav)
    assert len(alerts(harness)) == 1
    worth(harness, 210_000.0)
    worth(harness, 188_000.0)
    assert len(alerts(harness)) == 2
    assert alerts(harness)[1].reason == "drawdown of 10.48%, trading halts at 15.00%"


def test_a_restart_does_not_forget_the_high_water_mark_or_the_warning() -> None:
    harness = invested("drawdown", drawdown=0.15)
    worth(harness, 178_000.0)
    restart(harness)
    worth(harness, 177_000.0)
    assert len(alerts(harness)) == 1
    worth(harness, 169_000.0)
    assert in_force(harness) == [DRAWDOWN]
    restart(harness)
    assert in_force(harness) == [DRAWDOWN]


def test_a_halt_for_drawdown_lasts_until_an_operator_resumes_although_nav_recovers() -> None:
    harness = invested("drawdown", drawdown=0.15)
    worth(harness, 169_000.0)
    worth(harness, 199_000.0)
    harness.pass_time(30 * DAY_SECONDS)
    assert in_force(harness) == [DRAWDOWN]
    assert halt_of(harness, "", "drawdown").cleared_by == "two_steps"


def test_after_a_resume_the_next_drawdown_counts_from_nav_as_it_was_then() -> None:
    harness = invested("drawdown", drawdown=0.15)
    worth(harness, 160_000.0)
    assert harness.buy("ETH/USDT", "1").binding == "halted"
    confirm(harness)
    worth(harness, 160_000.0)
    assert in_force(harness) == []
    harness.mark("ETH/USDT", 1500.0)
    assert harness.buy("ETH/USDT", "1").verdict == "approve"  # the rule of the same name measures from there too
    worth(harness, 137_000.0)
    assert in_force(harness) == []
    worth(harness, 135_900.0)
    assert in_force(harness) == [DRAWDOWN]


def test_a_snapshot_tells_the_fall_from_the_peak_of_all_time_beside_the_one_that_the_gate_goes_by() -> None:
    harness = invested("drawdown", drawdown=0.15)
    worth(harness, 160_000.0)
    before = harness.snapshot
    assert before.drawdown == before.drawdown_since_resume == before.phase_drawdown == pytest.approx(0.2, abs=0.002)
    confirm(harness)
    worth(harness, 152_000.0)
    after = harness.snapshot
    assert after.drawdown == after.phase_drawdown == pytest.approx(0.24, abs=0.002)
    assert after.drawdown_since_resume == pytest.approx(0.05)
    harness.mark("ETH/USDT", 1500.0)
    assert row_of(harness.buy("ETH/USDT", "1"), "drawdown").used == pytest.approx(after.drawdown_since_resume)
    restart(harness)
    worth(harness, 152_000.0)
    assert harness.snapshot.drawdown_since_resume == pytest.approx(0.05)


def test_the_three_peaks_of_nav_are_stored_under_the_name_that_they_always_had() -> None:
    stored = [
        Account(cash=D(1), peak_nav_of_all_time=3.0),
        LossBaselines(peak_nav_since_resume=3.0),
        ActivePhase(name="live", scale=1.0, peak_nav_in_phase=3.0),
    ]
    for record in stored:
        body = msgspec.msgpack.encode(record)
        assert msgspec.msgpack.decode(body)["peak_nav"] == 3.0
        assert msgspec.msgpack.decode(body, type=type(record)) == record


# --- day loss ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lost", "halted"), [(0.0499, False), (0.05, True), (0.0501, True)])
def test_a_loss_of_five_percent_since_midnight_halts_for_the_day(lost: float, halted: bool) -> None:
    harness = invested("day_loss")
    begun = harness.machine.state.loss_baselines.day_nav
    worth(harness, begun * (1.0 - lost))
    assert in_force(harness) == ([DAY_LOSS] if halted else [])


def test_a_halt_for_the_day_ends_at_utc_midnight_and_the_next_day_counts_from_there() -> None:
    harness = invested("day_loss")
    worth(harness, 185_000.0)
    midnight_ns = halt_of(harness, "", "day_loss").until_ns
    harness.pass_time((midnight_ns - harness.now_ns) / 1e9 - 1)
    assert in_force(harness) == [DAY_LOSS]
    harness.pass_time(1)
    assert in_force(harness) == []
    assert harness.machine.state.loss_baselines.day_nav == pytest.approx(185_000.0)
    worth(harness, 176_000.0)
    assert in_force(harness) == []


def test_a_restart_keeps_nav_of_midnight() -> None:
    harness = invested("day_loss")
    worth(harness, 192_000.0)
    restart(harness)
    worth(harness, 189_000.0)
    assert in_force(harness) == [DAY_LOSS]


def test_an_operator_may_go_on_after_a_day_loss_and_a_further_one_counts_from_there() -> None:
    harness = invested("day_loss")
    worth(harness, 185_000.0)
    harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="seen"))
    worth(harness, 184_000.0)
    assert in_force(harness) == []
    worth(harness, 175_000.0)
    assert in_force(harness) == [DAY_LOSS]


def test_a_loss_over_midnight_is_no_loss_of_the_day() -> None:
    harness = invested("day_loss")
    worth(harness, 192_000.0)
    harness.pass_time(DAY_SECONDS)
    worth(harness, 185_000.0)
    assert in_force(harness) == []


@pytest.mark.parametrize("days", [1, 3])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_for_a_moment_does_not_forget_what_the_day_has_lost(days: int, restarted: bool) -> None:
    harness = invested("day_loss")
    worth(harness, 192_000.0)
    true_ns = harness.now_ns
    harness.pass_time(days * DAY_SECONDS)
    if restarted:
        restart(harness)
    harness.now_ns = true_ns
    worth(harness, 189_000.0)
    assert in_force(harness) == [DAY_LOSS]


@pytest.mark.parametrize("navs", [(200_000.0, 192_000.0), (192_000.0, 200_000.0)])
def test_of_days_that_a_wrong_clock_went_through_the_highest_nav_that_one_began_with_counts(
    navs: tuple[float, float],
) -> None:
    harness = invested("day_loss")
    true_ns = harness.now_ns
    for nav in navs:
        worth(harness, nav)
        harness.pass_time(DAY_SECONDS)
    harness.now_ns = true_ns
    worth(harness, 191_000.0)
    assert in_force(harness) == []
    worth(harness, 189_000.0)
    assert in_force(harness) == [DAY_LOSS]


# --- heat -------------------------------------------------------------------------------------------------------------


def heat_of(harness: RiskHarness) -> float:
    state = harness.machine.state
    return (state.heat.open_risk + state.heat.reserved_risk) / state.nav


def test_heat_that_marks_take_over_its_limit_halts_and_ends_a_little_under_it() -> None:
    harness = invested("heat", heat=0.15)
    worth(harness, 203_000.0)
    assert heat_of(harness) < 0.15
    assert in_force(harness) == []
    worth(harness, 208_000.0)
    assert heat_of(harness) > 0.15
    assert in_force(harness) == [HEAT]
    assert halt_of(harness, "", "heat").cleared_by == "condition"
    worth(harness, 205_200.0)
    assert 0.15 * 0.98 < heat_of(harness) < 0.15
    assert in_force(harness) == [HEAT]
    worth(harness, 204_000.0)
    assert heat_of(harness) < 0.15 * 0.98
    assert in_force(harness) == []
    assert [each.trigger for each in resumed(harness)] == ["heat"]


def test_heat_exactly_at_its_limit_is_not_over_it() -> None:
    harness = invested("heat")
    worth(harness, 205_000.0)
    for share, halted in ((1.0, []), (0.9999, [HEAT])):
        harness.machine.state.use_limits(limits(heat=heat_of(harness) * share))
        harness.pass_time(1)
        assert in_force(harness) == halted


@pytest.mark.parametrize("speed", [1.0, 3600.0])
def test_a_stop_that_is_hit_makes_no_heat_until_its_fill_is_overdue(speed: float) -> None:
    harness = RiskHarness(limits=limits(heat=0.15), exact=True, breakers=only("heat", reduce_heat=True), speed=speed)
    held(harness, "BTC/USDT", "1", 15_000.0)
    held(harness, "ETH/USDT", "30", 1_200.0)
    harness.pass_time(speed)
    for symbol, price in (("BTC/USDT", 14_000.0), ("ETH/USDT", 1_100.0)):  # both more than 1 % under their stops
        harness.mark(symbol, price)
    for _ in range(4):
        told = harness.pass_time(speed)
        assert heat_of(harness) > 0.15
        assert in_force(harness) == []
        assert not [message for message in told if isinstance(message, OrderProposed)]
    [snapshot] = [message for message in told if isinstance(message, PortfolioMarked)]
    assert snapshot.heat == pytest.approx(heat_of(harness))
    assert snapshot.heat_stops_hit == pytest.approx(snapshot.heat)
    stop_fill(harness, "ETH/USDT", "30", "1100")
    snapshot = [message for message in harness.made if isinstance(message, PortfolioMarked)][-1]
    assert snapshot.heat_stops_hit == pytest.approx(snapshot.heat) == pytest.approx(14_000.0 / snapshot.nav, rel=0.01)
    harness.machine.state.use_limits(limits(heat=0.05))
    harness.pass_time(speed)
    assert in_force(harness) == []  # 5 s: the fill may still come
    assert harness.machine.state.phase.breach_hours == 0
    made = harness.pass_time(speed)
    assert in_force(harness) == [HEAT]
    snapshot = [message for message in made if isinstance(message, PortfolioMarked)][-1]
    assert (snapshot.heat_stops_hit, snapshot.heat) == (0.0, pytest.approx(heat_of(harness)))
    assert harness.machine.state.phase.breach_hours == 1


def test_a_stop_that_is_hit_at_a_time_to_come_is_not_waited_for_until_then() -> None:
    """The clock of the market data was an hour ahead: nobody knows when its price was there."""
    harness = RiskHarness(limits=limits(heat=0.05), exact=True, breakers=only("heat"))
    held(harness, "BTC/USDT", "1", 15_000.0)
    harness.pass_time(1)
    harness.mark("BTC/USDT", 14_000.0, age_seconds=-3_600)
    harness.pass_time(6)
    assert harness.snapshot.heat_stops_hit == 0.0
    assert in_force(harness) == [HEAT]


def test_a_stop_that_is_hit_is_no_reason_to_end_a_halt_before_it_is_filled() -> None:
    harness = invested("heat", heat=0.15)
    worth(harness, 208_000.0)
    assert in_force(harness) == [HEAT]
    worth(harness, 170_000.0)  # bitcoin at 14,000, its stop at 15,000
    assert in_force(harness) == [HEAT]
    stop_fill(harness, "BTC/USDT", "5", "14000")
    harness.pass_time(1)
    assert in_force(harness) == []


def test_what_is_over_its_limit_beside_a_stop_that_is_hit_halts_at_once() -> None:
    harness = RiskHarness(limits=limits(heat=0.10), exact=True, breakers=only("heat"))
    held(harness, "BTC/USDT", "1", 15_000.0)
    held(harness, "ETH/USDT", "30", 1_200.0)
    harness.pass_time(1)
    harness.mark("BTC/USDT", 14_000.0)
    harness.mark("ETH/USDT", 2_200.0)
    harness.pass_time(1)
    assert in_force(harness) == [HEAT]
    assert halt_of(harness, "", "heat").reason.startswith("heat of 1")


def test_nothing_is_sold_over_the_limit_unless_it_is_switched_on() -> None:
    harness = invested("heat", heat=0.15)
    worth(harness, 215_000.0)
    assert in_force(harness) == [HEAT]
    assert not [message for message in harness.made if isinstance(message, OrderProposed)]


def test_switched_on_the_hottest_position_is_sold_first_and_no_more_than_needed() -> None:
    harness = RiskHarness(limits=limits(heat=0.10), exact=True, breakers=only("heat", reduce_heat=True))
    held(harness, "BTC/USDT", "1", 15_000.0)
    held(harness, "ETH/USDT", "30", 1_200.0)
    entry = harness.buy("SOL/USDT", "10", stop=29.0)
    harness.pass_time(1)
    harness.mark("ETH/USDT", 1_800.0)
    made = harness.pass_time(1)
    [sale] = [message for message in made if isinstance(message, OrderProposed)]
    assert (sale.symbol, sale.side, sale.reduce_only) == ("ETH/USDT", "sell", True)
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    [decided] = harness.handle(sale)
    assert isinstance(decided, OrderDecided)
    assert decided.verdict == "approve"
    harness.close(entry, "cancelled")
    harness.fill(decided, price=1_800.0)
    assert 0.097 < heat_of(harness) <= 0.098
    assert [m for m in harness.pass_time(1) if isinstance(m, OrderProposed)] == []
    assert in_force(harness) == []


def test_asking_again_before_the_sale_is_decided_asks_for_the_same_order_also_after_a_restart() -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    worth(harness, 215_000.0)
    first = [message.id for message in harness.made if isinstance(message, OrderProposed)]
    again = [message.id for message in harness.pass_time(1) if isinstance(message, OrderProposed)]
    restart(harness)
    harness.mark("BTC/USDT", harness.machine.state.heat.pairs["BTC/USDT"].mark or 23_000.0)
    later = [message.id for message in harness.pass_time(1) if isinstance(message, OrderProposed)]
    assert set(first) == set(again) == set(later)
    assert len(set(first)) == 1


def sales(made: list[Message]) -> list[OrderProposed]:
    return [message for message in made if isinstance(message, OrderProposed)]


def mark(harness: RiskHarness) -> float:
    return harness.machine.state.heat.pairs["BTC/USDT"].mark


def decide(harness: RiskHarness, sale: OrderProposed) -> OrderDecided:
    [decided] = harness.handle(sale)
    assert isinstance(decided, OrderDecided)
    return decided


@pytest.mark.parametrize("restarted", [False, True])
def test_a_sale_that_the_exchange_refused_is_tried_again_after_longer_and_longer(restarted: bool) -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    worth(harness, 215_000.0)
    sale, ids = sales(harness.made)[-1], set[str]()
    for seconds in (5, 10, 20, 40, 60, 60):
        ids.add(sale.id)
        harness.close(decide(harness, sale), "rejected")
        if restarted:
            restart(harness)
            harness.mark("BTC/USDT", 23_020.0)
        assert sales(harness.pass_time(seconds - 1)) == []
        [sale] = sales(harness.pass_time(1))
    assert len(ids) == 6
    harness.fill(decide(harness, sale), price=mark(harness))
    harness.pass_time(1)
    assert in_force(harness) == []


def test_a_sale_that_was_refused_keeps_no_other_position_from_being_reduced() -> None:
    harness = RiskHarness(limits=limits(heat=0.10), exact=True, breakers=only("heat", reduce_heat=True))
    held(harness, "BTC/USDT", "2", 15_000.0)
    held(harness, "ETH/USDT", "30", 1_200.0)
    harness.pass_time(1)
    harness.mark("ETH/USDT", 1_800.0)
    [first] = sales(harness.pass_time(1))
    harness.close(decide(harness, first), "rejected")
    [second] = sales(harness.pass_time(1))
    assert (first.symbol, second.symbol) == ("ETH/USDT", "BTC/USDT")


def test_a_fill_between_a_sale_and_its_verdict_leads_to_no_second_sale() -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    worth(harness, 208_000.0)
    before = len(harness.made)
    [first] = sales(harness.made)
    stop_fill(harness, "BTC/USDT", "0.01", "21600")
    asked = [first, *sales(harness.made[before:])]
    assert {(sale.id, sale.quantity) for sale in asked} == {(first.id, first.quantity)}
    harness.fill(decide(harness, first), price=21_600.0)
    assert 0.14 < heat_of(harness) <= 0.147


def test_a_rise_after_a_sale_was_decided_leads_to_a_further_one() -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    worth(harness, 208_000.0)
    first = sales(harness.made)[-1]
    harness.fill(decide(harness, first), price=mark(harness))
    worth(harness, 215_000.0)
    second = sales(harness.made)[-1]
    assert second.id != first.id
    harness.fill(decide(harness, second), price=mark(harness))
    harness.pass_time(1)
    assert in_force(harness) == []


def test_a_sale_that_was_proposed_is_followed_beside_shadow_limits_too() -> None:
    harness = RiskHarness(limits=limits(heat=0.15), exact=True, shadow=WIDE, breakers=only("heat", reduce_heat=True))
    held(harness, "BTC/USDT", "5", 15_000.0)
    worth(harness, 215_000.0)
    first = sales(harness.made)[-1]
    harness.close(decide(harness, first), "rejected")
    assert sales(harness.pass_time(5))[0].id != first.id


def test_switched_off_nothing_is_sold_although_the_halt_of_before_still_stands() -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    worth(harness, 215_000.0)
    switch(harness, only(reduce_heat=True))
    harness.mark("BTC/USDT", 25_000.0)
    assert sales(harness.pass_time(10)) == []
    assert in_force(harness) == [HEAT]
    harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="it is off"))
    assert in_force(harness) == []


def test_what_is_over_a_tightened_limit_is_not_sold() -> None:
    harness = invested("heat", heat=0.15, reduce_heat=True)
    harness.pass_time(1)
    harness.machine.state.use_limits(limits(heat=0.05))
    made = harness.pass_time(1)
    assert in_force(harness) == [HEAT]
    assert not [message for message in made if isinstance(message, OrderProposed)]


def test_an_operator_cannot_end_what_ends_by_itself() -> None:
    harness = invested("heat", heat=0.15)
    worth(harness, 215_000.0)
    [answer] = harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", reason="seen"))
    assert "resumes by itself once this is over: heat: heat of" in answer.reason  # type: ignore[attr-defined]
    assert in_force(harness) == [HEAT]
    assert D(0) < harness.machine.state.ledger.quantity("BTC/USDT")
