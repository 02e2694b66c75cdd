"""Whoever sends something that leads to no verdict hears so, where verdicts are heard; and foreign units are named."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from shared.adapters.codec import decode, encode
from shared.domain.answer_budget import BURST, PER_SECOND
from shared.messages.ask import RoomAnswered, RoomAsked
from shared.messages.base import Message
from shared.messages.control import ApprovePhase, Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.halts import Halted
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderDecided,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopRaised,
)
from shared.messages.portfolio import CommandRefused, LimitsChanged
from tests.domain.risk.risk_harness import RiskHarness
from tests.samples import T0, D, proposal

MS = 1_000_000


def refusal(harness: RiskHarness, message: Message) -> ProposalRefused:
    [made] = harness.handle(message)
    assert isinstance(made, ProposalRefused)
    assert decode(encode(made)) == made
    return made


def unreadable(topic: str, **parts: str) -> UnreadableReceived:
    return UnreadableReceived(
        id="u-1", time_ns=T0, topic=topic, source="hs:somewhere", entry="1-0", field="$.quantity",
        reason='expected a decimal string such as "0.25", got 0.1', parts=parts,
    )  # fmt: skip


# --- what was read ----------------------------------------------------------------------------------------------------


def test_a_cancel_of_an_unknown_order_is_answered_under_its_id() -> None:
    told = refusal(RiskHarness(), CancelProposed(id="c-1", time_ns=0, order_id="nope"))
    assert (told.cause, told.order_id, told.code, told.field) == ("c-1", "nope", "unknown_order", "order_id")
    assert "order_id nope is no open order: no order of this id is known" in told.reason


def test_a_cancel_of_a_finished_order_is_answered_as_such() -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.1")
    harness.fill(decided)
    told = refusal(harness, CancelProposed(id="c-1", time_ns=0, order_id=decided.order_id))
    assert "it is finished, or was rejected" in told.reason


def test_a_raised_stop_for_nothing_held_and_a_lower_one_are_answered() -> None:
    harness = RiskHarness()
    raised = StopRaised(id="r-1", time_ns=0, symbol="BTC/USDT", stop_price=D(19_500))
    told = refusal(harness, raised)
    assert (told.cause, told.symbol, told.code) == ("r-1", "BTC/USDT", "nothing_held")
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_800))
    told = refusal(harness, structs.replace(raised, id="r-2"))
    assert (told.code, told.field) == ("lower_stop", "stop_price")
    assert told.reason == "stop_price 19500 is not above the stop of 19800: stops only rise"


def test_a_stop_that_passed_and_comes_again_is_told_so_but_not_for_a_position_that_was_bought_since() -> None:
    risk = RiskHarness()
    risk.fill(risk.buy("BTC/USDT", "0.01"))
    raised = StopRaised(id="r-1", time_ns=0, symbol="BTC/USDT", stop_price=D(19_800))
    [first] = risk.handle(raised)
    assert isinstance(first, StopApproved)
    assert risk.handle(raised) == [first]
    risk.fill(risk.sell("BTC/USDT", "0.01"))
    [told] = risk.handle(raised)
    assert isinstance(told, ProposalRefused)
    assert told.code == "nothing_held"
    risk.fill(risk.buy("BTC/USDT", "0.01"))
    [anew] = risk.handle(raised)
    assert isinstance(anew, StopApproved)
    assert risk.machine.state.ledger.position("BTC/USDT").stop_approved == D(19_800)  # type: ignore[union-attr]


def test_a_stop_passes_below_the_price_only_for_at_it_or_above_it_would_sell_at_once() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_800))
    for number, price in enumerate(("20000", "20000.01", "30000", "2000000")):
        told = refusal(harness, StopRaised(id=f"r-{number}", time_ns=0, symbol="BTC/USDT", stop_price=D(price)))
        assert (told.code, told.field) == ("stop_above_price", "stop_price")
        assert told.reason.startswith(f"stop_price {price} is not below the price of 20000, and would sell at once")
    [approved] = harness.handle(StopRaised(id="r", time_ns=0, symbol="BTC/USDT", stop_price=D("19999.99")))
    assert isinstance(approved, StopApproved)


def test_an_old_price_still_bounds_a_raised_stop() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1", stop=19_800))
    harness.pass_time(3_600)
    told = refusal(harness, StopRaised(id="r-1", time_ns=0, symbol="BTC/USDT", stop_price=D(2_000_000)))
    assert told.code == "stop_above_price"


@pytest.mark.parametrize(
    "message",
    [
        CancelProposed(id="x", time_ns=0, order_id="o-1", portfolio="other"),
        StopRaised(id="x", time_ns=0, symbol="BTC/USDT", stop_price=D(1), portfolio="other"),
    ],
)
def test_what_names_another_portfolio_is_answered(message: Message) -> None:
    assert refusal(RiskHarness(), message).reason == "portfolio 'other': this is 'main'; send it on its own stream"


ANOTHER: dict[str, object] = {
    "symbol": "ETH/USDT", "side": "sell", "quantity": D(3), "order_type": "limit", "limit_price": D(5),
    "stop_price": None, "strategy": "another", "reduce_only": True,
}  # fmt: skip


@pytest.mark.parametrize("field", ANOTHER)
@pytest.mark.parametrize("after_restart", [False, True])
def test_an_id_with_another_body_is_told_and_the_first_verdict_stands(field: str, *, after_restart: bool) -> None:
    harness = RiskHarness()
    order = proposal("o-9", time_ns=harness.now_ns)
    [first] = harness.handle(order)
    assert isinstance(first, OrderDecided)
    if after_restart:
        harness = RiskHarness()
        harness.machine.remember(first)
    told = refusal(harness, structs.replace(order, **{field: ANOTHER[field]}))
    assert (told.order_id, told.code, told.field) == ("o-9", "other_body", field)
    assert "that verdict stands" in told.reason
    assert harness.machine.take_repeats() == ["o-9"]  # so it is published again as well


@pytest.mark.parametrize(
    ("wrong", "mended", "code"),
    [
        ({"portfolio": "other"}, {"portfolio": ""}, "invalid"),
        ({"time_ns": T0 // MS}, {"time_ns": T0}, "invalid"),
        ({"symbol": "FOO/USDT"}, {"symbol": "BTC/USDT"}, "pair_off"),
    ],
)
def test_an_order_with_what_other_messages_are_refused_for_is_rejected_and_keeps_its_id(
    wrong: dict[str, object], mended: dict[str, object], code: str
) -> None:
    harness = RiskHarness()
    order = structs.replace(proposal("o-9", time_ns=harness.now_ns), **wrong)
    [decided] = harness.handle(order)
    assert isinstance(decided, OrderDecided)
    assert (decided.verdict, decided.code) == ("reject", code)
    told = harness.handle(structs.replace(order, **mended))
    assert [type(each) for each in told] == ([ProposalRefused] if "symbol" in mended else [])
    assert harness.machine.take_repeats() == ["o-9"]
    [second] = harness.handle(structs.replace(order, id="o-10", **mended))
    assert isinstance(second, OrderDecided)
    assert second.verdict != "reject"


@given(st.sampled_from(["buy", "sell"]), st.booleans(), st.integers(0, 9), st.booleans())
def test_a_repeat_with_another_time_or_a_later_expiry_is_the_same_order(
    side: str,
    reduce_only: bool,
    later: int,
    after_restart: bool,
) -> None:
    harness = RiskHarness()
    order = proposal("o-9", time_ns=harness.now_ns, side=side, reduce_only=reduce_only)
    [first] = harness.handle(order)
    assert isinstance(first, OrderDecided)
    if after_restart:
        harness.machine.remember(first)
    again = structs.replace(order, time_ns=order.time_ns + later, expires_ns=harness.now_ns + later, trace="t")
    assert harness.handle(again) == []
    assert harness.machine.take_repeats() == ["o-9"]


# --- what could not be read -------------------------------------------------------------------------------------------


def test_a_malformed_proposal_is_answered_with_the_id_and_its_id_stays_free() -> None:
    harness = RiskHarness()
    told = refusal(harness, unreadable("proposed", type="OrderProposed", id="o-1", symbol="BTC/USDT"))
    assert (told.cause, told.order_id, told.symbol, told.code, told.field) == (
        "o-1", "o-1", "BTC/USDT", "malformed", "quantity",
    )  # fmt: skip
    assert told.reason == 'quantity: expected a decimal string such as "0.25", got 0.1'
    assert (told.source, told.entry) == ("hs:somewhere", "1-0")
    [decided] = harness.handle(proposal("o-1", quantity=D("0.01")))
    assert isinstance(decided, OrderDecided)
    assert decided.verdict == "approve"


def test_a_malformed_cancel_is_answered_under_the_order_that_it_meant() -> None:
    told = refusal(RiskHarness(), unreadable("proposed", type="CancelProposed", id="c-1", order_id="o-7"))
    assert (told.cause, told.order_id) == ("c-1", "o-7")


def test_a_malformed_command_is_answered_as_a_refused_command() -> None:
    [told] = RiskHarness().handle(unreadable("control", type="Halt", id="h-1"))
    assert isinstance(told, CommandRefused)
    assert (told.cause, told.command, told.who) == ("h-1", "Halt", "nobody who could be read")
    assert decode(encode(told)) == told


def test_a_malformed_question_is_answered_where_it_says() -> None:
    [told] = RiskHarness().handle(unreadable("ask", type="RoomAsked", id="q-1", reply_to="hs:mine:answers"))
    assert isinstance(told, RoomAnswered)
    assert (told.cause, told.reply_to, told.rooms) == ("q-1", "hs:mine:answers", ())
    assert "decimal string" in told.reason
    assert RiskHarness().handle(unreadable("ask", type="RoomAsked", id="q-1")) == []


PARTS = st.dictionaries(st.sampled_from(["type", "id", "order_id", "symbol", "who", "reply_to", "trace"]),
                        st.text(min_size=1, max_size=96))  # fmt: skip


@given(st.sampled_from(["proposed", "control", "ask", "marks", ""]), PARTS)
def test_whatever_could_be_told_of_it_the_answer_can_be_read(topic: str, parts: dict[str, str]) -> None:
    for message in RiskHarness().handle(unreadable(topic, **parts)):
        assert decode(encode(message)) == message


def test_a_flood_is_answered_up_to_a_bound_and_the_next_answer_says_how_many_were_not() -> None:
    harness = RiskHarness()
    made = [each for number in range(3 * BURST) for each in harness.handle(_cancel(number))]
    assert len(made) == BURST
    harness.pass_time(1)
    after = [each for number in range(50) for each in harness.handle(_cancel(number))]
    assert len(after) == PER_SECOND
    assert isinstance(after[0], ProposalRefused)
    assert after[0].unanswered == 2 * BURST


def _cancel(number: int) -> CancelProposed:
    return CancelProposed(id=f"c-{number}", time_ns=0, order_id="nope")


# --- foreign units ----------------------------------------------------------------------------------------------------


def ms(harness: RiskHarness) -> int:
    """Now, as JavaScript's ``Date.now()`` would say it."""
    return harness.now_ns // MS


