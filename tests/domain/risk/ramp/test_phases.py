"""The ramp: evidence, proposals, promotions by an operator, demotions, restarts. Each threshold at, under and over."""

import math
from dataclasses import dataclass

import pytest
from msgspec import structs

from shared.domain.plan import PhasePlan, Plan, RampPlan
from shared.domain.risk.ramp.history import STEP, PhaseStep
from shared.domain.risk.state.evidence import Evidence, lacking, phase_by_date
from shared.domain.timeframes import iso_ns
from shared.messages.base import Message
from shared.messages.halts import Halted, Resumed
from shared.messages.portfolio import CommandRefused, PhaseChanged, PhaseProposed, PortfolioMarked
from tests.domain.risk.ramp.ramp_rig import Ramp
from tests.domain.risk.risk_harness import RiskHarness

MOMENT = 1e-6  # days
DRY_RUN, LIVE, SCALED = Plan().phases


def one(made: list[Message], kind: type[Message]) -> Message:
    [found] = [message for message in made if isinstance(message, kind)]
    return found


# --- the plan ---------------------------------------------------------------------------------------------------------


def test_the_ramp_is_the_plans() -> None:
    assert [(phase.name, phase.scale, phase.from_day) for phase in Plan().phases] == [
        ("dry_run", 0.25, 1),
        ("live", 1.0, 15),
        ("scaled", 2.0, 60),
    ]
    assert (SCALED.drawdown_below, SCALED.sharpe_above) == (0.05, 1.0)
    assert (LIVE.demote_over, SCALED.demote_over) == (0.10, 0.05)


@pytest.mark.parametrize(
    ("day", "phase"),
    [(-3, "dry_run"), (0, "dry_run"), (14 - MOMENT, "dry_run"), (14, "live"), (59 - MOMENT, "live"), (59, "scaled")],
)
def test_phases_by_date_follow_the_calendar(day: float, phase: str) -> None:
    start_ns = iso_ns("2022-11-01")
    assert phase_by_date(Plan().phases, start_ns, start_ns + round(day * 86_400e9)).name == phase


def test_a_backtest_walks_through_the_phases_by_their_dates() -> None:
    ramp = Ramp(ramp=RampPlan(by_date=True), paper=True)
    walked: list[Message] = []
    for day in range(80):
        walked += ramp.mark(day, 200_000.0 - 400.0 * day)
    assert [type(message) for message in walked] == [PhaseChanged, PhaseChanged]
    assert [step.at_ns for step in steps(ramp)[1:]] == [message.time_ns for message in walked]
    assert ramp.phase == "scaled"


def test_the_start_of_the_ramp_may_lie_before_the_portfolio() -> None:
    ramp = Ramp(ramp=RampPlan(by_date=True, start="2022-10-10"))
    assert one(ramp.mark(0), PhaseChanged).phase == "live"  # type: ignore[attr-defined]


# --- proposals --------------------------------------------------------------------------------------------------------


def test_live_is_proposed_once_after_fourteen_full_days_and_entered_by_nobody() -> None:
    ramp = Ramp()
    ramp.mark(0)
    assert ramp.mark(14 - MOMENT) == []
    proposed = one(ramp.mark(14), PhaseProposed)
    assert isinstance(proposed, PhaseProposed)
    assert (proposed.phase, proposed.to_phase) == ("dry_run", "live")
    assert proposed.evidence.startswith("day 15 of the ramp, 14.0 days in dry_run since 2022-11-01; ")
    assert "x sqrt 365" in proposed.evidence
    assert ramp.mark(15) == ramp.mark(30) == []
    assert ramp.phase == "dry_run"


def test_scaled_is_proposed_on_day_sixty_with_drawdown_sharpe_and_n() -> None:
    ramp = Ramp(phase="live")
    ramp.mark(0)
    assert ramp.walk(1, 45) == []
    assert ramp.mark(45 - MOMENT) == []
    proposed = one(ramp.mark(45), PhaseProposed)
    assert isinstance(proposed, PhaseProposed)
    assert "day 60 of the ramp, 45.0 days in live" in proposed.evidence
    assert "n = 44 daily returns" in proposed.evidence


@dataclass(frozen=True)
class Case:
    changes: dict[str, object]
    lack: str


