"""A report counts where it is its sender's to make, and does harm to its sender alone. Senders are told by queues."""

from decimal import Decimal
from typing import Any

import pytest

from shared.messages.base import Message
from shared.messages.dead_letter import UnreadableReceived
from shared.messages.orders import OrderClosed, OrderFilled, OrderPlaced, StopPlaced
from shared.messages.reports import ReportAwaited, ReportRefused
from tests.domain.execution.client.client_rig import BTC, ETH, REPORT_SECONDS, ClientRig, only, refused

D = Decimal
TAKEN = (OrderPlaced, OrderFilled, OrderClosed, StopPlaced)


def state_of(rig: ClientRig) -> Any:
    """All that must stay as it is: the gate's books, and what execution waits for."""
    orders = list(rig.machine.state.store.orders())
    return rig.books(), orders, [(symbol, rig.halts(symbol)) for symbol in (ETH, BTC)]


def traded() -> ClientRig:
    """``mine`` holds 1 ETH with its stop, and has one more on order; ``bob`` holds BTC."""
    rig = ClientRig()
    rig.fill(rig.buy(ETH, "1"), trade_id="t-mine")
    rig.stop()
    rig.fill(rig.buy(BTC, "0.01", client="bob"), trade_id="t-bob")
    return rig


# --- another's orders, stops and pairs --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "attack",
    [
        lambda rig, order: rig.place(order, client="bob"),
        lambda rig, order: rig.fill(order, client="bob"),
        lambda rig, order: rig.fill(order, "1000", client="bob"),
        lambda rig, order: rig.fill(order, client="bob", price=D("0.01")),
        lambda rig, order: rig.fill(order, client="bob", side="sell"),
        lambda rig, order: rig.fill(order, client="bob", symbol=BTC),
        lambda rig, order: rig.fill(order, client="bob", time_ns=1),
        lambda rig, order: rig.close(order, "0", client="bob"),
        lambda rig, order: rig.close(order, "7", client="bob"),
        lambda rig, order: rig.stop(client="bob"),
        lambda rig, order: rig.stop("1000", client="bob"),
        lambda rig, order: rig.stop("1425", "0.1", client="bob"),
        lambda rig, order: rig.stop(working=False, client="bob"),
        lambda rig, order: rig.stop_fill(client="bob"),
        lambda rig, order: rig.stop_fill("1000", client="bob"),
    ],
)
def test_what_a_client_reports_of_anothers_order_or_stop_is_refused_to_it_alone(attack: Any) -> None:
    rig = traded()
    order = rig.buy(ETH, "1")
    before = state_of(rig)
    answer = refused(attack(rig, order))
    assert (answer.code, answer.field, answer.halts, answer.client) == ("foreign_order", "client", False, "bob")
    assert "nothing was booked" in answer.reason
    assert state_of(rig) == before


@pytest.mark.parametrize(
    ("code", "attack"),
    [
        ("unknown_order", lambda rig, own: rig.fill(own, client="bob", order_id="never", symbol=ETH)),
        ("unknown_order", lambda rig, own: rig.place(own, client="bob", order_id="never", symbol=ETH)),
        ("other_body", lambda rig, own: rig.fill(own, client="bob", order_id="never", symbol=ETH, trade_id="t-mine")),
        ("foreign_order", lambda rig, own: rig.stop_fill("9", client="bob", symbol=ETH)),
    ],
)
def test_a_misfit_report_halts_no_pair_in_which_others_alone_trade(code: str, attack: Any) -> None:
    rig = traded()
    own = rig.buy(BTC, "0.01", client="bob")
    before = state_of(rig)
    answer = refused(attack(rig, own))
    assert (answer.code, answer.halts) == (code, False)
    assert state_of(rig) == before


def test_a_pair_that_nobody_has_traded_is_not_halted_by_a_stranger_to_it() -> None:
    rig = ClientRig()
    own = rig.buy(BTC, "0.01", client="bob")
    answer = refused(rig.fill(own, client="bob", order_id="never", symbol=ETH))
    assert (answer.code, answer.halts, rig.halts(ETH), rig.halts(BTC)) == ("unknown_order", False, [], [])
    assert len(rig.letters) == 1, "it is set aside all the same, for somebody to look"


def test_what_does_not_fit_of_ones_own_halts_ones_own_pair() -> None:
    rig = traded()
    own = rig.buy(BTC, "0.01", client="bob")
    answer = refused(rig.fill(own, "7", client="bob"))
    assert (answer.code, answer.halts) == ("too_much", True)
    assert (rig.halts(BTC), rig.halts(ETH)) == (["false_fill"], [])


def test_an_own_order_reported_as_one_of_anothers_pair_halts_its_own_pair_only() -> None:
    rig = traded()
    own = rig.buy(BTC, "0.01", client="bob")
    answer = refused(rig.fill(own, client="bob", symbol=ETH))
    assert (answer.code, answer.halts, answer.symbol) == ("other_pair", True, BTC)
    assert (rig.halts(BTC), rig.halts(ETH)) == (["false_fill"], [])