@pytest.mark.parametrize("field", ["time_ns", "expires_ns"])
def test_a_purchase_with_a_time_in_milliseconds_is_rejected_with_the_remedy(field: str) -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.01", **{field: ms(harness)})
    assert (decided.verdict, decided.code) == ("reject", "invalid")
    assert decided.reason.startswith(f"{field} {ms(harness)} looks like milliseconds; nanoseconds are needed")


def test_a_purchase_that_expires_before_its_own_time_is_rejected() -> None:
    harness = RiskHarness()
    decided = harness.buy("BTC/USDT", "0.01", time_ns=harness.now_ns + 2_000, expires_ns=harness.now_ns + 1_000)
    assert decided.verdict == "reject"
    assert "before the message's own time_ns" in decided.reason


def test_an_expired_sell_in_milliseconds_is_told_the_remedy() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    assert "looks like milliseconds" in harness.sell("BTC/USDT", "0.1", expires_ns=ms(harness)).reason


@pytest.mark.parametrize("factor", [1, 1_000, MS, 1_000_000_000])
def test_what_reduces_risk_passes_whatever_its_time_says_and_goes_on_with_the_right_one(factor: int) -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    resting = harness.buy("ETH/USDT", "0.1")
    time_ns = harness.now_ns // factor
    made = [
        *harness.handle(proposal("s-1", side="sell", stop_price=None, time_ns=time_ns, quantity=D("0.05"))),
        *harness.handle(StopRaised(id="r-1", time_ns=time_ns, symbol="BTC/USDT", stop_price=D(19_500))),
        *harness.handle(CancelProposed(id="c-1", time_ns=time_ns, order_id=resting.order_id)),
    ]
    assert [type(each) for each in made] == [OrderDecided, StopApproved, CancelDecided]
    assert {each.time_ns for each in made} == {harness.now_ns}
    assert isinstance(made[0], OrderDecided)
    assert made[0].verdict == "approve"