EVIDENCE = Evidence(
    phase="live", since_ns=0, at_ns=1, days=45.0, ramp_day=60, drawdown=0.0, worst_drawdown=0.03, sharpe=1.5,
    returns=44, missed=0, breach_hours=0,
)  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        Case({}, ""),
        Case({"ramp_day": 59}, "day 59 of the ramp, scaled begins on day 60"),
        Case({"ramp_day": 61}, ""),
        Case({"worst_drawdown": math.nextafter(0.05, 0)}, ""),
        Case({"worst_drawdown": 0.05}, "drawdown of 5.00% is not under 5.00%"),
        Case({"worst_drawdown": 0.0501}, "drawdown of 5.01% is not under 5.00%"),
        Case({"worst_drawdown": math.nan}, "drawdown of nan% is not under 5.00%"),
        Case({"sharpe": 1.0}, "a Sharpe ratio of 1.000 is not over 1"),
        Case({"sharpe": 0.999}, "a Sharpe ratio of 0.999 is not over 1"),
        Case({"sharpe": math.nextafter(1.0, 2)}, ""),
        Case({"sharpe": None}, "the Sharpe ratio of 44 daily returns is unknown"),
        Case({"sharpe": math.nan}, "a Sharpe ratio of nan is not over 1"),
    ],
)
def test_the_gate_names_what_the_evidence_lacks(case: Case) -> None:
    assert lacking(structs.replace(EVIDENCE, **case.changes), SCALED) == ([case.lack] if case.lack else [])


def test_reviews_are_counted_where_the_plan_asks_for_them() -> None:
    asking = structs.replace(SCALED, reviews=2)
    assert lacking(EVIDENCE, asking) == []  # a proposal does not know yet who will sign
    assert lacking(structs.replace(EVIDENCE, reviews=1), asking) == ["1 of 2 risk reviews are signed"]
    assert lacking(structs.replace(EVIDENCE, reviews=2), asking) == []


def test_hours_with_heat_over_the_limit_are_counted_once_each() -> None:
    ramp = Ramp()
    ramp.mark(0)
    for minute in (0, 20, 59, 61):
        ramp.mark(1 + minute / 1440, heat=0.081)
    ramp.mark(2, heat=0.08)
    assert ramp.machine.phases._history.evidence(0).breach_hours == 2


def test_a_fall_since_the_phase_began_counts_from_its_own_high_water_mark() -> None:
    ramp = Ramp(phase="live")
    ramp.mark(0, 200_000.0)
    ramp.mark(1, 220_000.0)
    ramp.mark(2, 209_000.0)
    evidence = ramp.machine.phases._history.evidence(0)
    assert evidence.worst_drawdown == evidence.drawdown == 0.05
    ramp.mark(3, 219_000.0)
    assert ramp.machine.phases._history.evidence(0).worst_drawdown == 0.05


# --- approval ---------------------------------------------------------------------------------------------------------


def test_an_operator_approves_and_the_next_phase_begins_with_its_own_evidence() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.mark(14)
    changed = one(ramp.approve("live", reviews=2), PhaseChanged)
    assert isinstance(changed, PhaseChanged)
    assert (changed.phase_before, changed.phase, changed.scale, changed.who) == ("dry_run", "live", 1.0, "ana")
    assert "2 risk reviews signed" in changed.evidence
    assert ramp.machine.state.phase.scale == 1.0
    evidence = ramp.machine.phases._history.evidence(ramp.machine.state.now_ns)
    assert (evidence.phase, evidence.days, evidence.ramp_day, evidence.returns) == ("live", 0.0, 15, 0)


def test_an_approval_too_early_is_refused_with_what_is_lacking() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.mark(13)
    refusal = one(ramp.approve("live"), CommandRefused)
    assert isinstance(refusal, CommandRefused)
    assert "phase = live: day 14 of the ramp, live begins on day 15" in refusal.reason
    assert (ramp.phase, refusal.command, refusal.who) == ("dry_run", "ApprovePhase", "ana")
    assert [step.what for step in steps(ramp)] == ["start", "refused"]


