"""Operators' commands: halt, resume in one step or two, flatten; each answered, each surviving a restart."""

import pytest
from msgspec import structs

from shared.domain.machine import Records
from shared.domain.plan import PhasePlan
from shared.domain.risk.state.halts import HALT_RECORDS, Halts, NewHalt
from shared.messages.base import Message, TimePassed
from shared.messages.control import ApprovePhase, Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.halts import Halted, ResumeAsked, Resumed
from shared.messages.orders import CancelDecided, CancelProposed, OrderDecided, OrderProposed, StopApproved, StopRaised
from shared.messages.portfolio import CommandRefused
from tests.domain.risk.breakers.halt_scenes import MINUTE_NS, feed_lost, halt_of, held, in_force, jump, only, restart
from tests.domain.risk.risk_harness import D, RiskHarness
from tests.samples import T0

BIGGER = PhasePlan(name="scaled", scale=2.0)
KILLED = [("", "operator", "halted")]


def halt(harness: RiskHarness, symbol: str = "", **changes: object) -> list[Message]:
    number = len(harness.made)
    return harness.handle(
        Halt(
            **{"id": f"h-{number}", "time_ns": harness.now_ns, "who": "ana", "reason": "odd", "symbol": symbol}
            | changes
        )  # type: ignore[arg-type]
    )


def resume(harness: RiskHarness, symbol: str = "", confirm: str = "") -> Message:
    number = len(harness.made)
    [answer] = harness.handle(
        Resume(id=f"r-{number}", time_ns=harness.now_ns, who="ben", symbol=symbol, reason="fine", confirm=confirm)
    )
    return answer


def flatten(harness: RiskHarness, symbol: str = "") -> list[Message]:
    return harness.handle(Flatten(id="fl-1", time_ns=harness.now_ns, who="ana", reason="enough", symbol=symbol))


def asked(harness: RiskHarness, symbol: str = "") -> ResumeAsked:
    answer = resume(harness, symbol)
    assert isinstance(answer, ResumeAsked)
    return answer


def refusal(answer: Message) -> str:
    assert isinstance(answer, CommandRefused)
    return answer.reason


# --- halt -------------------------------------------------------------------------------------------------------------


def test_a_kill_cancels_every_open_entry_order_and_lets_nothing_new_in() -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    entries = [harness.buy("BTC/USDT", "0.1"), harness.buy("SOL/USDT", "10")]
    resting = harness.sell("ETH/USDT", "0.5")
    [halted, *cancels] = halt(harness)
    assert isinstance(halted, Halted)
    assert (halted.who, halted.reason, halted.cleared_by) == ("ana", "odd", "two_steps")
    assert [cancel.order_id for cancel in cancels if isinstance(cancel, CancelDecided)] == [
        order.order_id for order in entries
    ]
    assert resting.order_id not in [cancel.order_id for cancel in cancels]  # type: ignore[attr-defined]
    assert harness.buy("BTC/USDT", "0.1").binding == "halted"


def test_a_reducing_halt_leaves_entry_orders_open() -> None:
    harness = RiskHarness()
    entry = harness.buy("BTC/USDT", "0.1")
    assert [type(message) for message in halt(harness, mode="reducing")] == [Halted]
    assert harness.machine.state.reservations.get(entry.order_id) is not None
    assert harness.buy("ETH/USDT", "1").binding == "halted"


def test_a_halted_pair_cancels_its_own_entries_only_and_ends_in_one_step() -> None:
    harness = RiskHarness()
    entry = harness.buy("ETH/USDT", "1")
    harness.buy("BTC/USDT", "0.1")
    made = halt(harness, "ETH/USDT")
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    assert isinstance(resume(harness, "ETH/USDT"), Resumed)
    assert harness.buy("ETH/USDT", "1").verdict == "approve"


