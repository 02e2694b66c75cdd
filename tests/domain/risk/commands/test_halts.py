"""HaltCommands' commands: halt, resume in one step or two, flatten; each answered, each surviving a restart."""

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
from tests.domain.risk.breakers.halting_desk import MINUTE_NS, feed_lost, halt_of, held, in_force, jump, only, restart
from tests.domain.risk.risk_desk import D, Desk
from tests.samples import T0

BIGGER = PhasePlan(name="scaled", scale=2.0)
KILLED = [("", "operator", "halted")]


def halt(desk: Desk, symbol: str = "", **changes: object) -> list[Message]:
    number = len(desk.made)
    return desk.handle(
        Halt(**{"id": f"h-{number}", "time_ns": desk.now_ns, "who": "ana", "reason": "odd", "symbol": symbol} | changes)  # type: ignore[arg-type]
    )


def resume(desk: Desk, symbol: str = "", confirm: str = "") -> Message:
    number = len(desk.made)
    [answer] = desk.handle(
        Resume(id=f"r-{number}", time_ns=desk.now_ns, who="ben", symbol=symbol, reason="fine", confirm=confirm)
    )
    return answer


def flatten(desk: Desk, symbol: str = "") -> list[Message]:
    return desk.handle(Flatten(id="fl-1", time_ns=desk.now_ns, who="ana", reason="enough", symbol=symbol))


def asked(desk: Desk, symbol: str = "") -> ResumeAsked:
    answer = resume(desk, symbol)
    assert isinstance(answer, ResumeAsked)
    return answer


def refusal(answer: Message) -> str:
    assert isinstance(answer, CommandRefused)
    return answer.reason


# --- halt -------------------------------------------------------------------------------------------------------------


def test_a_kill_cancels_every_open_entry_order_and_lets_nothing_new_in() -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    entries = [desk.buy("BTC/USDT", "0.1"), desk.buy("SOL/USDT", "10")]
    resting = desk.sell("ETH/USDT", "0.5")
    [halted, *cancels] = halt(desk)
    assert isinstance(halted, Halted)
    assert (halted.who, halted.reason, halted.cleared_by) == ("ana", "odd", "two_steps")
    assert [cancel.order_id for cancel in cancels if isinstance(cancel, CancelDecided)] == [
        order.order_id for order in entries
    ]
    assert resting.order_id not in [cancel.order_id for cancel in cancels]  # type: ignore[attr-defined]
    assert desk.buy("BTC/USDT", "0.1").binding == "halted"


def test_a_reducing_halt_leaves_entry_orders_open() -> None:
    desk = Desk()
    entry = desk.buy("BTC/USDT", "0.1")
    assert [type(message) for message in halt(desk, mode="reducing")] == [Halted]
    assert desk.machine.state.reservations.get(entry.order_id) is not None
    assert desk.buy("ETH/USDT", "1").binding == "halted"


def test_a_halted_pair_cancels_its_own_entries_only_and_ends_in_one_step() -> None:
    desk = Desk()
    entry = desk.buy("ETH/USDT", "1")
    desk.buy("BTC/USDT", "0.1")
    made = halt(desk, "ETH/USDT")
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    assert isinstance(resume(desk, "ETH/USDT"), Resumed)
    assert desk.buy("ETH/USDT", "1").verdict == "approve"


@pytest.mark.parametrize("mode", ["reducing", "halted"])
def test_under_a_halt_sells_cancels_and_raised_stops_pass(mode: str) -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    entry = desk.buy("BTC/USDT", "0.1")
    halt(desk, mode=mode)
    assert desk.sell("ETH/USDT", "1").verdict == "approve"
    [cancel] = desk.handle(CancelProposed(id="c", time_ns=desk.now_ns, order_id=entry.order_id))
    assert isinstance(cancel, CancelDecided)
    [stop] = desk.handle(StopRaised(id="s", time_ns=desk.now_ns, symbol="ETH/USDT", stop_price=D(1460)))
    assert isinstance(stop, StopApproved)