def test_an_approval_counts_the_evidence_of_now_not_of_the_proposal() -> None:
    ramp = Ramp(phase="live")
    ramp.mark(0)
    ramp.walk(1, 45)
    assert any(isinstance(message, PhaseProposed) for message in ramp.mark(45))
    ramp.mark(45.1, ramp.nav * 0.93)
    assert "drawdown of 7.00% is not under" in one(ramp.approve("scaled"), CommandRefused).reason  # type: ignore[attr-defined]


@pytest.mark.parametrize(("phase", "words"), [("scaled", "after dry_run comes live"), ("dry_run", "after dry_run")])
def test_only_the_next_phase_can_be_approved(phase: str, words: str) -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.mark(14)
    assert words in one(ramp.approve(phase), CommandRefused).reason  # type: ignore[attr-defined]


def test_after_the_last_phase_there_is_nothing_to_approve() -> None:
    ramp = Ramp(phase="scaled")
    ramp.mark(0)
    assert "scaled is the last" in one(ramp.approve("scaled"), CommandRefused).reason  # type: ignore[attr-defined]


@pytest.mark.parametrize("automatic", [False, True])
def test_only_a_setting_lets_the_evidence_promote_by_itself(automatic: bool) -> None:
    ramp = Ramp(ramp=RampPlan(automatic=automatic))
    ramp.mark(0)
    kinds = [type(message) for message in ramp.mark(14)]
    assert kinds == ([PhaseProposed, PhaseChanged] if automatic else [PhaseProposed])
    assert ramp.phase == ("live" if automatic else "dry_run")


def test_nothing_is_promoted_by_itself_onto_the_wrong_exchange() -> None:
    ramp = Ramp(ramp=RampPlan(automatic=True), paper=True)
    ramp.mark(0)
    assert [type(message) for message in ramp.mark(14)] == [PhaseProposed]
    assert ramp.phase == "dry_run"


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_an_operator_may_set_any_phase_with_a_reason() -> None:
    ramp = Ramp()
    ramp.mark(0)
    assert "reason" in one(ramp.set_phase("scaled", " "), CommandRefused).reason  # type: ignore[attr-defined]
    changed = one(ramp.set_phase("scaled", "we know better"), PhaseChanged)
    assert isinstance(changed, PhaseChanged)
    assert (changed.phase, changed.scale, changed.who, changed.reason) == ("scaled", 2.0, "ana", "we know better")
    assert steps(ramp)[-1].what == "forced"


def test_setting_the_phase_in_force_begins_it_anew() -> None:
    ramp = Ramp(phase="live")
    ramp.mark(0)
    ramp.mark(30, 185_000.0)
    ramp.set_phase("live", "a fresh start")
    ramp.mark(30.1)
    evidence = ramp.machine.phases._history.evidence(ramp.machine.state.now_ns)
    assert (evidence.worst_drawdown, evidence.ramp_day) == (0.0, 15)


def test_a_phase_that_the_plan_does_not_have_is_refused_with_those_it_has() -> None:
    ramp = Ramp(plan=Plan(phases=(DRY_RUN, LIVE)))
    ramp.mark(0)
    assert "it has dry_run, live" in one(ramp.set_phase("scaled"), CommandRefused).reason  # type: ignore[attr-defined]


def test_a_command_may_name_any_phase_of_the_plan() -> None:
    careful = PhasePlan(name="careful", scale=0.5, from_day=1)
    ramp = Ramp(plan=Plan(phases=(DRY_RUN, careful)))
    ramp.mark(0)
    assert "it has dry_run, careful" in one(ramp.approve("caerful"), CommandRefused).reason  # type: ignore[attr-defined]
    changed = one(ramp.approve("careful"), PhaseChanged)
    assert isinstance(changed, PhaseChanged)
    assert (changed.phase, changed.scale) == ("careful", 0.5)


# --- the exchange -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["approve", "set_phase"])
def test_a_live_phase_is_refused_while_orders_go_to_paper_unless_it_is_a_rehearsal(command: str) -> None:
    for rehearsal in (False, True):
        ramp = Ramp(paper=True, ramp=RampPlan(rehearsal=rehearsal))
        ramp.mark(0)
        ramp.mark(14)
        made = getattr(ramp, command)("live")
        if rehearsal:
            changed = one(made, PhaseChanged)
            assert isinstance(changed, PhaseChanged)
            assert changed.rehearsal
        else:
            reason = one(made, CommandRefused).reason  # type: ignore[attr-defined]
            assert "paper = false in phases.toml" in reason
            assert 'exchange.orders = "paper"' in reason
            assert "ramp.rehearsal" in reason