def test_a_question_with_a_time_in_milliseconds_is_answered_with_the_remedy() -> None:
    harness = RiskHarness()
    [told] = harness.handle(RoomAsked(id="q", time_ns=ms(harness), reply_to="hs:mine", symbol="BTC/USDT"))
    assert isinstance(told, RoomAnswered)
    assert told.rooms == ()
    assert "looks like milliseconds" in told.reason


SIGNED: dict[str, str] = {"who": "ana", "reason": "why"}


@pytest.mark.parametrize(
    "command",
    [
        Resume(id="x", time_ns=1, **SIGNED),
        SetLimits(id="x", time_ns=1, limits={"heat": 0.06}, **SIGNED),
        SetPhase(id="x", time_ns=1, phase="live", **SIGNED),
        ApprovePhase(id="x", time_ns=1, phase="live", **SIGNED),
    ],
)
def test_a_command_that_lets_risk_in_is_refused_with_a_time_in_milliseconds(command: Message) -> None:
    harness = RiskHarness()
    [told] = harness.handle(structs.replace(command, time_ns=ms(harness)))
    assert isinstance(told, CommandRefused)
    assert "looks like milliseconds" in told.reason
    assert told.time_ns == harness.now_ns


def test_a_halt_and_a_flattening_are_carried_out_whatever_their_time_says() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy("BTC/USDT", "0.1"))
    [halted] = harness.handle(Halt(id="h", time_ns=ms(harness), **SIGNED))
    assert isinstance(halted, Halted)
    assert halted.time_ns == halted.since_ns == harness.now_ns
    [sale] = harness.handle(Flatten(id="f", time_ns=ms(harness), **SIGNED))
    assert isinstance(sale, OrderProposed)
    assert sale.time_ns == harness.now_ns


