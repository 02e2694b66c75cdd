"""A client that has to sign, by the libraries and over HTTP, beside a real server, gate and ``ops``."""

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from heatsink_client import AsyncGate, Gate, GateError
from heatsink_client.messages import ReportRefused
from heatsink_client.signing import VARIABLE, client_key

from shared.adapters.local_ports import claimed_port
from shared.adapters.private_files import private_folder, write_private
from shared.adapters.signing import CLIENTS_FOLDER, ClientKeys, rotate, write_new_keys
from shared.messages.catalogue import DEAD
from shared.messages.reports import FillReported
from tests.clients.gate_harness import CLIENT_EXECUTES, ROOT, RunningGate, running_gate
from tests.clients.test_node_gate import NodeGate
from tests.e2e.test_node_client import installed
from tests.keys import MAIN
from tests.ops.proposals.test_api import ANA, BUY, Site
from tests.patience import patiently
from tests.shipped import SHIPPED

pytestmark = [pytest.mark.processes, pytest.mark.sockets]

CLIENTS = """
[clients.ana]
signed = true
signed_reports = true
[clients.bob]
"""


@dataclass
class Scene:
    """keys: the folder of clients' keys. site: ops."""

    running: RunningGate
    keys: Path
    site: Site

    @property
    def key(self) -> str:
        return str(self.keys / "ana.key")

    def gate(self, client: str = "ana", key: str = "") -> Gate:
        return Gate(self.running.url, client=client, strategy="mine", key=key)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("signed")
    config = Path(shutil.copytree(SHIPPED, folder / "config"))
    (config / "stack.toml").write_text((config / "stack.toml").read_text() + CLIENTS)
    tokens = private_folder(folder / "tokens")
    write_private(tokens / "ana", ANA)
    keys = folder / "keys" / CLIENTS_FOLDER
    write_new_keys(keys, ["ana", "bob"])
    with claimed_port() as port:
        settings = {
            "HEATSINK_CONFIG_DIR": str(config), "HEATSINK_OPS__PORT": str(port), "HEATSINK_OPS__TOKENS": str(tokens),
        }  # fmt: skip
        with running_gate(folder, "execution", "ops", settings=settings | CLIENT_EXECUTES, signed=True) as gate:
            yield Scene(gate, keys, Site(gate, f"http://127.0.0.1:{port}", tokens, folder / "ops.log"))


def test_who_signs_is_heard_and_who_does_not_is_refused_with_the_remedy(scene: Scene) -> None:
    with scene.gate(key=scene.key) as signing, scene.gate() as silent, scene.gate("bob") as bob:
        assert signing.propose("BTC/USDT", "buy", "0.1", stop_price=99, id="signed-1")
        refused = silent.propose("BTC/USDT", "buy", "0.1", stop_price=99, id="silent-1")
        assert (refused.verdict, refused.code, refused.field) == ("refused", "not_signed", "signature")
        assert "client ana has to sign here" in refused.reason
        answer = silent.cancel("signed-1")
        assert (answer.outcome, answer.code) == ("refused", "not_signed")
        assert signing.propose("BTC/USDT", "buy", "0.1", stop_price=99, id="silent-1"), "a refusal takes no id"
        assert signing.raise_stop("BTC/USDT", 99).code != "not_signed"
        assert bob.propose("ETH/USDT", "buy", "0.1", stop_price=99)
    with scene.gate(key=str(scene.keys / "bob.key")) as thief:
        assert thief.propose("BTC/USDT", "buy", "0.1", stop_price=99).code == "not_signed"


def test_reports_are_booked_that_their_client_signed_and_a_forged_fill_moves_nothing(scene: Scene) -> None:
    fill: dict[str, Any] = {"quantity": "0.1", "price": 100, "fee_usdt": 0, "trade_id": "t-1"}
    with scene.gate(key=scene.key) as signing, scene.gate() as silent, scene.gate("bob") as bob:
        assert signing.propose("SOL/USDT", "buy", "0.1", stop_price=99, id="told-1")
        forged = silent.report_fill("told-1", "SOL/USDT", "buy", **fill)
        assert (forged.outcome, forged.code, forged.field) == ("refused", "not_signed", "signature")
        assert "client ana has to sign here" in forged.reason
        on_the_stream_of_all = FillReported(
            id="forged-1", time_ns=0, order_id="told-1", symbol="SOL/USDT", side="buy", trade_id="t-1",
            quantity=Decimal("0.1"), price=Decimal(100), fee_usdt=Decimal(0),
        )  # fmt: skip
        scene.running.publish(on_the_stream_of_all)
        [answer] = [each for each in _until_told(signing, "forged-1") if each.cause == "forged-1"]
        assert (answer.code, answer.halts) == ("not_signed", False)
        assert (signing.portfolio().positions, signing.halts()) == ((), ())
        assert signing.report_fill("told-1", "SOL/USDT", "buy", **fill)
        assert signing.report_stop("SOL/USDT", 99, "0.1")
        assert bob.propose("ETH/USDT", "buy", "0.1", stop_price=99, id="told-2")
        assert bob.report_fill("told-2", "ETH/USDT", "buy", **fill)