def test_a_verdict_of_a_rehearsal_says_so() -> None:
    harness = RiskHarness()
    harness.machine.state.plan = structs.replace(harness.plan, ramp=RampPlan(rehearsal=True))
    harness.machine.restored()
    assert harness.buy("BTC/USDT", "0.1").phase == "live (rehearsal)"


def test_a_paper_phase_is_refused_while_orders_are_real() -> None:
    ramp = Ramp(phase="live", paper=False)
    ramp.mark(0)
    assert 'exchange.orders = "exchange"' in one(ramp.set_phase("dry_run"), CommandRefused).reason  # type: ignore[attr-defined]


def test_a_demotion_onto_the_wrong_exchange_holds_new_risk_back_until_they_agree() -> None:
    ramp = Ramp(phase="live", paper=False)
    ramp.mark(0)
    changed, halted = ramp.mark(1, 179_000.0)
    assert isinstance(changed, PhaseChanged)
    assert isinstance(halted, Halted)
    assert (halted.symbol, halted.mode, halted.trigger) == ("", "reducing", "phase")
    ramp.paper = True
    ramp.restart()
    assert [type(message) for message in ramp.mark(1.1)] == [Resumed]


# --- demotion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "nav", "after"),
    [
        ("scaled", 190_000.01, "scaled"),
        ("scaled", 190_000.0, "scaled"),
        ("scaled", 189_999.99, "live"),
        ("live", 180_000.0, "live"),
        ("live", 179_999.99, "dry_run"),
        ("dry_run", 100_000.0, "dry_run"),
    ],
)
def test_a_drawdown_past_the_phases_own_limit_brings_the_phase_before_it_back(
    phase: str, nav: float, after: str
) -> None:
    ramp = Ramp(phase=phase)
    ramp.mark(0, 200_000.0)
    made = ramp.mark(1, nav)
    assert ramp.phase == after
    assert len(made) == (phase != after)


def test_a_demotion_says_from_where_the_fall_was_measured() -> None:
    ramp = Ramp(phase="scaled")
    ramp.mark(0, 200_000.0)
    ramp.mark(1, 220_000.0)
    changed = one(ramp.mark(2, 207_900.0), PhaseChanged)
    assert isinstance(changed, PhaseChanged)
    assert changed.who == "risk"
    assert changed.reason == ("drawdown of 5.50% from the high-water mark of $220,000 since scaled began passes 5.00%")
    assert changed.scale == 1.0


def test_after_a_demotion_days_drawdown_and_sharpe_begin_anew_and_one_fall_demotes_once() -> None:
    ramp = Ramp(phase="live")
    ramp.mark(0)
    ramp.walk(1, 45)
    ramp.mark(45)
    ramp.approve("scaled")
    ramp.mark(45.1)
    assert one(ramp.mark(46, ramp.nav * 0.94), PhaseChanged).phase == "live"  # type: ignore[attr-defined]
    assert ramp.mark(46.1) == []
    evidence = ramp.machine.phases._history.evidence(ramp.machine.state.now_ns)
    assert (evidence.ramp_day, evidence.worst_drawdown, evidence.returns, evidence.breach_hours) == (15, 0.0, 0, 0)
    made = ramp.walk(47, 91)  # day 60 of the ramp comes again 45 days later
    assert made == []
    assert any(isinstance(message, PhaseProposed) for message in ramp.mark(91))


def test_a_fall_of_real_positions_demotes_through_the_whole_machine() -> None:
    harness = RiskHarness(scale=1.0)
    phases = (PhasePlan(name="small", scale=0.5), PhasePlan(name="live", scale=1.0, demote_over=0.002))
    harness.machine.state.plan = structs.replace(harness.plan, phases=phases)
    assert harness.snapshot.phase_since_ns
    harness.fill(harness.buy("BTC/USDT", "0.4"))
    harness.mark("BTC/USDT", 18_900.0)
    made = harness.pass_time(2)
    assert one(made, PhaseChanged).phase == "small"  # type: ignore[attr-defined]
    assert harness.snapshot.phase == "small"
    assert harness.machine.state.phase.scale == 0.5


