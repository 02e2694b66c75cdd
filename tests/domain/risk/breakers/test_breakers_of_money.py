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
from tests.domain.risk.breakers.halting_desk import halt_of, held, in_force, only, restart, resumed, stop_fill, switch
from tests.domain.risk.gate.rule_scenes import row_of
from tests.domain.risk.risk_desk import D, Desk, relaxed

WIDE = Limits(equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0)
HEAT, DRAWDOWN, DAY_LOSS = (("", name, "reducing") for name in ("heat", "drawdown", "day_loss"))
DAY_SECONDS = 86_400.0


def limits(**changes: float) -> Limits:
    return structs.replace(relaxed(WIDE), **changes)


def invested(*breakers: str, **changes: float) -> Desk:
    """Half of 200,000 in 5 BTC at 20,000, without a fee worth mentioning; the clock stands at 00:00:01."""
    settings = {name: changes.pop(name) for name in ("reduce_heat", "day_loss") if name in changes}
    desk = Desk(limits=limits(**changes), exact=True, breakers=only(*breakers, **settings))
    held(desk, "BTC/USDT", "5", 15_000.0)
    return desk


def worth(desk: Desk, nav: float) -> None:
    """Move bitcoin's mark so that NAV is this, and take the next snapshot."""
    price = (nav - desk.machine.state.ledger.cash) / desk.machine.state.heat.pairs["BTC/USDT"].quantity
    desk.pass_time(1)
    desk.mark("BTC/USDT", price)
    desk.pass_time(1)


def alerts(desk: Desk) -> list[Alerted]:
    return [message for message in desk.made if isinstance(message, Alerted)]


def confirm(desk: Desk) -> list[Message]:
    [asked] = desk.handle(Resume(id=f"ask-{desk.now_ns}", time_ns=desk.now_ns, who="ana", reason="seen"))
    assert isinstance(asked, ResumeAsked)
    return desk.handle(
        Resume(id=f"yes-{desk.now_ns}", time_ns=desk.now_ns, who="ana", reason="seen", confirm=asked.confirm)
    )


# --- drawdown ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fallen", "warned", "halted"),
    [(0.0999, False, False), (0.10, True, False), (0.1499, True, False), (0.15, False, True), (0.1501, False, True)],
)
def test_a_drawdown_warns_at_ten_percent_and_halts_at_fifteen(fallen: float, warned: bool, halted: bool) -> None:
    desk = invested("drawdown", drawdown=0.15)
    peak = desk.machine.state.loss_baselines.peak_nav_since_resume
    worth(desk, peak * (1.0 - fallen))
    assert bool(alerts(desk)) is warned
    assert in_force(desk) == ([DRAWDOWN] if halted else [])


def test_a_drawdown_is_warned_of_once_and_again_after_a_new_high() -> None:
    desk = invested("drawdown", drawdown=0.15)
    for nav in (175_000.0, 174_000.0, 190_000.0, 175_000.0):
        worth(desk, nav)
    assert len(alerts(desk)) == 1
    worth(desk, 210_000.0)
    worth(desk, 188_000.0)
    assert len(alerts(desk)) == 2
    assert alerts(desk)[1].reason == "drawdown of 10.48%, trading halts at 15.00%"


def test_a_restart_does_not_forget_the_high_water_mark_or_the_warning() -> None:
    desk = invested("drawdown", drawdown=0.15)
    worth(desk, 178_000.0)
    restart(desk)
    worth(desk, 177_000.0)
    assert len(alerts(desk)) == 1
    worth(desk, 169_000.0)
    assert in_force(desk) == [DRAWDOWN]
    restart(desk)
    assert in_force(desk) == [DRAWDOWN]


def test_a_halt_for_drawdown_lasts_until_an_operator_resumes_although_nav_recovers() -> None:
    desk = invested("drawdown", drawdown=0.15)
    worth(desk, 169_000.0)
    worth(desk, 199_000.0)
    desk.pass_time(30 * DAY_SECONDS)
    assert in_force(desk) == [DRAWDOWN]
    assert halt_of(desk, "", "drawdown").cleared_by == "two_steps"