def test_a_halt_with_an_end_ends_by_time_to_the_nanosecond() -> None:
    desk = Desk()
    halt(desk, "ETH/USDT", until_ns=desk.now_ns + MINUTE_NS)
    desk.now_ns += MINUTE_NS - 1
    desk.pass_time(0)
    assert in_force(desk) != []
    desk.now_ns += 1
    [ended, *_] = desk.pass_time(0)
    assert isinstance(ended, Resumed)
    assert (ended.who, ended.reason, ended.held_ns) == ("risk", "the halt's time is over", MINUTE_NS)


def test_a_halt_survives_a_restart() -> None:
    desk = Desk()
    halt(desk)
    restart(desk)
    assert in_force(desk) == KILLED
    assert desk.buy("BTC/USDT", "0.1").binding == "halted"


def test_commands_that_change_nothing_say_why() -> None:
    desk = Desk()
    assert "'DOGE/USDT' is not in the universe" in refusal(halt(desk, "DOGE/USDT")[0])
    assert "has passed" in refusal(halt(desk, until_ns=1)[0])
    halt(desk)
    assert refusal(halt(desk)[0]) == "the portfolio is halted already, by ana: odd"
    assert refusal(resume(desk, "ETH/USDT")) == "ETH/USDT is not halted by itself, the portfolio is; leave the pair out"
    assert refusal(resume(Desk())) == "the portfolio is not halted"


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
    desk = Desk()
    halt(desk)
    first = asked(desk)
    assert (first.trigger, first.who, first.until_ns) == ("operator", "ben", desk.now_ns + MINUTE_NS)
    assert in_force(desk) == KILLED
    ended = resume(desk, confirm=first.confirm)
    assert isinstance(ended, Resumed)
    assert (ended.who, ended.reason, ended.symbol) == ("ben", "fine", "")
    assert in_force(desk) == []


@pytest.mark.parametrize(("seconds", "ends"), [(59.0, True), (60.0, True), (60.001, False)])
def test_a_code_is_good_for_a_minute_of_wall_time(seconds: float, ends: bool) -> None:
    desk = Desk(speed=60.0)
    halt(desk)
    code = asked(desk).confirm
    desk.pass_time(seconds * 60.0)
    answer = resume(desk, confirm=code)
    assert isinstance(answer, Resumed) is ends
    if not ends:
        assert "too old" in refusal(answer)


def test_a_code_that_is_wrong_used_or_of_another_scope_ends_nothing() -> None:
    desk = Desk()
    halt(desk)
    assert "nobody asked" in refusal(resume(desk, confirm="12345678"))
    code = asked(desk).confirm
    assert "another one" in refusal(resume(desk, confirm="12345678"))
    resume(desk, confirm=code)
    halt(desk)
    assert "nobody asked" in refusal(resume(desk, confirm=code))
    assert in_force(desk) == KILLED


def test_a_code_does_not_end_a_halt_that_came_after_it_was_given() -> None:
    desk = Desk(breakers=only("market_shock"))
    halt(desk)
    code = asked(desk).confirm
    jump(desk, "BTC/USDT", 18_000.0)
    assert "halts have changed" in refusal(resume(desk, confirm=code))
    assert len(in_force(desk)) == 2
    again = asked(desk).confirm
    answers = desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ben", reason="seen", confirm=again))
    assert sorted(answer.trigger for answer in answers) == ["market_shock", "operator"]  # type: ignore[attr-defined]
    assert in_force(desk) == []


def test_a_code_stays_good_over_a_restart() -> None:
    desk = Desk()
    halt(desk)
    code = asked(desk).confirm
    restart(desk)
    assert isinstance(resume(desk, confirm=code), Resumed)


def test_a_resume_leaves_what_ends_by_its_condition() -> None:
    desk = Desk(breakers=only("feed"))
    halt(desk, "ETH/USDT")
    feed_lost(desk, "marks", "ETH/USDT")
    resume(desk, "ETH/USDT")
    assert in_force(desk) == [("ETH/USDT", "feed", "halted")]


def test_an_operator_may_end_a_cool_down() -> None:
    desk = Desk(breakers=only("gap"))
    jump(desk, "ETH/USDT", 1300.0)
    assert halt_of(desk, "ETH/USDT", "gap").cleared_by == "time"
    assert isinstance(resume(desk, "ETH/USDT"), Resumed)


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
    desk = Desk()
    desk.machine.state.plan = desk.plan = structs.replace(desk.plan, phases=(*desk.plan.phases, BIGGER))
    halt(desk)
    [answer] = desk.handle(structs.replace(command, **unsigned))
    assert refusal(answer).startswith(words)
    assert in_force(desk) == KILLED
    assert not isinstance(desk.handle(command)[0], CommandRefused)


