"""What the client does step by step, told what a server says: no server is needed to hear its refusals."""

from typing import Any

import pytest
from heatsink_client import messages, wire
from heatsink_client.answers import Answer, Verdict
from heatsink_client.connection import reason_of
from heatsink_client.desk import Desk
from heatsink_client.errors import GateError
from heatsink_client.looking import check
from heatsink_client.proposing import answer_to, ask_for, propose
from heatsink_client.reporting import Report, report_id
from heatsink_client.steps import Calls, LostError, Operation, Pause, Place
from redis.exceptions import AuthenticationError, NoPermissionError, ResponseError

from shared.adapters.codec import encode
from shared.messages.orders import OrderDecided
from tests.samples import decision

ORDER = messages.OrderProposed(
    id="mine-1", time_ns=0, symbol="BTC/USDT", side="buy", quantity=wire.amount("quantity", "0.5"), strategy="donchian",
    stop_price=wire.amount("stop_price", 19500),
)  # fmt: skip
EMPTY: list[Any] = [[], None]  # no end of a stream, no stored verdict
NO_FUNCTION = ResponseError("Function not found")


def decided(**changes: Any) -> bytes:
    verdict: OrderDecided = decision("mine-1", **changes)
    return encode(verdict)


def replies(operation: Operation[Any], *says: Any) -> tuple[Any, list[str]]:
    """The result, when the server says this in turn, and the commands that were sent. An exception breaks the line."""
    sent, said = [], list(says)
    try:
        step = next(operation)
        while True:
            if isinstance(step, Pause):
                step = operation.send(None)
                continue
            assert isinstance(step, Calls)
            sent.append(" ".join(str(command[0]) for command in step.commands))
            answer = said.pop(0)
            step = operation.throw(answer) if isinstance(answer, LostError) else operation.send(answer)
    except StopIteration as done:
        assert said == []
        return done.value, sent


def entries(*bodies: bytes) -> list[Any]:
    return [
        [[b"hs:{main}:orders:decided", [(f"{number}-0".encode(), {b"m": b}) for number, b in enumerate(bodies, 1)]]]
    ]


def place() -> Place:
    return Place("main", "ana")


def verdict_when(*says: Any, seconds: float = 60.0) -> tuple[Verdict, list[str]]:
    return replies(propose(place(), ORDER, seconds), *says)


def test_a_server_with_the_function_is_asked_by_it_and_names_the_client() -> None:
    operation = propose(place(), ORDER, 60.0)
    assert isinstance(next(operation), Calls)
    step = operation.send(EMPTY)
    assert isinstance(step, Calls)
    [command] = step.commands
    assert command[:5] == ("FCALL", "hs_propose", 2, "hs:{main}:orders:proposed", "hs:{main}:clients:ana")
    assert wire.unpack(command[5]) == ORDER


@pytest.mark.parametrize("code", ["NAME", "SIZE", "MALFORMED", "CLIENTS", "QUOTA"])
def test_what_the_function_refuses_is_refused_with_its_reason(code: str) -> None:
    verdict, sent = verdict_when(EMPTY, [ResponseError(f"{code} client ana has 1000 proposals waiting")])
    assert (verdict.verdict, verdict.code) == ("refused", code.lower())
    assert verdict.reason == "client ana has 1000 proposals waiting"
    assert sent == ["XREVRANGE GET", "FCALL"]


def test_the_verdict_of_an_order_that_comes_again_may_come_with_the_reply() -> None:
    verdict, sent = verdict_when(EMPTY, [[b"DECIDED", decided(quantity_requested=ORDER.quantity)]])
    assert (verdict.verdict, len(sent)) == ("trim", 2)


@pytest.mark.parametrize(
    "error", ["Function not found", "unknown command 'FCALL', with args", "User x has no permissions to run 'fcall'"]
)
def test_without_the_function_it_is_sent_by_xadd(error: str) -> None:
    here = place()
    found = entries(decided(quantity_requested=ORDER.quantity))
    verdict, sent = replies(propose(here, ORDER, 60.0), EMPTY, [ResponseError(error)], [b"1-0"], found)
    assert verdict.verdict == "trim"
    assert sent == ["XREVRANGE GET", "FCALL", "XADD", "XREAD"]
    assert here.missing == {"proposed"}, "it is not tried for every order"


