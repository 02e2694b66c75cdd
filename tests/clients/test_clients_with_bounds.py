"""Two clients with bounds, by the Python client, beside a real server and a real risk service."""

import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from heatsink_client import Gate

from tests.clients.gate_harness import ROOT, RunningGate, running_gate
from tests.clients.test_node_gate import NodeGate
from tests.e2e.test_node_client import installed
from tests.shipped import SHIPPED

pytestmark = pytest.mark.processes

CLIENTS = """
[clients.ana]
heat = 0.01
[clients.bob]
strategies = ["mine"]
pairs = ["ETH/USDT"]
may = ["orders", "cancels", "questions"]
orders_per_second = 3
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    folder = Path(shutil.copytree(SHIPPED, tmp_path_factory.mktemp("bounds") / "config"))
    (folder / "stack.toml").write_text((folder / "stack.toml").read_text() + CLIENTS)
    with running_gate(tmp_path_factory.mktemp("gate"), settings={"HEATSINK_CONFIG_DIR": str(folder)}) as gate:
        yield gate


@pytest.fixture
def ana(running: RunningGate) -> Iterator[Gate]:
    with Gate(running.url, client="ana", strategy="mine") as gate:
        yield gate


@pytest.fixture
def bob(running: RunningGate) -> Iterator[Gate]:
    with Gate(running.url, client="bob", strategy="mine") as gate:
        yield gate


def test_what_is_none_of_a_clients_is_a_verdict_and_others_have_theirs(ana: Gate, bob: Gate) -> None:
    refused = bob.propose("BTC/USDT", "buy", "0.1", stop_price=99)
    assert (refused.verdict, refused.code, refused.binding) == ("reject", "not_allowed", "client_bounds")
    assert "symbol BTC/USDT is none of client bob: use one of these, or add it to clients.bob.pairs" in refused.reason
    verdict = ana.propose("BTC/USDT", "buy", "0.1", stop_price=99)
    assert verdict
    assert verdict.decided is not None
    assert verdict.decided.client == "ana"
    assert bob.propose("ETH/USDT", "buy", "0.1", stop_price=99)


def test_who_is_not_registered_hears_so(running: RunningGate) -> None:
    with Gate(running.url, strategy="mine") as nobody:
        refused = nobody.propose("BTC/USDT", "buy", "0.1", stop_price=99)
    assert (refused.verdict, refused.code) == ("reject", "not_allowed")
    assert "client client is not registered: the owner adds [clients.client] to stack.toml" in refused.reason


def test_anothers_order_and_id_are_not_a_clients_to_use(ana: Gate, bob: Gate) -> None:
    order = ana.propose("ETH/USDT", "buy", "0.1", stop_price=99, id="anas-1")
    assert order
    answer = bob.cancel("anas-1")
    assert (answer.outcome, answer.code, answer.field) == ("refused", "not_allowed", "order_id")
    assert "order_id anas-1 is an order of client ana" in answer.reason
    stolen = bob.propose("ETH/USDT", "buy", "0.1", stop_price=99, id="anas-1")
    assert (stolen.verdict, stolen.code, stolen.field) == ("refused", "other_body", "client")
    assert ana.verdict_of("anas-1")
    looked = bob.verdict_of("anas-1")
    assert (looked.verdict, looked.code, looked.quantity) == ("refused", "other_body", 0)
    answer = bob.raise_stop("ETH/USDT", 99)
    assert (answer.outcome, answer.code, answer.field) == ("refused", "not_allowed", "client")
    assert "client bob may not send stops, only orders, cancels, questions" in answer.reason
    assert ana.cancel("anas-1")


def test_room_is_within_the_bounds_of_who_asks(ana: Gate, bob: Gate) -> None:
    assert bob.room("BTC/USDT", stop_price=90).binding == "client_bounds"
    asked = ana.room("BTC/USDT", stop_price=90)
    assert {ceiling.rule for ceiling in asked.ceilings} >= {"client_bounds", "client_heat", "client_throttle"}
    [heat] = [ceiling for ceiling in asked.ceilings if ceiling.rule == "client_heat"]
    assert heat.limit == pytest.approx(2_000)


def test_a_flood_of_one_client_is_rejected_by_its_own_throttle_and_delays_nobody(ana: Gate, bob: Gate) -> None:
    verdicts = [bob.propose("ETH/USDT", "buy", Decimal("0.1"), stop_price=99) for _ in range(8)]
    assert "client_throttle" in {verdict.binding for verdict in verdicts}
    assert ana.propose("SOL/USDT", "buy", "0.1", stop_price=99)


def test_node_takes_no_verdict_of_another_client_for_its_own(
    ana: Gate, running: RunningGate, request: pytest.FixtureRequest
) -> None:
    assert ana.propose("ETH/USDT", "buy", "0.5", stop_price=99, id="anas-2")
    node = NodeGate(installed(ROOT / "clients" / "node", request), running.url, "bob")
    try:
        same = {"symbol": "ETH/USDT", "side": "buy", "quantity": "0.5", "stopPrice": "99", "id": "anas-2"}
        for found in (node("propose", same), node("verdictOf", "anas-2")):
            assert (found["verdict"], found["code"], found["field"]) == ("refused", "other_body", "client")
        assert node("room", "BTC/USDT", {"stopPrice": "90"})["binding"] == "client_bounds"
    finally:
        node.end()