def test_after_a_resume_the_next_drawdown_counts_from_nav_as_it_was_then() -> None:
    desk = invested("drawdown", drawdown=0.15)
    worth(desk, 160_000.0)
    assert desk.buy("ETH/USDT", "1").binding == "halted"
    confirm(desk)
    worth(desk, 160_000.0)
    assert in_force(desk) == []
    desk.mark("ETH/USDT", 1500.0)
    assert desk.buy("ETH/USDT", "1").verdict == "approve"  # the rule of the same name measures from there too
    worth(desk, 137_000.0)
    assert in_force(desk) == []
    worth(desk, 135_900.0)
    assert in_force(desk) == [DRAWDOWN]


def test_a_snapshot_tells_the_fall_from_the_peak_of_all_time_beside_the_one_that_the_gate_goes_by() -> None:
    desk = invested("drawdown", drawdown=0.15)
    worth(desk, 160_000.0)
    before = desk.snapshot
    assert before.drawdown == before.drawdown_since_resume == before.phase_drawdown == pytest.approx(0.2, abs=0.002)
    confirm(desk)
    worth(desk, 152_000.0)
    after = desk.snapshot
    assert after.drawdown == after.phase_drawdown == pytest.approx(0.24, abs=0.002)
    assert after.drawdown_since_resume == pytest.approx(0.05)
    desk.mark("ETH/USDT", 1500.0)
    assert row_of(desk.buy("ETH/USDT", "1"), "drawdown").used == pytest.approx(after.drawdown_since_resume)
    restart(desk)
    worth(desk, 152_000.0)
    assert desk.snapshot.drawdown_since_resume == pytest.approx(0.05)


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
    desk = invested("day_loss")
    begun = desk.machine.state.loss_baselines.day_nav
    worth(desk, begun * (1.0 - lost))
    assert in_force(desk) == ([DAY_LOSS] if halted else [])


def test_a_halt_for_the_day_ends_at_utc_midnight_and_the_next_day_counts_from_there() -> None:
    desk = invested("day_loss")
    worth(desk, 185_000.0)
    midnight_ns = halt_of(desk, "", "day_loss").until_ns
    desk.pass_time((midnight_ns - desk.now_ns) / 1e9 - 1)
    assert in_force(desk) == [DAY_LOSS]
    desk.pass_time(1)
    assert in_force(desk) == []
    assert desk.machine.state.loss_baselines.day_nav == pytest.approx(185_000.0)
    worth(desk, 176_000.0)
    assert in_force(desk) == []


def test_a_restart_keeps_nav_of_midnight() -> None:
    desk = invested("day_loss")
    worth(desk, 192_000.0)
    restart(desk)
    worth(desk, 189_000.0)
    assert in_force(desk) == [DAY_LOSS]


def test_an_operator_may_go_on_after_a_day_loss_and_a_further_one_counts_from_there() -> None:
    desk = invested("day_loss")
    worth(desk, 185_000.0)
    desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ana", reason="seen"))
    worth(desk, 184_000.0)
    assert in_force(desk) == []
    worth(desk, 175_000.0)
    assert in_force(desk) == [DAY_LOSS]


def test_a_loss_over_midnight_is_no_loss_of_the_day() -> None:
    desk = invested("day_loss")
    worth(desk, 192_000.0)
    desk.pass_time(DAY_SECONDS)
    worth(desk, 185_000.0)
    assert in_force(desk) == []


@pytest.mark.parametrize("days", [1, 3])
@pytest.mark.parametrize("restarted", [False, True])
def test_a_clock_that_was_ahead_for_a_moment_does_not_forget_what_the_day_has_lost(days: int, restarted: bool) -> None:
    desk = invested("day_loss")
    worth(desk, 192_000.0)
    true_ns = desk.now_ns
    desk.pass_time(days * DAY_SECONDS)
    if restarted:
        restart(desk)
    desk.now_ns = true_ns
    worth(desk, 189_000.0)
    assert in_force(desk) == [DAY_LOSS]