def _until_told(gate: Gate, cause: str) -> list[Any]:
    """The refusals of reports, once one of this cause is among them."""

    def told() -> list[Any]:
        entries, _ = gate.read("executed", after="start")
        return [entry.message for entry in entries if isinstance(entry.message, ReportRefused)]

    patiently(lambda: any(each.cause == cause for each in told()))
    return told()


def test_the_key_may_stand_in_the_environment_as_a_file_or_itself(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Path(scene.key).read_text().splitlines()[1]
    for given in (scene.key, line):
        monkeypatch.setenv(VARIABLE, given)
        with scene.gate() as gate:
            assert gate.propose("SOL/USDT", "buy", "0.1", stop_price=99)


def test_a_key_that_cannot_be_read_opens_no_gate_and_is_not_shown(scene: Scene, tmp_path: Path) -> None:
    odd = tmp_path / "odd.key"
    odd.write_text("k1 secretsecret\n")
    for given, said in ((str(odd), "there is no key in"), (str(tmp_path / "none"), "No such file"), ("\0", "cannot")):
        with pytest.raises(GateError, match=said) as caught:
            scene.gate(key=given)
        assert "secretsecret" not in str(caught.value)
    assert Path(scene.key).read_text().split()[-1] not in repr(client_key(scene.key))


async def test_the_asynchronous_gate_signs_too_and_a_new_key_counts_at_once(scene: Scene) -> None:
    async with AsyncGate(scene.running.url, client="ana", strategy="mine", key=scene.key) as before:
        assert await before.propose("SOL/USDT", "buy", "0.1", stop_price=99)
        rotate(scene.keys, ["ana"])
        async with AsyncGate(scene.running.url, client="ana", strategy="mine", key=scene.key) as after:
            assert await after.propose("SOL/USDT", "buy", "0.1", stop_price=99)
        assert await before.propose("SOL/USDT", "buy", "0.1", stop_price=99)


@pytest.fixture
def node(scene: Scene, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeGate]:
    monkeypatch.setenv(VARIABLE, scene.key)
    gate = NodeGate(installed(ROOT / "clients" / "node", request), scene.running.url, "ana")
    yield gate
    gate.end()


def test_node_signs_as_python_does(scene: Scene, node: NodeGate) -> None:
    order = {"symbol": "ETH/USDT", "side": "buy", "quantity": "0.1", "stopPrice": 99}
    verdict = node("propose", order)
    assert verdict["approved"]
    assert node("cancel", "nothing")["code"] == "unknown_order"
    assert node("reportPlaced", {"orderId": verdict["orderId"], "symbol": "ETH/USDT", "quantity": "0.1"})["taken"]
    for body in (b"", b"\x00\xff", "ä".encode(), b"x" * 10_000):
        key = client_key(scene.key)
        assert key is not None
        stream = MAIN.of_client("ana")
        signed = key.signature(stream, body, 1_700_000_000_000)
        assert node("sign", stream, list(body), 1_700_000_000_000) == ["s", signed.decode()]
        ClientKeys(scene.keys.parent).check("ana", stream, body, signed, 1_700_000_000_000)


def test_node_without_a_key_is_refused_and_with_an_odd_one_opens_no_gate(
    scene: Scene, request: pytest.FixtureRequest
) -> None:
    silent = NodeGate(installed(ROOT / "clients" / "node", request), scene.running.url, "ana")
    try:
        order = {"symbol": "ETH/USDT", "side": "buy", "quantity": "0.1", "stopPrice": 99}
        refused = silent("propose", order)
        assert (refused["verdict"], refused["code"], refused["field"]) == ("refused", "not_signed", "signature")
        with pytest.raises(Exception, match="GateError: the key of this client cannot be read"):
            silent("open", scene.running.url, {"key": "/none"})
    finally:
        silent.end()


async def test_ops_signs_for_a_client_and_refuses_clearly_where_it_has_no_key(scene: Scene) -> None:
    site, path = scene.site, Path(scene.key)
    status, said = await site.post(BUY | {"id": "over-http"})
    assert (status, said["verdict"]) == (200, "approve")
    away = path.with_name("away")
    os.rename(path, away)
    try:
        status, said = await site.post(BUY | {"id": "without-key"})
        assert (status, said["outcome"]) == (403, "refused")
        assert (said["error"]["code"], said["error"]["field"]) == ("not_signed", "signature")
        assert "client ana must sign, and its key is not where ops could sign for it" in said["error"]["reason"]
        status, said = await site.post(BUY | {"id": "over-http"})
        assert (status, said["verdict"]) == (200, "approve"), "what has its verdict is answered by it"
    finally:
        os.rename(away, path)
    status, said = await site.post(BUY | {"id": "without-key"})
    assert (status, said["verdict"]) == (200, "approve")


def test_what_was_refused_can_be_looked_at(scene: Scene) -> None:
    with scene.gate() as silent:
        silent.propose("BTC/USDT", "buy", "0.1", stop_price=99)
    [letter] = scene.running.run_on_bus(lambda bus: bus.latest(DEAD.key))
    assert (letter.field, letter.source) == ("signature", MAIN.of_client("ana"))