@pytest.mark.parametrize("mode", ["reducing", "halted"])
def test_under_a_halt_sells_cancels_and_raised_stops_pass(mode: str) -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    entry = harness.buy("BTC/USDT", "0.1")
    halt(harness, mode=mode)
    assert harness.sell("ETH/USDT", "1").verdict == "approve"
    [cancel] = harness.handle(CancelProposed(id="c", time_ns=harness.now_ns, order_id=entry.order_id))
    assert isinstance(cancel, CancelDecided)
    [stop] = harness.handle(StopRaised(id="s", time_ns=harness.now_ns, symbol="ETH/USDT", stop_price=D(1460)))
    assert isinstance(stop, StopApproved)


def test_a_halt_with_an_end_ends_by_time_to_the_nanosecond() -> None:
    harness = RiskHarness()
    halt(harness, "ETH/USDT", until_ns=harness.now_ns + MINUTE_NS)
    harness.now_ns += MINUTE_NS - 1
    harness.pass_time(0)
    assert in_force(harness) != []
    harness.now_ns += 1
    [ended, *_] = harness.pass_time(0)
    assert isinstance(ended, Resumed)
    assert (ended.who, ended.reason, ended.held_ns) == ("risk", "the halt's time is over", MINUTE_NS)


def test_a_halt_survives_a_restart() -> None:
    harness = RiskHarness()
    halt(harness)
    restart(harness)
    assert in_force(harness) == KILLED
    assert harness.buy("BTC/USDT", "0.1").binding == "halted"


def test_commands_that_change_nothing_say_why() -> None:
    harness = RiskHarness()
    assert "'DOGE/USDT' is not in the universe" in refusal(halt(harness, "DOGE/USDT")[0])
    assert "has passed" in refusal(halt(harness, until_ns=harness.now_ns - 1)[0])
    halt(harness)
    assert refusal(halt(harness)[0]) == "the portfolio is halted already, by ana: odd"
    assert (
        refusal(resume(harness, "ETH/USDT")) == "ETH/USDT is not halted by itself, the portfolio is; leave the pair out"
    )
    assert refusal(resume(RiskHarness())) == "the portfolio is not halted"


# --- renewal ----------------------------------------------------------------------------------------------------------