def test_a_user_who_may_not_propose_is_told_so() -> None:
    verdict, _ = verdict_when(EMPTY, [NO_FUNCTION], [ResponseError("No permissions to access a key")])
    assert (verdict.verdict, verdict.code) == ("refused", "not_allowed")
    assert verdict.reason == "the user in the address may not write as client 'ana': No permissions to access a key"


def test_a_user_is_told_that_the_portfolio_is_not_his() -> None:
    with pytest.raises(GateError, match=r"may not read portfolio 'main': No permissions .* heatsink url prints it"):
        replies(check(place()), [1, NoPermissionError("No permissions to access a key"), 0, 0, None])


def test_a_user_who_may_not_read_verdicts_is_told_so_and_sends_nothing() -> None:
    verdict, sent = verdict_when([NoPermissionError("No permissions to access a key"), None])
    assert (verdict.verdict, verdict.code, verdict.arrived) == ("refused", "not_allowed", "yes")
    assert verdict.reason.startswith("the user in the address may not read portfolio 'main': No permissions")
    assert sent == ["XREVRANGE GET"]


@pytest.mark.parametrize("seconds", [60.0, 1e9])
def test_whoever_may_not_read_on_hears_it_at_once_and_asks_no_more(seconds: float) -> None:
    denied = NoPermissionError("User ana has no permissions to run the 'xread' command")
    verdict, sent = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], [denied], seconds=seconds)
    assert (verdict.verdict, verdict.arrived, sent) == ("unknown", "yes", ["XREVRANGE GET", "FCALL", "XREAD"])
    assert verdict.reason.startswith("the user in the address may not read portfolio 'main': User ana has no")


def test_a_gate_is_not_entered_where_its_answers_may_not_be_read() -> None:
    with pytest.raises(GateError, match=r"may not read portfolio 'main': No permissions .* heatsink url prints it"):
        replies(check(place()), [1, 1, 1, 1, NoPermissionError("No permissions to run xread")])


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), "", "soon", True])
def test_what_is_no_number_is_refused_or_raised_by_name(odd: Any) -> None:
    desk = Desk("redis://127.0.0.1:1/0", portfolio="main", client="", strategy="mine", timeout=5.0, key="")
    order: dict[str, Any] = dict.fromkeys(
        ("stop_price", "limit_price", "expires_ns", "timeout", "because")
    ) | {"id": "odd-1", "strategy": "", "reduce_only": False}  # fmt: skip
    for field in ("stop_price", "limit_price", "expires_ns", "timeout"):
        verdict, sent = replies(desk.propose("BTC/USDT", "buy", "0.5", **(order | {field: odd})))
        assert (verdict.verdict, verdict.code, verdict.field, sent) == ("refused", "malformed", field, [])
    about: dict[str, Any] = {"venue_order_id": "", "time_ns": 0, "timeout": None}
    for field in ("time_ns", "timeout"):
        answer, _ = replies(desk.report_placed("odd-1", "BTC/USDT", "1", None, **(about | {field: odd})))
        assert (answer.outcome, answer.field, answer.id[:7]) == ("refused", field, "placed-")
    answer, _ = replies(desk.report_placed("odd-1", "BTC/USDT", "1", odd, **about))
    assert answer.field == "price"
    assert replies(desk.cancel("odd-1", "", odd))[0].field == "timeout"
    assert replies(desk.raise_stop("BTC/USDT", "9", None, odd))[0].field == "timeout"
    [room], _ = replies(desk.room("BTC/USDT", stop_price=None, limit_price=odd, strategy="", timeout=None))
    assert (room.is_known, room.code) == (False, "malformed")
    for ask in (desk.portfolio, desk.halts, desk.market_ns, lambda given: desk.verdict_of("odd-1", given)):
        with pytest.raises(GateError, match="is no time: give seconds"):
            replies(ask(odd))
    with pytest.raises(GateError, match=r"timeout: .* is no time"):
        Desk("redis://127.0.0.1:1/0", portfolio="main", client="", strategy="mine", timeout=odd, key="")


