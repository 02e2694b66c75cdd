"""The Node client beside a real server and real services, as one of another language drives it: line by line."""

import base64
import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.adapters.codec import decode, encode
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, EXECUTED
from tests.clients.gate_harness import CLIENT_EXECUTES, PAIRS, RunningGate, running_gate
from tests.clients.test_python_gate_faults import proxied
from tests.e2e.test_node_client import installed
from tests.patience import PATIENCE_SECONDS
from tests.samples import samples

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("node_gate.mjs")
LONG_MS = 60_000
BUY = {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.5", "stopPrice": 99}


class GateFailureError(Exception):
    """What the client threw; its text begins with the name."""


class NodeGate:
    """A process with one gate. What it is asked at once it does at once."""

    def __init__(self, folder: Path, url: str, client: str = "") -> None:
        self._process = subprocess.Popen(
            ["node", str(PROGRAM), str(folder), url, client], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._told: dict[int, dict[str, Any]] = {}
        self._number = 0
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)

    def start(self, method: str, *given: Any) -> int:
        self._number += 1
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"number": self._number, "method": method, "given": given}) + "\n")
        self._process.stdin.flush()
        return self._number

    def result(self, number: int) -> Any:
        while number not in self._told:
            told = json.loads(self._lines.get(timeout=PATIENCE_SECONDS))
            self._told[told["number"]] = told
        told = self._told[number]
        if "error" in told:
            raise GateFailureError(f"{told['error']}: {told['reason']}")
        return told.get("result")

    def __call__(self, method: str, *given: Any) -> Any:
        return self.result(self.start(method, *given))

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


@pytest.fixture(scope="session")
def folder(request: pytest.FixtureRequest) -> Path:
    return installed(ROOT / "clients" / "node", request)