def test_a_halt_with_an_end_in_milliseconds_begins_without_an_end_and_says_so() -> None:
    harness = RiskHarness()
    [halted] = harness.handle(Halt(id="h", time_ns=0, until_ns=ms(harness) + 3_600_000, **SIGNED))
    assert isinstance(halted, Halted)
    assert halted.until_ns == 0
    assert "looks like milliseconds" in halted.reason
    harness.pass_time(7_200)
    assert harness.machine.state.halts.get("", "operator") == halted


def test_a_command_takes_effect_when_it_is_read() -> None:
    """Limits and phases of a time to come kept everybody from the next ones until then."""
    harness = RiskHarness()
    [changed] = harness.handle(SetLimits(id="l", time_ns=harness.now_ns + 10**12, limits={"heat": 0.06}, **SIGNED))
    assert isinstance(changed, LimitsChanged)
    assert changed.time_ns == harness.now_ns


def test_amounts_in_an_answer_are_those_that_were_sent() -> None:
    harness = RiskHarness()
    harness.handle(proposal("o-9", quantity=Decimal("0.10"), time_ns=harness.now_ns))
    told = refusal(harness, proposal("o-9", quantity=Decimal("0.30"), time_ns=harness.now_ns))
    assert told.reason.startswith("quantity is 0.30, but order o-9 was decided as one with 0.10;")
    told = refusal(harness, proposal("o-9", quantity=Decimal("1E-8"), time_ns=harness.now_ns))
    assert told.reason.startswith("quantity is 0.00000001, but order o-9")