def test_every_snapshot_says_what_the_phase_has_shown_up_to_then() -> None:
    harness = RiskHarness(scale=1.0)
    assert "0.0 days in live since 2022-12-01; drawdown 0.00 %, at worst 0.00 %" in harness.snapshot.phase_evidence
    harness.fill(harness.buy("BTC/USDT", "0.4"))
    harness.mark("BTC/USDT", 18_900.0)
    harness.pass_time(2)
    fallen = harness.snapshot
    assert fallen.phase_drawdown > 0.001
    shown = f"{fallen.phase_drawdown * 100:.2f} %"
    assert f"drawdown {shown}, at worst {shown}" in fallen.phase_evidence
    harness.mark("BTC/USDT", 20_600.0)
    harness.pass_time(2)
    assert f"drawdown 0.00 %, at worst {shown}" in harness.snapshot.phase_evidence


def test_a_snapshot_counts_the_days_and_the_hours_over_the_limit_of_now() -> None:
    ramp = Ramp(phase="live")
    ramp.time(0)
    [early] = [each for each in ramp.time(1.25) if isinstance(each, PortfolioMarked)]
    assert early.phase_evidence.startswith("day 16 of the ramp, 1.2 days in live since 2022-11-01; ")
    assert "heat over its limit in 0 hours; scaled waits for: day 16 of the ramp" in early.phase_evidence
    hot = structs.replace(early, heat=0.09)
    assert "heat over its limit in 1 hour; " in ramp.machine.phases.evidence_text(hot)
    ramp.machine.phases.take_snapshot(hot)
    assert "heat over its limit in 1 hour; " in ramp.machine.phases.evidence_text(hot)


# --- restarts ---------------------------------------------------------------------------------------------------------


def steps(ramp: Ramp) -> list[PhaseStep]:
    return [step for _, step in sorted(ramp.machine.records.rows(STEP, PhaseStep))]


def test_a_restart_keeps_phase_dates_evidence_and_history() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.mark(14)
    ramp.approve("live", reviews=2)
    ramp.mark(14.1)
    ramp.walk(15, 40)
    ramp.mark(39.6, ramp.nav * 0.97, heat=0.09)
    now_ns = ramp.machine.state.now_ns
    before, history = ramp.machine.phases._history.evidence(now_ns), steps(ramp)
    ramp.restart()
    assert ramp.phase == "live"
    ramp.mark(39.6)
    assert ramp.machine.phases._history.evidence(now_ns) == before
    assert steps(ramp) == history
    assert [step.what for step in history] == ["start", "proposed", "approved"]
    assert history[-1].evidence is not None
    assert history[-1].evidence.reviews == 2


def test_a_restart_does_not_propose_a_second_time() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.mark(14)
    ramp.restart()
    assert ramp.mark(14.1) == ramp.mark(15) == []


def test_the_phase_in_force_outlives_the_file_but_its_scale_is_the_files() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.set_phase("live")
    ramp.restart(phase="dry_run", phases=(DRY_RUN, structs.replace(LIVE, scale=0.8), SCALED))
    assert (ramp.phase, ramp.machine.state.phase.scale) == ("live", 0.8)


def test_the_history_of_steps_is_bounded() -> None:
    ramp = Ramp()
    ramp.mark(0)
    for _ in range(150):
        ramp.approve("scaled")
        ramp.set_phase("live")
    assert [sum((step.what == "refused") is refusal for step in steps(ramp)) for refusal in (True, False)] == [20, 80]


def test_refusals_do_not_push_the_history_of_the_ramp_out() -> None:
    ramp = Ramp()
    ramp.mark(0)
    ramp.set_phase("live")
    for _ in range(150):
        ramp.approve("dry_run")
    assert [step.what for step in steps(ramp)][:3] == ["start", "forced", "refused"]


def test_the_same_messages_give_the_same_ramp() -> None:
    def run() -> tuple[list[Message], dict[str, object]]:
        ramp = Ramp(phase="live")
        made = ramp.mark(0) + ramp.walk(1, 45) + ramp.mark(45) + ramp.approve("scaled") + ramp.mark(46, 1.0)
        return made, dict(ramp.machine.records.drain())

    assert run() == run()