@pytest.fixture(scope="module")
def running(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    with running_gate(tmp_path_factory.mktemp("gate"), "execution", settings=CLIENT_EXECUTES, signed=True) as gate:
        yield gate


@pytest.fixture(scope="module")
def node(running: RunningGate, folder: Path) -> Iterator[NodeGate]:
    gate = NodeGate(folder, running.url)
    yield gate
    gate.end()


def test_an_order_gets_its_verdict_and_the_same_one_again(node: NodeGate) -> None:
    verdict = node("propose", BUY | {"id": "mine-1"})
    assert (verdict["verdict"], verdict["approved"], verdict["quantity"]) == ("approve", True, "0.5")
    assert verdict["decided"]["time_ns"].endswith("n"), "nanoseconds are BigInt"
    assert node("propose", BUY | {"id": "mine-1", "quantity": 0.50, "stopPrice": "99.0"}) == verdict
    other = node("propose", BUY | {"id": "mine-1", "quantity": "0.6"})
    assert (other["verdict"], other["code"], other["approved"]) == ("refused", "other_body", False)
    assert node("verdictOf", "mine-1") == verdict
    unheard = node("verdictOf", "never")
    assert (unheard["verdict"], unheard["arrived"], unheard["known"]) == ("unknown", "no", False)


@pytest.mark.parametrize(
    ("order", "verdict", "field"),
    [
        ({"stopPrice": None}, "reject", ""),
        ({"symbol": "btc/usdt"}, "refused", "symbol"),
        ({"quantity": "much"}, "refused", "quantity"),
        ({"quantity": None}, "refused", "quantity"),
        ({"id": "with a blank"}, "refused", "id"),
        ({"side": "short"}, "refused", "side"),
    ],
    ids=lambda case: str(case)[:30],
)
def test_what_is_no_order_is_not_approved_and_says_why(node: NodeGate, order: Any, verdict: str, field: str) -> None:
    found = node("propose", BUY | order)
    assert (found["verdict"], found["field"], found["approved"], found["quantity"]) == (verdict, field, False, "0")
    assert found["reason"]


@pytest.mark.parametrize("nothing", [None, "$undefined"])
def test_what_is_null_or_undefined_is_not_given(node: NodeGate, nothing: str | None) -> None:
    missing = dict.fromkeys(("id", "limitPrice", "expiresNs", "strategy", "reduceOnly", "because", "timeout"), nothing)
    verdict = node("propose", BUY | {"symbol": "ETH/USDT", "quantity": 0.06} | missing)
    assert (verdict["approved"], verdict["decided"]["order_type"], verdict["decided"]["strategy"]) == (
        True, "market", "mine",
    )  # fmt: skip
    placed = {"orderId": verdict["orderId"], "symbol": "ETH/USDT", "quantity": 0.06, "price": nothing}
    assert node("reportPlaced", placed | {"venueOrderId": nothing, "timeNs": nothing, "timeout": nothing})["taken"]
    room = node(
        "room", "SOL/USDT", {"stopPrice": nothing, "limitPrice": nothing, "strategy": nothing, "timeout": nothing}
    )
    assert room["known"]
    assert node("portfolio", {"maxAge": nothing})["nav"] > 0
    assert node("halts", {"maxAge": nothing}) == []
    assert int(node("marketNs", {"inMs": nothing}).rstrip("n")) > 0


@pytest.mark.parametrize("odd", ["$NaN", "$Infinity", "", "soon"])
def test_what_is_no_number_is_refused_under_the_id_of_what_was_to_be_sent(node: NodeGate, odd: str) -> None:
    for field in ("stopPrice", "limitPrice", "expiresNs", "timeout"):
        verdict = node("propose", BUY | {"id": "odd-1", field: odd})
        assert (verdict["verdict"], verdict["code"], verdict["field"], verdict["orderId"]) == (
            "refused", "malformed", field, "odd-1",
        )  # fmt: skip
    for field in ("price", "timeNs", "timeout", "quantity"):
        answer = node("reportPlaced", {"orderId": "odd-1", "symbol": "ETH/USDT", "quantity": 1, field: odd})
        assert (answer["outcome"], answer["code"], answer["field"]) == ("refused", "malformed", field)
        assert answer["id"].startswith("placed-")
    assert node("raiseStop", "SOL/USDT", odd)["id"].startswith("raise-")
    assert node("cancel", "odd-1", {"timeout": odd})["field"] == "timeout"
    for field in ("stopPrice", "limitPrice", "timeout"):
        room = node("room", "SOL/USDT", {field: odd})
        assert (room["known"], room["open"], room["code"]) == (False, False, "malformed")
        assert room["reason"].startswith(field)
    for method, field in (("portfolio", "maxAge"), ("halts", "maxAge"), ("marketNs", "inMs")):
        with pytest.raises(GateFailureError, match=f"GateError: {field}: .* is no time"):
            node(method, {field: odd})
    with pytest.raises(GateFailureError, match=r"GateError: timeout: .* is no time"):
        node("open", "redis://127.0.0.1:1/0", {"timeout": odd})


def test_nanoseconds_are_whole_and_exact(node: NodeGate) -> None:
    assert node("propose", BUY | {"expiresNs": "$9000000000000000000n"})["known"]
    assert node("propose", BUY | {"expiresNs": 9e18})["field"] == "expiresNs"


def test_many_orders_at_once_get_each_its_own_verdict(node: NodeGate) -> None:
    asked = [
        node.start("propose", BUY | {"id": f"many-{each}", "symbol": "ETH/USDT", "quantity": 0.06})
        for each in range(40)
    ]
    found = [node.result(number) for number in asked]
    assert [each["orderId"] for each in found] == [f"many-{each}" for each in range(40)]
    assert all(each["approved"] for each in found)


def test_cancels_stops_room_and_state_are_told(node: NodeGate) -> None:
    rests = BUY | {"id": "rests-1", "symbol": "SOL/USDT", "limitPrice": 90, "stopPrice": 80}
    assert node("propose", rests)["approved"]
    assert node("cancel", "rests-1", {"reason": "changed my mind"})["taken"]
    assert node("cancel", "never-was")["code"] == "unknown_order"
    assert node("verdictOf", "never-was")["verdict"] == "unknown", "the cancel was refused, not the order"
    assert node("raiseStop", "SOL/USDT", 95)["code"] == "nothing_held"
    assert node("raiseStop", "SOL/USDT", "high")["field"] == "stopPrice"
    room = node("room", "SOL/USDT", {"stopPrice": "90"})
    assert room["open"]
    assert room["known"]
    assert not node("room", "NOPE/USDT")["open"]
    assert node("portfolio")["nav"] == 200_000
    assert node("halts") == []
    assert node("sizes") == {}
    assert int(node("marketNs").rstrip("n")) > 0
    with pytest.raises(GateFailureError, match=r"GateError: the last snapshot is .* old"):
        node("portfolio", {"maxAge": -10_000})


def test_a_stream_is_read_on_and_what_is_gone_is_named(node: NodeGate) -> None:
    for number in range(3):
        assert node("propose", BUY | {"id": f"read-{number}"})["known"]
    everything = node("take", "decided", 3, {"after": "start"})
    assert node("take", "decided", 2, {"after": everything[0]["id"]}) == everything[1:]
    with pytest.raises(GateFailureError, match=r"MissedError: .* no longer kept"):
        node("take", "decided", 1, {"after": "1-1"})
    assert node("take", "decided", 3, {"after": node("missed", "decided", "1-1")}) == everything
    with pytest.raises(GateFailureError, match="there is no stream 'marks'"):
        node("take", "marks", 1, {})


def test_what_was_executed_is_reported(node: NodeGate, running: RunningGate) -> None:
    assert node("propose", BUY | {"id": "trade-1", "quantity": 1, "symbol": PAIRS[2], "stopPrice": 95})["approved"]
    trade = {"orderId": "trade-1", "symbol": PAIRS[2]}
    assert node("reportPlaced", trade | {"quantity": 1})["taken"]
    fill = trade | {"side": "buy", "tradeId": "t-1", "quantity": "1", "price": 100.5, "feeUsdt": 0.1}
    assert node("reportFill", fill)["message"]["type"] == "OrderFilled"
    assert node("reportFill", fill)["code"] == "repeated"
    assert node("reportStop", {"symbol": PAIRS[2], "stopPrice": 95, "quantity": 1})["taken"]
    assert node("reportFill", fill | {"orderId": "never", "tradeId": "t-2"})["code"] == "unknown_order"
    assert node("propose", BUY | {"id": "trade-2", "symbol": "ETH/USDT", "quantity": 0.06})["approved"]
    closed = {"orderId": "trade-2", "symbol": "ETH/USDT", "ending": "rejected", "quantityFilled": 0}
    assert node("reportClosed", closed)["message"]["type"] == "OrderClosed"
    assert running.signed(DECIDED), "verdicts are read with their signatures beside them"
    assert running.signed(EXECUTED)


def test_there_is_no_gate_where_there_is_none(node: NodeGate, running: RunningGate) -> None:
    with pytest.raises(GateFailureError, match="GateError: there is no portfolio 'other'"):
        node("open", running.url, {"portfolio": "other"})
    with pytest.raises(GateFailureError, match="GateError: the server did not answer"):
        node("open", "redis://127.0.0.1:1/0", {"timeout": 300})


USERS = {
    "looks": ("&*", "~*", "+@all", "-@write", "-fcall"),
    "other": ("&hs:reply:*", "~another:*", "+@all"),
    "deaf": ("&*", "~*", "+@all", "-xread"),
}


@pytest.mark.parametrize(
    ("user", "password", "reason"),
    [
        ("looks", "secret", r"the user in the address may not write as client 'looks': NOPERM .*"),
        ("other", "secret", r"the user in the address may not read portfolio 'main': NOPERM .* heatsink url prints it"),
        ("deaf", "secret", r"the user in the address may not read portfolio 'main': NOPERM .*xread.*"),
        ("looks", "wrong", r"the server did not answer: WRONGPASS .*; heatsink url prints an address with a name .*"),
    ],
)
def test_who_is_not_allowed_is_told_what_to_do_about_it(
    folder: Path, running: RunningGate, user: str, password: str, reason: str
) -> None:
    with redis.Redis.from_url(running.url) as server:
        server.execute_command("ACL", "SETUSER", f"main.client.{user}", "on", ">secret", *USERS[user])
    address = running.url.replace("://", f"://main.client.{user}:{password}@")
    node = NodeGate(folder, address)
    try:
        verdict = node("propose", BUY | {"timeout": LONG_MS if user == "deaf" else 300})
        assert re.fullmatch(reason, verdict["reason"])
        assert not verdict["approved"]
        room = node("room", "BTC/USDT", {"timeout": 300})
        assert room["known"] == (user != "other" and password == "secret")
        if not room["known"]:
            assert re.search("NOPERM|WRONGPASS", room["reason"]), "that nobody answers would be another matter"
        if user == "deaf":
            assert (verdict["verdict"], verdict["arrived"]) == ("unknown", "yes")
        if user == "deaf" or not room["known"]:
            with pytest.raises(GateFailureError, match=r"GateError: .* heatsink url prints"):
                node("open", address, {"timeout": 300})
    finally:
        node.end()


@pytest.mark.parametrize("message", samples(), ids=lambda message: type(message).__name__)
def test_it_reads_what_services_write_and_they_read_it_back(node: NodeGate, message: Message) -> None:
    packed = base64.b64encode(encode(message)).decode()
    assert node("unpack", packed)["type"] == type(message).__name__
    assert decode(base64.b64decode(node("repack", packed))) == message


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (0.1, "0.1"),
        (3, "3"),
        (1e-8, "0.00000001"),
        (1.5e-7, "0.00000015"),
        (1e21, "1" + "0" * 21),
        (-2.5e22, "-25" + "0" * 21),
    ],
)
def test_numbers_are_written_without_an_exponent(node: NodeGate, given: float, text: str) -> None:
    assert node("amount", given) == text