def test_whoever_is_not_let_in_hears_what_prints_an_address() -> None:
    assert reason_of(AuthenticationError("Authentication required.")) == (
        "Authentication required; heatsink url prints an address with a name and a password that it takes"
    )


@pytest.mark.parametrize("error", ["LOADING Redis is loading", "READONLY You can't write", "OOM command not allowed"])
def test_what_passes_is_tried_again_and_never_taken_for_an_answer(error: str) -> None:
    found = entries(decided(quantity_requested=ORDER.quantity))
    verdict, sent = verdict_when(EMPTY, [ResponseError(error)], EMPTY, [None], [[b"QUEUED", b"1-0"]], found)
    assert verdict.verdict == "trim"
    assert sent.count("FCALL") == 2


def test_an_order_is_said_to_have_arrived_only_as_far_as_that_is_known() -> None:
    lost = LostError("cut")
    never, _ = verdict_when(lost, seconds=0.0)
    perhaps, _ = verdict_when(EMPTY, lost, seconds=0.0)
    surely, _ = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], seconds=0.0)
    assert [each.arrived for each in (never, perhaps, surely)] == ["no", "maybe", "yes"]
    assert {each.verdict for each in (never, perhaps, surely)} == {"unknown"}


def test_a_verdict_on_another_order_under_the_id_is_not_taken_for_ones_own() -> None:
    theirs = decided(quantity_requested=wire.amount("quantity", 7))
    refused = encode_refusal("other_body")
    verdict, _ = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], entries(theirs, refused), [theirs])
    assert (verdict.verdict, verdict.code) == ("refused", "other_body")


def test_that_somebody_else_used_the_id_later_does_not_cost_the_own_verdict() -> None:
    mine = decided(quantity_requested=ORDER.quantity)
    verdict, _ = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], entries(encode_refusal("other_body")), [mine])
    assert verdict.verdict == "trim"


def test_bytes_of_somebody_else_that_could_not_be_read_are_not_taken_for_ones_own() -> None:
    theirs, mine = encode_refusal("malformed", entry="9-9"), encode_refusal("malformed", entry="1-0")
    verdict, sent = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], entries(theirs), entries(mine))
    assert (verdict.code, sent.count("XREAD")) == ("malformed", 2)


@pytest.mark.parametrize("entry", ["", "1-0"])
def test_what_another_client_sent_under_the_id_is_not_taken_for_ones_own(entry: str) -> None:
    """Not even where its entry, in the other queue, has the same id."""
    theirs = encode_refusal("not_signed", entry=entry, source="hs:{main}:clients:careful")
    mine = decided(quantity_requested=ORDER.quantity)
    verdict, sent = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], entries(theirs), entries(mine))
    assert (verdict.verdict, sent.count("XREAD")) == ("trim", 2)


def test_the_refusal_of_what_stood_in_ones_own_queue_counts() -> None:
    own = encode_refusal("malformed", source="hs:{main}:clients:ana")
    verdict, _ = verdict_when(EMPTY, [[b"QUEUED", b"1-0"]], entries(own))
    assert (verdict.verdict, verdict.code) == ("refused", "malformed")


def test_a_cancel_that_is_sent_again_reads_from_before_it_was_sent_first() -> None:
    cancel = messages.CancelProposed(id="cancel-1", time_ns=0, order_id="mine-1")
    taken = wire.pack(messages.CancelDecided(id="c", time_ns=0, cause="cancel-1", order_id="mine-1", symbol="BTC/USDT"))
    end = [[(b"5-0", {})]]
    answer, sent = replies(ask_for(place(), cancel, 60.0), [[]], LostError("cut"), end, entries(taken))
    assert answer
    assert sent == ["XREVRANGE", "FCALL", "XREVRANGE", "XREAD"], "it is not even sent again"