@pytest.mark.parametrize("navs", [(200_000.0, 192_000.0), (192_000.0, 200_000.0)])
def test_of_days_that_a_wrong_clock_went_through_the_highest_nav_that_one_began_with_counts(
    navs: tuple[float, float],
) -> None:
    desk = invested("day_loss")
    true_ns = desk.now_ns
    for nav in navs:
        worth(desk, nav)
        desk.pass_time(DAY_SECONDS)
    desk.now_ns = true_ns
    worth(desk, 191_000.0)
    assert in_force(desk) == []
    worth(desk, 189_000.0)
    assert in_force(desk) == [DAY_LOSS]


# --- heat -------------------------------------------------------------------------------------------------------------


def heat_of(desk: Desk) -> float:
    state = desk.machine.state
    return (state.heat.open_risk + state.heat.reserved_risk) / state.nav


def test_heat_that_marks_take_over_its_limit_halts_and_ends_a_little_under_it() -> None:
    desk = invested("heat", heat=0.15)
    worth(desk, 203_000.0)
    assert heat_of(desk) < 0.15
    assert in_force(desk) == []
    worth(desk, 208_000.0)
    assert heat_of(desk) > 0.15
    assert in_force(desk) == [HEAT]
    assert halt_of(desk, "", "heat").cleared_by == "condition"
    worth(desk, 205_200.0)
    assert 0.15 * 0.98 < heat_of(desk) < 0.15
    assert in_force(desk) == [HEAT]
    worth(desk, 204_000.0)
    assert heat_of(desk) < 0.15 * 0.98
    assert in_force(desk) == []
    assert [each.trigger for each in resumed(desk)] == ["heat"]


def test_heat_exactly_at_its_limit_is_not_over_it() -> None:
    desk = invested("heat")
    worth(desk, 205_000.0)
    for share, halted in ((1.0, []), (0.9999, [HEAT])):
        desk.machine.state.use_limits(limits(heat=heat_of(desk) * share))
        desk.pass_time(1)
        assert in_force(desk) == halted


def test_nothing_is_sold_over_the_limit_unless_it_is_switched_on() -> None:
    desk = invested("heat", heat=0.15)
    worth(desk, 215_000.0)
    assert in_force(desk) == [HEAT]
    assert not [message for message in desk.made if isinstance(message, OrderProposed)]


def test_switched_on_the_hottest_position_is_sold_first_and_no_more_than_needed() -> None:
    desk = Desk(limits=limits(heat=0.10), exact=True, breakers=only("heat", reduce_heat=True))
    held(desk, "BTC/USDT", "1", 15_000.0)
    held(desk, "ETH/USDT", "30", 1_200.0)
    entry = desk.buy("SOL/USDT", "10", stop=29.0)
    desk.pass_time(1)
    desk.mark("ETH/USDT", 1_800.0)
    made = desk.pass_time(1)
    [sale] = [message for message in made if isinstance(message, OrderProposed)]
    assert (sale.symbol, sale.side, sale.reduce_only) == ("ETH/USDT", "sell", True)
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    [decided] = desk.handle(sale)
    assert isinstance(decided, OrderDecided)
    assert decided.verdict == "approve"
    desk.close(entry, "cancelled")
    desk.fill(decided, price=1_800.0)
    assert 0.097 < heat_of(desk) <= 0.098
    assert [m for m in desk.pass_time(1) if isinstance(m, OrderProposed)] == []
    assert in_force(desk) == []


def test_asking_again_before_the_sale_is_decided_asks_for_the_same_order_also_after_a_restart() -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    worth(desk, 215_000.0)
    first = [message.id for message in desk.made if isinstance(message, OrderProposed)]
    again = [message.id for message in desk.pass_time(1) if isinstance(message, OrderProposed)]
    restart(desk)
    desk.mark("BTC/USDT", desk.machine.state.heat.pairs["BTC/USDT"].mark or 23_000.0)
    later = [message.id for message in desk.pass_time(1) if isinstance(message, OrderProposed)]
    assert set(first) == set(again) == set(later)
    assert len(set(first)) == 1


def sales(made: list[Message]) -> list[OrderProposed]:
    return [message for message in made if isinstance(message, OrderProposed)]


def mark(desk: Desk) -> float:
    return desk.machine.state.heat.pairs["BTC/USDT"].mark


def decide(desk: Desk, sale: OrderProposed) -> OrderDecided:
    [decided] = desk.handle(sale)
    assert isinstance(decided, OrderDecided)
    return decided