def test_a_killed_server_between_proposal_and_verdict_and_a_lost_reply_cost_nothing(
    folder: Path, tmp_path: Path
) -> None:
    with running_gate(tmp_path) as running:
        node = NodeGate(folder, running.url)
        try:
            running.kill("risk")
            unknown = node("propose", BUY | {"id": "mine-0", "timeout": 300})
            assert (unknown["verdict"], unknown["arrived"]) == ("unknown", "yes")
            assert node("verdictOf", "mine-0")["arrived"] == "yes"
            asked = node.start("propose", BUY | {"id": "mine-1", "timeout": LONG_MS})
            running.until_proposed(2)
            running.kill_server()
            gone = node("propose", BUY | {"id": "mine-2", "timeout": 300})
            assert (gone["verdict"], gone["arrived"]) == ("unknown", "no")
            running.start_server()
            running.start("risk")
            assert node.result(asked)["approved"]
            assert node("propose", BUY | {"id": "mine-0"})["approved"]
        finally:
            node.end()
        with proxied(running, b"hs_propose") as proxy:
            node = NodeGate(folder, proxy.url)
            try:
                proxy.cut_next = 1
                assert node("propose", BUY | {"id": "mine-3", "timeout": LONG_MS})["approved"]
                assert proxy.cuts == 1
            finally:
                node.end()
        decided = [each.order_id for each in running.decisions()]
        assert sorted(decided) == ["mine-0", "mine-1", "mine-3"]
