"""Whatever can be read, this machine takes it: it raises on nothing, and all that it says fits on the wire."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.codec import decode, encode, encode_for_wire
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, PAIRS, REPORTED
from shared.messages.dead_letter import MessageRefused, UnreadableReceived
from tests.domain.execution.client.client_rig import ETH, ClientRig, refused
from tests.examples import examples
from tests.extremes import extremes

KINDS = (*REPORTED.messages, *DECIDED.messages, *PAIRS.messages)


def middle_of_a_life() -> tuple[ClientRig, dict[str, list[object]]]:
    """One ETH with its stop, an order of which a part is filled, and one of which nothing is known."""
    rig = ClientRig()
    rig.fill(rig.buy(quantity="0.2"))
    rig.stop("1425", "0.2")
    partly = rig.buy(quantity="0.2")
    rig.fill(partly, "0.1", trade_id="t-known")
    sale = rig.sell(quantity="0.1")
    now_ns = rig.gate.now_ns
    return rig, {
        "order_id": [partly.order_id, sale.order_id, rig.stop_id()],
        "symbol": [ETH],
        "trade_id": ["t-known"],
        "quantity": [Decimal("0.1")],
        "price": [Decimal(1_500)],
        "time_ns": [0, now_ns],
        "expires_ns": [now_ns + 1],
    }


def take(rig: ClientRig, message: Message) -> None:
    for made in rig.machine.handle(message):
        if not isinstance(made, MessageRefused):  # which the host completes
            assert decode(encode_for_wire(made)) == made
    for row in rig.machine.records.drain().values():
        assert row is None or encode(row)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_any_extreme_of_any_field(kind: type[Message]) -> None:
    rig, known = middle_of_a_life()
    for message in extremes(kind, known):
        take(rig, message)
        rig.pass_time(1)


@given(st.data())
@examples(50)
def test_any_sequence_of_extremes(data: st.DataObject) -> None:
    rig, known = middle_of_a_life()
    for _ in range(data.draw(st.integers(1, 12))):
        kind = data.draw(st.sampled_from(KINDS))
        take(rig, data.draw(st.sampled_from(extremes(kind, known))))
    rig.restart()
    rig.pass_time(100)


@pytest.mark.parametrize(("what", "symbol", "halts"), [
    ("FillReported", ETH, True), ("FillReported", "NOBODY/USDT", False), ("StopReported", ETH, False), ("", "", False),
])  # fmt: skip
def test_bytes_that_are_no_report_are_answered_and_may_have_been_a_trade(what: str, symbol: str, halts: bool) -> None:
    rig = ClientRig()
    parts = {"id": "r-1", "type": what, "symbol": symbol, "order_id": "mine-1", "trade_id": "7"}
    received = UnreadableReceived(
        id="u", time_ns=rig.gate.now_ns, topic="reported", source="hs:{main}:orders:reported", entry="1-0",
        field="$.quantity", reason="Expected `str`, got `float`", parts=parts,
    )  # fmt: skip
    answer = refused(rig.take(received))
    assert (answer.code, answer.field, answer.halts) == ("malformed", "quantity", halts)
    assert (answer.cause, answer.order_id, answer.trade_id) == ("r-1", "mine-1", "7")
    assert rig.halts() == (["false_fill"] if halts else [])
