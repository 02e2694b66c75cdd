"""Limits changed while heatsink runs: all or none, audited, kept; positions over them are told of and stay."""

import math

import pytest
from msgspec import structs

from shared.domain.plan import Limits, Plan
from shared.domain.risk.commands.limits import FIELDS
from shared.domain.risk.state.effective_limits import policy_of
from shared.messages.base import Message
from shared.messages.control import SetLimits
from shared.messages.portfolio import CommandRefused, LimitsChanged
from tests.domain.risk.ramp.ramp_rig import Ramp
from tests.domain.risk.risk_harness import RiskHarness
from tests.samples import T0


def changed(made: list[Message]) -> LimitsChanged:
    [found] = [message for message in made if isinstance(message, LimitsChanged)]
    return found


def refusal(made: list[Message]) -> str:
    [found] = made
    assert isinstance(found, CommandRefused)
    return found.reason


# --- what is taken ----------------------------------------------------------------------------------------------------


def test_limits_change_by_name_and_the_audit_has_old_new_who_why_and_policy() -> None:
    ramp = Ramp()
    ramp.time(0)
    message = changed(ramp.set_limits("calmer", heat=0.06, max_open_orders=10))
    assert (message.old, message.new) == (
        {"heat": 0.08, "max_open_orders": 40.0},
        {"heat": 0.06, "max_open_orders": 10.0},
    )
    assert (message.who, message.reason, message.over) == ("ana", "calmer", ())
    assert message.policy_before == policy_of(Limits(), ramp.plan) != message.policy
    assert message.policy == policy_of(ramp.limits, ramp.plan) == ramp.machine.state.effective.policy
    assert ramp.limits == structs.replace(Limits(), heat=0.06, max_open_orders=10)
    assert isinstance(ramp.limits.max_open_orders, int)