def begin(halts: Halts, at: int, **changes: object) -> bool:
    cause = TimePassed(id=f"t-{at}", time_ns=T0 + at)
    return bool(halts.begin(cause, NewHalt(**{"symbol": "", "trigger": "operator", "reason": "why"} | changes)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second", "renews", "mode", "until_ns"),
    [
        ({"until_ns": T0 + 50}, {"until_ns": T0 + 90}, True, "reducing", T0 + 90),
        ({"until_ns": T0 + 90}, {"until_ns": T0 + 50}, False, "reducing", T0 + 90),
        ({"until_ns": T0 + 90}, {}, True, "reducing", 0),
        ({}, {"until_ns": T0 + 90}, False, "reducing", 0),
        ({}, {"mode": "halted", "until_ns": T0 + 90}, True, "halted", 0),
        ({"mode": "halted", "until_ns": T0 + 50}, {"until_ns": T0 + 90}, True, "halted", T0 + 90),
        ({"mode": "halted"}, {}, False, "halted", 0),
    ],
)
def test_a_renewed_halt_never_ends_earlier_or_becomes_milder(
    first: dict[str, object], second: dict[str, object], renews: bool, mode: str, until_ns: int
) -> None:
    halts = Halts(Records(HALT_RECORDS))
    assert begin(halts, 1, **first)
    assert begin(halts, 2, **second) is renews
    [halt] = halts.all()
    assert (halt.mode, halt.until_ns, halt.since_ns) == (mode, until_ns, T0 + 1)


def test_a_renewed_kill_still_takes_two_steps() -> None:
    halts = Halts(Records(HALT_RECORDS))
    begin(halts, 1, mode="halted", cleared_by="two_steps", until_ns=T0 + 50)
    begin(halts, 2, cleared_by="operator")
    assert halts.all()[0].cleared_by == "two_steps"


# --- resume -----------------------------------------------------------------------------------------------------------


def test_a_kill_is_resumed_in_two_steps() -> None:
    harness = RiskHarness()
    halt(harness)
    first = asked(harness)
    assert (first.trigger, first.who, first.until_ns) == ("operator", "ben", harness.now_ns + MINUTE_NS)
    assert in_force(harness) == KILLED
    ended = resume(harness, confirm=first.confirm)
    assert isinstance(ended, Resumed)
    assert (ended.who, ended.reason, ended.symbol) == ("ben", "fine", "")
    assert in_force(harness) == []


@pytest.mark.parametrize(("seconds", "ends"), [(59.0, True), (60.0, True), (60.001, False)])
def test_a_code_is_good_for_a_minute_of_wall_time(seconds: float, ends: bool) -> None:
    harness = RiskHarness(speed=60.0)
    halt(harness)
    code = asked(harness).confirm
    harness.pass_time(seconds * 60.0)
    answer = resume(harness, confirm=code)
    assert isinstance(answer, Resumed) is ends
    if not ends:
        assert "too old" in refusal(answer)


def test_a_code_that_is_wrong_used_or_of_another_scope_ends_nothing() -> None:
    harness = RiskHarness()
    halt(harness)
    assert "nobody asked" in refusal(resume(harness, confirm="12345678"))
    code = asked(harness).confirm
    assert "another one" in refusal(resume(harness, confirm="12345678"))
    resume(harness, confirm=code)
    halt(harness)
    assert "nobody asked" in refusal(resume(harness, confirm=code))
    assert in_force(harness) == KILLED


def test_a_code_does_not_end_a_halt_that_came_after_it_was_given() -> None:
    harness = RiskHarness(breakers=only("market_shock"))
    halt(harness)
    code = asked(harness).confirm
    jump(harness, "BTC/USDT", 18_000.0)
    assert "halts have changed" in refusal(resume(harness, confirm=code))
    assert len(in_force(harness)) == 2
    again = asked(harness).confirm
    answers = harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ben", reason="seen", confirm=again))
    assert sorted(answer.trigger for answer in answers) == ["market_shock", "operator"]  # type: ignore[attr-defined]
    assert in_force(harness) == []


def test_a_code_stays_good_over_a_restart() -> None:
    harness = RiskHarness()
    halt(harness)
    code = asked(harness).confirm
    restart(harness)
    assert isinstance(resume(harness, confirm=code), Resumed)


def test_a_resume_leaves_what_ends_by_its_condition() -> None:
    harness = RiskHarness(breakers=only("feed"))
    halt(harness, "ETH/USDT")
    feed_lost(harness, "marks", "ETH/USDT")
    resume(harness, "ETH/USDT")
    assert in_force(harness) == [("ETH/USDT", "feed", "halted")]


def test_an_operator_may_end_a_cool_down() -> None:
    harness = RiskHarness(breakers=only("gap"))
    jump(harness, "ETH/USDT", 1300.0)
    assert halt_of(harness, "ETH/USDT", "gap").cleared_by == "time"
    assert isinstance(resume(harness, "ETH/USDT"), Resumed)


# --- who and why ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("unsigned", "words"),
    [
        ({"reason": ""}, 'reason = "" says nothing; say why'),
        ({"reason": " "}, 'reason = " " says nothing; say why'),
        ({"who": " "}, 'who = " " names nobody; say at whose word'),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        Resume(id="c", time_ns=T0, who="ana", reason="fine"),
        SetLimits(id="c", time_ns=T0, who="ana", reason="fine", limits={"heat": 0.5}),
        SetPhase(id="c", time_ns=T0, who="ana", reason="fine", phase="live"),
        ApprovePhase(id="c", time_ns=T0, who="ana", reason="fine", phase="scaled"),
    ],
)
def test_what_may_add_risk_is_refused_without_who_and_why(
    command: Message, unsigned: dict[str, str], words: str
) -> None:
    harness = RiskHarness()
    harness.machine.state.plan = harness.plan = structs.replace(harness.plan, phases=(*harness.plan.phases, BIGGER))
    halt(harness)
    [answer] = harness.handle(structs.replace(command, **unsigned))
    assert refusal(answer).startswith(words)
    assert in_force(harness) == KILLED
    assert not isinstance(harness.handle(command)[0], CommandRefused)