@pytest.mark.parametrize(
    "parts", [{"symbol": ETH}, {"symbol": BTC, "order_id": "mine-order"}, {"symbol": ETH, "client": "mine"}]
)
def test_bytes_that_cannot_be_read_halt_nothing_of_anothers(parts: dict[str, str]) -> None:
    rig = traded()
    order = rig.buy(ETH, "1")
    told = {"type": "FillReported", "id": "x"} | parts
    if "order_id" in parts:
        told["order_id"] = order.order_id
    before = state_of(rig)
    answer = refused(rig.take(unreadable("hs:{main}:reports:bob", told)))
    assert (answer.code, answer.halts, answer.client) == ("malformed", False, "bob")
    assert state_of(rig) == before
    assert refused(rig.take(unreadable("hs:{main}:reports:mine", told | {"symbol": ETH}))).halts
    assert rig.halts(ETH) == ["false_fill"]


def unreadable(source: str, parts: dict[str, str]) -> UnreadableReceived:
    return UnreadableReceived(
        id=f"u-{source}", time_ns=1, topic="reported", source=source, entry="1-0", field="$.price", reason="odd",
        parts=parts,
    )  # fmt: skip


def test_an_order_that_execution_has_not_heard_of_yet_halts_nothing_once_the_gate_knows_it() -> None:
    """Whoever guesses the ids of others may report of them before their verdicts arrive."""
    rig = traded()
    order = rig.gate.buy(ETH, "1", stop=1_425, strategy="mine", client="mine", id="next-1")
    early = rig.fill_of(order, symbol=BTC, client="bob")
    answer = refused(rig.take(early))
    assert (answer.order_id, answer.halts) == ("next-1", True)
    assert (rig.halts(BTC), rig.halts(ETH)) == (["false_fill"], []), "its own pair, and nothing else"


def test_a_sale_that_was_approved_to_a_client_who_bought_nothing_of_it_is_not_booked() -> None:
    rig = traded()
    before = rig.books()
    sale = rig.sell(ETH, "1", client="bob")
    assert sale.quantity_approved == 1
    answer = refused(rig.fill(sale, client="bob"))
    assert (answer.code, answer.halts, rig.books()) == ("foreign_order", False, before)
    rig.close(sale, "0", client="bob")
    rig.fill(rig.buy(ETH, "0.5", client="bob"), client="bob")
    only(OrderFilled, rig.fill(rig.sell(ETH, "0.5", client="bob"), client="bob"))


def test_whoever_owes_a_report_closes_the_gate_for_itself_alone() -> None:
    rig = traded()
    rig.stop("19000", "0.01", symbol=BTC, client="bob")
    owed = rig.buy(BTC, "0.01", client="bob")
    rig.fill(owed, client="mine")
    rig.pass_time(REPORT_SECONDS + 30)
    rig.mark(ETH, 1_500.0)
    rig.mark(BTC, 20_000.0)
    assert rig.buy(BTC, "0.01", client="bob", strategy="mine").binding == "execution_acknowledged"
    assert rig.buy(ETH, "0.1", client="mine", strategy="mine").verdict == "approve"


def test_a_flood_of_one_client_takes_no_answer_from_another() -> None:
    rig = traded()
    own = rig.buy(BTC, "0.01", client="bob")
    answered = sum(
        bool(rig.machine.handle(rig.fill_of(own, client="bob", symbol=ETH, order_id="no"))) for _ in range(1_500)
    )
    assert answered < 1_500
    assert refused(rig.stop("1425", "1", client="mine")).code == "repeated"


# --- orders that no client proposed -----------------------------------------------------------------------------------


def test_an_order_that_no_client_proposed_is_that_of_who_reports_of_it_first() -> None:
    rig = ClientRig()
    order = rig.buy(ETH, "1", client="")
    assert only(ReportAwaited, rig.gate.told).client == "mine", "until then, that of its strategy"
    only(OrderFilled, rig.fill(order, "0.4", client="ana"))
    assert refused(rig.fill(order, "0.6", client="bob")).code == "foreign_order"
    rig.restart()
    assert refused(rig.fill(order, "0.6", client="bob")).code == "foreign_order"
    assert refused(rig.stop("1425", "0.4", client="bob")).code == "foreign_order"
    only(StopPlaced, rig.stop("1425", "0.4", client="ana"))
    only(OrderFilled, rig.fill(order, "0.6", client="ana"))
    assert rig.halts(ETH) == []


def test_a_sale_of_nobodys_is_that_of_who_holds_the_pair() -> None:
    rig = traded()
    sale = rig.sell(ETH, "1", client="", strategy="operator")
    assert refused(rig.fill(sale, client="bob")).code == "foreign_order"
    only(OrderFilled, rig.fill(sale, client="mine"))


@pytest.mark.parametrize("client", ["", "mine"])
def test_where_nobody_vouches_for_senders_all_is_as_it_was(client: str) -> None:
    """A server without users, and reports by XADD on the stream of all."""
    rig = ClientRig()
    order = rig.buy(ETH, "1", client=client)
    made: list[Message] = [*rig.place(order), *rig.fill(order), *rig.stop()]
    assert [type(each) for each in made if isinstance(each, TAKEN)] == [
        OrderPlaced,
        OrderFilled,
        OrderClosed,
        StopPlaced,
    ]
    answer = refused(rig.fill(order, order_id="never", symbol=BTC))
    assert (answer.code, answer.halts, answer.client, rig.halts(BTC)) == ("unknown_order", True, "", ["false_fill"])
    assert not [each for each in made if isinstance(each, ReportRefused)]