@pytest.mark.parametrize("restarted", [False, True])
def test_a_sale_that_the_exchange_refused_is_tried_again_after_longer_and_longer(restarted: bool) -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    worth(desk, 215_000.0)
    sale, ids = sales(desk.made)[-1], set[str]()
    for seconds in (5, 10, 20, 40, 60, 60):
        ids.add(sale.id)
        desk.close(decide(desk, sale), "rejected")
        if restarted:
            restart(desk)
            desk.mark("BTC/USDT", 23_020.0)
        assert sales(desk.pass_time(seconds - 1)) == []
        [sale] = sales(desk.pass_time(1))
    assert len(ids) == 6
    desk.fill(decide(desk, sale), price=mark(desk))
    desk.pass_time(1)
    assert in_force(desk) == []


def test_a_sale_that_was_refused_keeps_no_other_position_from_being_reduced() -> None:
    desk = Desk(limits=limits(heat=0.10), exact=True, breakers=only("heat", reduce_heat=True))
    held(desk, "BTC/USDT", "2", 15_000.0)
    held(desk, "ETH/USDT", "30", 1_200.0)
    desk.pass_time(1)
    desk.mark("ETH/USDT", 1_800.0)
    [first] = sales(desk.pass_time(1))
    desk.close(decide(desk, first), "rejected")
    [second] = sales(desk.pass_time(1))
    assert (first.symbol, second.symbol) == ("ETH/USDT", "BTC/USDT")


def test_a_fill_between_a_sale_and_its_verdict_leads_to_no_second_sale() -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    worth(desk, 208_000.0)
    before = len(desk.made)
    [first] = sales(desk.made)
    stop_fill(desk, "BTC/USDT", "0.01", "21600")
    asked = [first, *sales(desk.made[before:])]
    assert {(sale.id, sale.quantity) for sale in asked} == {(first.id, first.quantity)}
    desk.fill(decide(desk, first), price=21_600.0)
    assert 0.14 < heat_of(desk) <= 0.147


def test_a_rise_after_a_sale_was_decided_leads_to_a_further_one() -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    worth(desk, 208_000.0)
    first = sales(desk.made)[-1]
    desk.fill(decide(desk, first), price=mark(desk))
    worth(desk, 215_000.0)
    second = sales(desk.made)[-1]
    assert second.id != first.id
    desk.fill(decide(desk, second), price=mark(desk))
    desk.pass_time(1)
    assert in_force(desk) == []


def test_a_sale_that_was_proposed_is_followed_beside_shadow_limits_too() -> None:
    desk = Desk(limits=limits(heat=0.15), exact=True, shadow=WIDE, breakers=only("heat", reduce_heat=True))
    held(desk, "BTC/USDT", "5", 15_000.0)
    worth(desk, 215_000.0)
    first = sales(desk.made)[-1]
    desk.close(decide(desk, first), "rejected")
    assert sales(desk.pass_time(5))[0].id != first.id


def test_switched_off_nothing_is_sold_although_the_halt_of_before_still_stands() -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    worth(desk, 215_000.0)
    switch(desk, only(reduce_heat=True))
    desk.mark("BTC/USDT", 25_000.0)
    assert sales(desk.pass_time(10)) == []
    assert in_force(desk) == [HEAT]
    desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ana", reason="it is off"))
    assert in_force(desk) == []


def test_what_is_over_a_tightened_limit_is_not_sold() -> None:
    desk = invested("heat", heat=0.15, reduce_heat=True)
    desk.pass_time(1)
    desk.machine.state.use_limits(limits(heat=0.05))
    made = desk.pass_time(1)
    assert in_force(desk) == [HEAT]
    assert not [message for message in made if isinstance(message, OrderProposed)]


def test_an_operator_cannot_end_what_ends_by_itself() -> None:
    desk = invested("heat", heat=0.15)
    worth(desk, 215_000.0)
    [answer] = desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ana", reason="seen"))
    assert "resumes by itself once this is over: heat: heat of" in answer.reason  # type: ignore[attr-defined]
    assert in_force(desk) == [HEAT]
    assert D(0) < desk.machine.state.ledger.quantity("BTC/USDT")