def test_the_second_step_of_a_resume_says_why_as_well() -> None:
    harness = RiskHarness()
    halt(harness)
    code = asked(harness).confirm
    [answer] = harness.handle(Resume(id="r", time_ns=harness.now_ns, who="ana", confirm=code))
    assert "says nothing" in refusal(answer)
    assert isinstance(resume(harness, confirm=code), Resumed)


def test_a_halt_is_never_refused_for_want_of_a_reason() -> None:
    harness = RiskHarness()
    [halted] = halt(harness, who=" ", reason=" ")
    assert isinstance(halted, Halted)
    assert (halted.who, halted.reason) == ("nobody named", "no reason given")
    assert in_force(harness) == KILLED


def test_a_flattening_is_never_refused_for_want_of_a_reason() -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    entry = harness.buy("BTC/USDT", "0.1")
    [cancel, sale] = harness.handle(Flatten(id="f", time_ns=harness.now_ns, who=" ", reason=""))
    assert isinstance(cancel, CancelDecided)
    assert (cancel.order_id, cancel.reason) == (entry.order_id, "flatten: no reason given")
    assert isinstance(sale, OrderProposed)


# --- flatten ----------------------------------------------------------------------------------------------------------


def test_flatten_cancels_entries_and_proposes_to_sell_every_position_through_the_gate() -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    held(harness, "SOL/USDT", "10", 29.0)
    entry = harness.buy("BTC/USDT", "0.1")
    halt(harness, mode="reducing")
    made = flatten(harness)
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    sales = [message for message in made if isinstance(message, OrderProposed)]
    assert {(sale.symbol, sale.quantity, sale.side, sale.order_type, sale.reduce_only) for sale in sales} == {
        ("ETH/USDT", D(1), "sell", "market", True),
        ("SOL/USDT", D(10), "sell", "market", True),
    }
    for sale in sales:
        [decided] = harness.handle(sale)
        assert isinstance(decided, OrderDecided)
        assert decided.verdict == "approve"
        harness.fill(decided)
    assert harness.machine.state.ledger.positions() == []


def test_flatten_of_a_pair_sells_that_pair_only() -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    held(harness, "SOL/USDT", "10", 29.0)
    [sale] = flatten(harness, "ETH/USDT")
    assert isinstance(sale, OrderProposed)
    assert sale.symbol == "ETH/USDT"


@pytest.mark.parametrize("restarted", [False, True])
def test_flatten_waits_for_resting_sells_to_be_cancelled_and_sells_the_rest_then(restarted: bool) -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "3", 1450.0)
    resting = harness.sell("ETH/USDT", "2", order_type="limit", limit_price=D(1600))
    [cancel, sale] = flatten(harness, "ETH/USDT")
    assert isinstance(cancel, CancelDecided)
    assert isinstance(sale, OrderProposed)
    assert (cancel.order_id, sale.quantity) == (resting.order_id, D(1))
    [decided] = harness.handle(sale)
    assert isinstance(decided, OrderDecided)
    harness.fill(decided)
    if restarted:
        restart(harness)
    before = len(harness.made)
    harness.close(resting, "cancelled")
    [rest] = harness.made[before:]
    assert isinstance(rest, OrderProposed)
    assert (rest.quantity, rest.id) != (D(1), sale.id)
    assert rest.quantity == D(2)


def test_flatten_with_nothing_held_says_so() -> None:
    [answer] = flatten(RiskHarness())
    assert refusal(answer) == "nothing is held or on order in the portfolio"
    assert isinstance(answer, CommandRefused)
    assert answer.nothing_to_do


def test_flatten_works_with_stale_marks_under_a_kill() -> None:
    harness = RiskHarness()
    held(harness, "ETH/USDT", "1", 1450.0)
    halt(harness)
    harness.pass_time(3600)
    [sale] = flatten(harness)
    [decided] = harness.handle(sale)
    assert isinstance(decided, OrderDecided)
    assert (decided.verdict, decided.quantity_approved) == ("approve", D(1))