def test_the_next_decision_is_held_to_the_new_limits() -> None:
    harness = RiskHarness()
    before = harness.buy("ETH/USDT", "1000")
    harness.close(before, "cancelled")
    harness.handle(SetLimits(id="l-1", time_ns=harness.now_ns, who="ana", reason="less", limits={"pair_cap_nav": 0.01}))
    after = harness.buy("ETH/USDT", "1000")
    assert before.policy != after.policy
    assert after.binding == "pair_cap_nav"
    assert float(after.quantity_approved) * 1_500 <= 2_000.0 < float(before.quantity_approved) * 1_500


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("heat", 8, "heat = 8: expected a number above 0 and at most 1; write 0.08 for 8 %"),
        ("heat", 0, "heat = 0: expected a number above 0 and at most 1; the plan has 0.08"),
        ("heat", -0.1, "heat = -0.1: expected a number above 0"),
        ("heat", math.nan, "heat = nan: expected a number"),
        ("heat", math.inf, "heat = inf: expected a number"),
        ("mark_age_seconds", math.inf, "mark_age_seconds = inf: expected a number above 0"),
        ("max_open_orders", 2.5, "max_open_orders = 2.5: expected a whole number of at least 1"),
        ("max_open_orders", 0, "max_open_orders = 0: expected a whole number of at least 1"),
        (
            "max_open_orders",
            1.5e7,
            "max_open_orders = 15000000: expected a whole number of at least 1 and at most 1000000",
        ),
        (
            "max_order_usdt",
            1e13,
            "max_order_usdt = 10000000000000: expected a number above 0 and at most 1000000000000",
        ),
        ("heet", 0.06, "heet = 0.06: no limit of this name; did you mean heat?"),
        ("pair_cap_nav", 0.3, "more than a whole sector may hold (0.25); lower it or raise sector_cap_nav"),
        ("equity_at_risk", 0.05, "one trade would risk 0.1 in the largest phase, heat is 0.08"),
        ("atr_floor", 1.0, "leaves no size"),
        ("heat", 0.08, "nothing changes: heat = 0.08 already"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_with_name_value_and_remedy(name: str, value: float, words: str) -> None:
    ramp = Ramp()
    ramp.time(0)
    assert words in refusal(ramp.set_limits(**{name: value}))
    assert ramp.limits == Limits()


def test_all_limits_change_or_none_and_every_fault_is_named() -> None:
    ramp = Ramp()
    ramp.time(0)
    reason = refusal(ramp.set_limits(heat=0.06, drawdown=15, sector_cap=0.2))
    assert "drawdown = 15" in reason
    assert "sector_cap = 0.2" in reason
    assert "did you mean sector_cap_nav?" in reason
    assert ramp.limits == Limits()


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_change_without_a_reason_is_refused(reason: str) -> None:
    ramp = Ramp()
    assert "say why" in refusal(ramp.set_limits(reason, heat=0.06))


def test_a_command_that_names_no_limit_is_refused() -> None:
    assert "name at least one" in refusal(Ramp().set_limits())


@pytest.mark.parametrize("name", FIELDS)
def test_every_limit_of_the_plan_can_be_set(name: str) -> None:
    """Halved, or doubled where half of it would not be allowed beside the others."""
    ramp = Ramp()
    value = getattr(Limits(), name)
    for other in (value / 2, value * 2):
        made = ramp.set_limits(**{name: math.ceil(other) if isinstance(value, int) else other})
        if isinstance(made[0], LimitsChanged):
            return
    pytest.fail(f"{name}: {made}")


# --- what is over them already ----------------------------------------------------------------------------------------


def test_positions_over_a_tightened_limit_are_told_in_words_and_not_sold() -> None:
    harness = RiskHarness()
    for symbol, quantity in (("BTC/USDT", "0.4"), ("ETH/USDT", "5"), ("LINK/USDT", "500")):
        harness.fill(harness.buy(symbol, quantity))
    limits = {"pair_cap_nav": 0.03, "sector_cap_nav": 0.05, "heat": 0.004, "equity_at_risk": 0.001}
    made = harness.handle(SetLimits(id="l-1", time_ns=harness.now_ns, who="ana", reason="storm", limits=limits))
    [message] = made
    assert isinstance(message, LimitsChanged)
    heat, sector, btc, eth = message.over
    assert heat.startswith("portfolio: heat is 0.")
    assert heat.endswith("%, the limit 0.40%")
    assert sector.startswith("sector Majors: $15,500 held and on order, the cap is $9,9")
    assert btc.startswith("BTC/USDT: $8,000 held and on order, the cap is $5,9")
    assert eth.startswith("ETH/USDT: $7,500 held")
    assert len(harness.snapshot.positions) == 3


def test_what_is_on_order_counts_as_over_too_and_a_limit_met_exactly_does_not() -> None:
    harness = RiskHarness()
    harness.buy("BTC/USDT", "0.4")
    for cap, lines in ((0.04, 0), (0.0399, 1)):
        made = harness.handle(
            SetLimits(id=f"l-{cap}", time_ns=harness.now_ns, who="ana", reason="x", limits={"pair_cap_nav": cap})
        )
        assert len(changed(made).over) == lines


def test_with_an_unknown_nav_nobody_claims_that_nothing_is_over() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.4"))
    harness.machine.restored()  # marks are not stored: until the next one the position has no value
    made = harness.handle(SetLimits(id="l-1", time_ns=harness.now_ns, who="ana", reason="x", limits={"heat": 0.07}))
    assert "NAV is unknown" in changed(made).over[0]


# --- restarts ---------------------------------------------------------------------------------------------------------


def test_limits_set_by_command_survive_a_restart() -> None:
    ramp = Ramp()
    ramp.time(0)
    policy = changed(ramp.set_limits(heat=0.06)).policy
    ramp.restart()
    assert (ramp.limits.heat, ramp.machine.state.effective.policy) == (0.06, policy)
    assert not [message for message in ramp.time(1) if isinstance(message, LimitsChanged)]


def test_a_first_start_changes_nothing_and_says_nothing() -> None:
    ramp = Ramp()
    assert not [message for message in ramp.time(0) if isinstance(message, LimitsChanged)]
    ramp.restart()
    assert not [message for message in ramp.time(1) if isinstance(message, LimitsChanged)]


def test_a_changed_file_wins_over_what_was_set_and_the_audit_says_so() -> None:
    ramp = Ramp()
    ramp.time(0)
    ramp.set_limits("storm", heat=0.06)
    ramp.restart(limits=Limits(drawdown=0.12))
    assert (ramp.limits.heat, ramp.limits.drawdown) == (0.08, 0.12)
    message = changed(ramp.time(1))
    assert message.who == "limits.toml"
    assert message.reason == "limits.toml was changed: drawdown = 0.12; what ana had set (storm) is dropped"
    assert (message.old, message.new) == ({"heat": 0.06, "drawdown": 0.15}, {"heat": 0.08, "drawdown": 0.12})
    assert not [each for each in ramp.time(2) if isinstance(each, LimitsChanged)]
    ramp.restart()
    assert ramp.limits == Limits(drawdown=0.12)
    assert not [each for each in ramp.time(3) if isinstance(each, LimitsChanged)]


def test_a_changed_file_is_audited_also_when_nobody_had_set_anything() -> None:
    ramp = Ramp()
    ramp.time(0)
    ramp.restart(limits=Limits(heat=0.05))
    message = changed(ramp.time(1))
    assert (message.reason, message.old, message.new) == (
        "limits.toml was changed: heat = 0.05",
        {"heat": 0.08},
        {"heat": 0.05},
    )


def test_a_crash_before_the_announcement_announces_it_after_the_next_start() -> None:
    ramp = Ramp()
    ramp.time(0)
    ramp.set_limits(heat=0.06)
    ramp.restart(limits=Limits(heat=0.05))
    ramp.restart()
    assert changed(ramp.time(1)).new == {"heat": 0.05}


def test_a_command_after_the_file_changed_counts_from_the_new_file() -> None:
    ramp = Ramp(plan=Plan(limits=Limits(heat=0.05)))
    ramp.time(0)
    ramp.set_limits(heat=0.04)
    ramp.restart()
    assert ramp.limits.heat == 0.04
    assert ramp.machine.state.now_ns < T0  # nothing was handled yet: the limits hold from the first order on
