"""A position that a client holds already comes in: its client protects and sells it, as what was bought by an order."""

from decimal import Decimal
from typing import Any

from shared.messages.base import Message
from shared.messages.control import ImportPositions, PositionToImport
from shared.messages.orders import ImportDecided, OrderFilled, StopPlaced
from shared.messages.reports import ReportAwaited
from tests.domain.execution.client.client_rig import ETH, STOP_SECONDS, ClientRig, only, refused

D = Decimal


def imported(**changes: Any) -> tuple[ClientRig, list[Message]]:
    """Two ETH of the client ``mine`` come in, under a stop at 1,425; and what execution says to it."""
    rig = ClientRig(**changes)
    command = ImportPositions(
        id="i", time_ns=rig.gate.now_ns, who="ana", reason="moved here", client="mine",
        positions=(PositionToImport(symbol=ETH, quantity=D(2), stop=D(1_425)),),
    )  # fmt: skip
    told = [each for each in rig.gate.handle(command) if isinstance(each, ImportDecided)]
    return rig, [each for message in told for each in rig.take(message)]


def test_its_client_is_asked_to_report_the_stop_and_then_it_rests() -> None:
    rig, made = imported()
    awaited = only(ReportAwaited, made)
    assert (awaited.client, awaited.what, awaited.stop_price, awaited.quantity) == ("mine", "stop", 1_425, 2)
    placed = only(StopPlaced, rig.stop("1425", "2"))
    assert placed.order_id == awaited.order_id
    rig.pass_time(STOP_SECONDS + 5)
    assert rig.halts() == []
    assert rig.books()[1][0].stop == 1_425


def test_without_a_report_of_its_stop_all_of_it_is_at_risk_and_the_pair_halts() -> None:
    rig, _ = imported()
    for _ in range(3):
        rig.pass_time(STOP_SECONDS + 5)
    assert rig.halts() == ["unprotected"]
    assert rig.books()[1][0].stop is None


def test_its_stop_sells_it() -> None:
    rig, _ = imported()
    rig.stop("1425", "2")
    fill = only(OrderFilled, rig.stop_fill("2", "1424"))
    assert (fill.stop, fill.quantity) == (True, 2)
    assert rig.books()[1] == []


def test_its_client_sells_it_by_an_order_and_nobody_else_does() -> None:
    rig, _ = imported()
    rig.stop("1425", "2")
    order = rig.sell(quantity="2")
    assert refused(rig.fill(order, client="another")).code == "foreign_order"
    rig.fill(order, client="mine")
    assert rig.books()[1] == []


def test_an_import_that_is_heard_twice_brings_nothing_back_and_survives_a_restart() -> None:
    rig, _ = imported()
    rig.stop("1425", "2")
    rig.restart()
    assert rig.books()[1][0].quantity == 2
    rig.stop_fill("2", "1424")
    again = [each for each in rig.gate.made if isinstance(each, ImportDecided)]
    assert [made for each in again for made in rig.take(each)] == []
    assert rig.books()[1] == []