def test_the_second_step_of_a_resume_says_why_as_well() -> None:
    desk = Desk()
    halt(desk)
    code = asked(desk).confirm
    [answer] = desk.handle(Resume(id="r", time_ns=desk.now_ns, who="ana", confirm=code))
    assert "says nothing" in refusal(answer)
    assert isinstance(resume(desk, confirm=code), Resumed)


def test_a_halt_is_never_refused_for_want_of_a_reason() -> None:
    desk = Desk()
    [halted] = halt(desk, who=" ", reason=" ")
    assert isinstance(halted, Halted)
    assert (halted.who, halted.reason) == ("nobody named", "no reason given")
    assert in_force(desk) == KILLED


def test_a_flattening_is_never_refused_for_want_of_a_reason() -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    entry = desk.buy("BTC/USDT", "0.1")
    [cancel, sale] = desk.handle(Flatten(id="f", time_ns=desk.now_ns, who=" ", reason=""))
    assert isinstance(cancel, CancelDecided)
    assert (cancel.order_id, cancel.reason) == (entry.order_id, "flatten: no reason given")
    assert isinstance(sale, OrderProposed)


# --- flatten ----------------------------------------------------------------------------------------------------------


def test_flatten_cancels_entries_and_proposes_to_sell_every_position_through_the_gate() -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    held(desk, "SOL/USDT", "10", 29.0)
    entry = desk.buy("BTC/USDT", "0.1")
    halt(desk, mode="reducing")
    made = flatten(desk)
    assert [message.order_id for message in made if isinstance(message, CancelDecided)] == [entry.order_id]
    sales = [message for message in made if isinstance(message, OrderProposed)]
    assert {(sale.symbol, sale.quantity, sale.side, sale.order_type, sale.reduce_only) for sale in sales} == {
        ("ETH/USDT", D(1), "sell", "market", True),
        ("SOL/USDT", D(10), "sell", "market", True),
    }
    for sale in sales:
        [decided] = desk.handle(sale)
        assert isinstance(decided, OrderDecided)
        assert decided.verdict == "approve"
        desk.fill(decided)
    assert desk.machine.state.ledger.positions() == []


def test_flatten_of_a_pair_sells_that_pair_only() -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    held(desk, "SOL/USDT", "10", 29.0)
    [sale] = flatten(desk, "ETH/USDT")
    assert isinstance(sale, OrderProposed)
    assert sale.symbol == "ETH/USDT"


@pytest.mark.parametrize("restarted", [False, True])
def test_flatten_waits_for_resting_sells_to_be_cancelled_and_sells_the_rest_then(restarted: bool) -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "3", 1450.0)
    resting = desk.sell("ETH/USDT", "2", order_type="limit", limit_price=D(1600))
    [cancel, sale] = flatten(desk, "ETH/USDT")
    assert isinstance(cancel, CancelDecided)
    assert isinstance(sale, OrderProposed)
    assert (cancel.order_id, sale.quantity) == (resting.order_id, D(1))
    [decided] = desk.handle(sale)
    assert isinstance(decided, OrderDecided)
    desk.fill(decided)
    if restarted:
        restart(desk)
    before = len(desk.made)
    desk.close(resting, "cancelled")
    [rest] = desk.made[before:]
    assert isinstance(rest, OrderProposed)
    assert (rest.quantity, rest.id) != (D(1), sale.id)
    assert rest.quantity == D(2)


def test_flatten_with_nothing_held_says_so() -> None:
    [answer] = flatten(Desk())
    assert refusal(answer) == "nothing is held or on order in the portfolio"


def test_flatten_works_with_stale_marks_under_a_kill() -> None:
    desk = Desk()
    held(desk, "ETH/USDT", "1", 1450.0)
    halt(desk)
    desk.pass_time(3600)
    [sale] = flatten(desk)
    [decided] = desk.handle(sale)
    assert isinstance(decided, OrderDecided)
    assert (decided.verdict, decided.quantity_approved) == ("approve", D(1))