def test_a_report_that_was_taken_before_counts_as_taken() -> None:
    name = report_id("fill", "mine-1", "t-1")
    assert name == report_id("fill", "mine-1", "t-1") != report_id("fill", "mine-1", "t-2")
    fill = messages.FillReported(
        id=name, time_ns=0, symbol="BTC/USDT", order_id="mine-1", trade_id="t-1", side="buy",
        quantity=wire.amount("", 1), price=wire.amount("", 1), fee_usdt=wire.amount("", 0),
    )  # fmt: skip

    outcomes = []
    for code in ("repeated", "oversold"):
        found = entries(report_refused(name, code))
        answer, sent = replies(answer_to(Report(place(), fill), 60.0), [[]], [[b"QUEUED", b"1-0"]], found)
        assert isinstance(answer, Answer)
        assert sent == ["XREVRANGE", "FCALL", "XREAD"]
        outcomes.append((answer.outcome, answer.code))
    assert outcomes == [("taken", "repeated"), ("refused", "oversold")]


def report_refused(cause: str, code: str, client: str = "ana") -> bytes:
    return wire.pack(
        messages.ReportRefused(
            id="r", time_ns=0, cause=cause, order_id="mine-1", symbol="BTC/USDT", what="FillReported", code=code,
            field="trade_id", reason="it was booked before", client=client,
        )
    )  # fmt: skip


STOP = messages.StopReported(
    id="s-1", time_ns=0, symbol="BTC/USDT", stop_price=wire.amount("", 19500), quantity=wire.amount("", 1)
)
CLOSED = messages.ClosedReported(
    id="c-1", time_ns=0, symbol="BTC/USDT", order_id="mine-1", ending="cancelled", quantity_filled=wire.amount("", 0)
)


def test_a_report_goes_into_the_queue_of_its_client_and_by_xadd_where_there_is_none() -> None:
    operation = answer_to(Report(place(), STOP), 60.0)
    next(operation)
    step = operation.send([[]])
    assert isinstance(step, Calls)
    [command] = step.commands
    assert command[:5] == ("FCALL", "hs_report", 2, "hs:{main}:orders:reported", "hs:{main}:reports:ana")
    here, found = place(), entries(report_refused("s-1", "repeated", client=""))
    answer, sent = replies(answer_to(Report(here, STOP), 60.0), [[]], [NO_FUNCTION], [b"1-0"], found)
    assert (answer.outcome, sent) == ("taken", ["XREVRANGE", "FCALL", "XADD", "XREAD"])
    assert here.missing == {"reported"}, "what an older server has is used on"


def test_what_another_client_did_under_the_id_of_a_report_is_not_its_answer() -> None:
    """Ids of reports can be guessed: they follow from what is reported."""

    def closed(order_id: str, symbol: str) -> bytes:
        return wire.pack(
            messages.OrderClosed(
                id="x", time_ns=0, cause="c-1", order_id=order_id, symbol=symbol, ending="cancelled",
                quantity_filled=wire.amount("", 0),
            )
        )  # fmt: skip

    theirs = (report_refused("c-1", "foreign_order", "bob"), closed("other", "BTC/USDT"), closed("mine-1", "ETH/USDT"))
    found = entries(*theirs, closed("mine-1", "BTC/USDT"))
    answer, _ = replies(answer_to(Report(place(), CLOSED), 60.0), [[]], [[b"QUEUED", b"1-0"]], found)
    assert answer
    assert (answer.message.order_id, answer.message.symbol) == ("mine-1", "BTC/USDT")
    answer, _ = replies(answer_to(Report(place(), CLOSED), 0.0), [[]], [[b"QUEUED", b"1-0"]])
    assert answer.outcome == "unknown"


def encode_refusal(code: str, **changes: Any) -> bytes:
    fields = {"id": "r", "time_ns": 0, "cause": "mine-1", "order_id": "mine-1", "symbol": "BTC/USDT"} | changes
    return wire.pack(messages.ProposalRefused(what="OrderProposed", code=code, field="quantity", reason="no", **fields))
