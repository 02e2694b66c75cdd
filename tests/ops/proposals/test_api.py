"""Proposals over HTTP beside a real gate: verdicts, repeats, what is unknown, what is refused. No token is shown."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from services.ops.proposals.api import HOOKS, MOST_BYTES, PATH
from services.ops.proposals.order import id_of
from shared.adapters.local_ports import claimed_port
from shared.adapters.private_files import private_folder, write_private
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided
from shared.ports.bus import MOST_WAITING
from tests.clients.gate_harness import RunningGate, running_gate
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import proposal

pytestmark = [pytest.mark.processes, pytest.mark.sockets]

ANA, BOB = "ana-" + "a" * 40, "bob-" + "b" * 40
BUY: dict[str, Any] = {"symbol": "BINANCE:BTCUSDT", "side": "buy", "quantity": "0.5", "stop_price": "95"}
FLOOD = 50  # requests in a row


@dataclass
class Site:
    """url: of ops. tokens: the folder. log: of ops."""

    gate: RunningGate
    url: str
    tokens: Path
    log: Path

    async def post(self, body: Any, *, token: str = ANA, path: str = PATH, **headers: str) -> tuple[int, Any]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Content-Type": "text/plain", **({"Authorization": f"Bearer {token}"} if token else {}), **headers}
        async with aiohttp.ClientSession() as session, session.post(self.url + path, data=data, headers=given) as said:
            return said.status, await said.json()

    async def get(self, key: str, *, token: str = ANA) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}{PATH}/{key}", headers=headers) as said:
            return said.status, await said.json()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("http")
    tokens = private_folder(folder / "tokens")
    for name, token in (("ana", ANA), ("bob", BOB)):
        write_private(tokens / name, token)
    with claimed_port() as port:
        settings = {
            "HEATSINK_OPS__PORT": str(port), "HEATSINK_OPS__TOKENS": str(tokens), "HEATSINK_LOGS__LEVEL": "debug",
            "HEATSINK_OPS__PROPOSALS_PER_MINUTE": "10000", "HEATSINK_OPS__VERDICT_SECONDS": "2",
        }  # fmt: skip
        with running_gate(folder, "ops", settings=settings) as gate:
            yield Site(gate, f"http://127.0.0.1:{port}", tokens, folder / "ops.log")


async def decisions(site: Site) -> dict[str, OrderDecided]:
    async with RedisBus.connect(site.gate.url, MAIN) as bus:
        found = await bus.latest(MAIN.of(DECIDED), 10_000)
    return {each.order_id: each for each in found if isinstance(each, OrderDecided)}


async def test_an_order_of_tradingview_gets_its_verdict_in_the_answer(site: Site) -> None:
    status, said = await site.post(BUY | {"id": "first", "token": ANA}, token="")
    assert (status, said["outcome"], said["verdict"], said["quantity_approved"]) == (200, "decided", "approve", "0.5")
    assert (said["id"], said["order_id"]) == ("first", id_of("ana", "first"))
    assert said["ceilings"][0]["rule"] == "known_and_valid"
    stored = (await decisions(site))[said["order_id"]]
    assert (stored.strategy, stored.symbol) == ("ana", "BTC/USDT")
    async with RedisBus.connect(site.gate.url, MAIN) as bus:
        assert "ana" in await bus.clients()


async def test_a_rejection_is_a_verdict_and_no_error(site: Site) -> None:
    status, said = await site.post(BUY | {"id": "rejected", "stop_price": "150"})
    assert (status, said["verdict"], said["quantity_approved"], said["code"]) == (200, "reject", "0", "invalid")
    assert "must be below the price" in said["reason"]


async def test_the_same_key_gets_the_same_verdict_and_another_body_is_refused(site: Site) -> None:
    first = await site.post(BUY | {"id": "again"})
    assert await site.post(BUY | {"id": "again", "quantity": 0.50}) == first
    assert await site.post(BUY, **{"Idempotency-Key": "again"}) == first
    status, said = await site.post(BUY | {"id": "again", "quantity": "0.6"})
    assert (status, said["error"]["code"], said["error"]["field"], said["error"]["value"]) == (
        422, "other_body", "id", "again",
    )  # fmt: skip
    assert await site.get("again") == first
    assert len([each for each in await decisions(site) if each == id_of("ana", "again")]) == 1


async def test_a_key_is_the_clients_own(site: Site) -> None:
    mine, theirs = await site.post(BUY | {"id": "shared"}), await site.post(BUY | {"id": "shared"}, token=BOB)
    assert mine[1]["order_id"] != theirs[1]["order_id"]
    assert (await site.get("again-never", token=BOB))[0] == 404
    assert (await site.post(BUY | {"id": "only-ana"}))[0] == 200
    assert (await site.get("only-ana", token=BOB))[0] == 404


async def test_many_requests_of_one_order_at_once_are_one_order_and_hear_one_verdict(site: Site) -> None:
    body = {"id": "crowd", "symbol": "ETHUSDT", "side": "buy", "usdt": 50, "stop_percent": 5}
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(site.post(body)) for _ in range(20)]
    answers = [task.result() for task in tasks]
    assert answers == [answers[0]] * 20
    assert (answers[0][0], answers[0][1]["quantity_requested"]) == (200, "0.5")


async def test_of_one_key_with_several_bodies_at_once_one_gets_a_verdict_and_the_others_are_refused(site: Site) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(site.post(BUY | {"id": "race", "quantity": f"0.{n}"})) for n in range(1, 9)]
    assert sorted(task.result()[0] for task in tasks) == [200, *[422] * 7]


async def test_a_token_stands_in_the_header_the_path_or_the_body(site: Site) -> None:
    assert (await site.post(BUY | {"id": "by-header"}))[0] == 200
    assert (await site.post(BUY | {"id": "by-path"}, token="", path=f"{HOOKS}/{ANA}"))[0] == 200
    assert (await site.post(BUY | {"id": "by-body", "token": ANA}, token=""))[0] == 200


async def test_without_a_token_or_with_a_wrong_one_nothing_is_proposed(site: Site) -> None:
    before = await decisions(site)
    for token, body in (("", {}), ("guessed" * 5, {}), ("", {"token": "guessed" * 5}), ("guessed" * 5, {"token": ANA})):
        status, said = await site.post(BUY | {"id": "secret"} | body, token=token)
        assert (status, said["error"]["code"], said["error"]["field"]) == (401, "unauthorized", "token")
    assert (await site.get("first", token="guessed" * 5))[0] == 401
    assert await decisions(site) == before


async def test_a_token_that_is_deleted_lets_nobody_in_from_then_on(site: Site) -> None:
    path = write_private(site.tokens / "carl", "carl-" + "c" * 40)
    assert (await site.post(BUY | {"id": "k"}, token=path.read_text()))[0] == 200
    token = path.read_text()
    path.unlink()
    assert (await site.post(BUY | {"id": "k"}, token=token))[0] == 401


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"BTC crossed 100", {}, 400),
        (b'{"id": "x"}', {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b" " * (MOST_BYTES + 1), {}, 413),
        (BUY, {}, 400),
        (BUY | {"id": "x", "side": "hold"}, {}, 422),
        (BUY | {"id": "x"}, {"Idempotency-Key": "y"}, 422),
    ],
)  # fmt: skip
async def test_what_cannot_be_an_order_is_refused_with_field_and_remedy(
    site: Site, body: Any, headers: dict[str, str], status: int
) -> None:
    found, said = await site.post(body, **headers)
    assert found == status
    assert set(said["error"]) >= {"code", "field", "reason", "remedy"}


@asynccontextmanager
async def paused(site: Site, service: str) -> AsyncIterator[None]:
    process = site.gate.services[service]
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


async def decided_in_the_end(site: Site, key: str) -> tuple[int, Any]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (said := await site.get(key))[0] == 202:
            await asyncio.sleep(0.05)
    return said


async def test_a_gate_that_says_nothing_is_unknown_and_the_verdict_is_there_when_it_is_asked_for(site: Site) -> None:
    async with paused(site, "risk"):
        status, said = await site.post(BUY | {"id": "late"})
        assert (status, said["outcome"], said["arrived"], said["ask"]) == (202, "unknown", "yes", f"{PATH}/late")
        assert "no refusal" in said["remedy"]
        assert (await site.get("late"))[0] == 202
        assert (await site.post(BUY | {"id": "late"}))[0] == 202
    status, said = await decided_in_the_end(site, "late")
    assert (status, said["verdict"]) == (200, "approve")
    assert await site.post(BUY | {"id": "late"}) == (status, said)
    assert [each.seq for each in (await decisions(site)).values() if each.order_id == said["order_id"]] != []


async def test_a_purchase_that_the_gate_comes_to_too_late_is_not_approved_any_more(site: Site) -> None:
    async with paused(site, "risk"):
        assert (await site.post(BUY | {"id": "stale", "expires_seconds": 1}))[0] == 202
    status, said = await decided_in_the_end(site, "stale")
    assert (status, said["verdict"], said["code"]) == (200, "reject", "invalid")
    assert "expires_ns" in said["reason"]


async def test_a_full_queue_is_refused_and_another_client_goes_on(site: Site) -> None:
    async with paused(site, "risk"):
        async with RedisBus.connect(site.gate.url, MAIN) as bus:
            for number in range(MOST_WAITING):
                await bus.propose(proposal(f"full-{number}", stop_price=None), "bob")
        status, said = await site.post(BUY | {"id": "too-much"}, token=BOB)
        assert (status, said["error"]["code"]) == (429, "quota")
        assert (await site.post(BUY | {"id": "not-mine"}))[0] == 202
    assert (await decided_in_the_end(site, "not-mine"))[0] == 200
    async with asyncio.timeout(PATIENCE_SECONDS):  # behind all that waited
        while (await site.post(BUY | {"id": "too-much"}, token=BOB))[0] != 200:
            await asyncio.sleep(0.05)


async def test_a_restart_of_ops_forgets_no_key(site: Site) -> None:
    first = await site.post(BUY | {"id": "kept"})
    site.gate.kill("ops")
    with pytest.raises(aiohttp.ClientConnectionError):
        await site.get("kept")
    await asyncio.to_thread(site.gate.start, "ops")
    assert await site.get("kept") == await site.post(BUY | {"id": "kept"}) == first
    assert (await site.post(BUY | {"id": "kept", "quantity": "0.7"}))[0] == 422


@contextmanager
def small_site(folder: Path, **settings: str) -> Iterator[Site]:
    """One of its own, with no token yet."""
    tokens = private_folder(folder / "tokens")
    with claimed_port() as port:
        given = {"HEATSINK_OPS__PORT": str(port), "HEATSINK_OPS__TOKENS": str(tokens), **settings}
        with running_gate(folder, "ops", settings=given) as gate:
            yield Site(gate, f"http://127.0.0.1:{port}", tokens, folder / "ops.log")


def test_a_client_proposes_no_more_than_it_may_and_still_sells(tmp_path: Path) -> None:
    async def flooded(site: Site) -> tuple[list[int], int]:
        found = [(await site.post(BUY | {"id": f"flood-{number}"}))[0] for number in range(FLOOD)]
        sold, _ = await site.post({"id": "out", "symbol": "BTC/USDT", "side": "sell", "quantity": "0.1"})
        return found, sold

    with small_site(tmp_path, HEATSINK_OPS__PROPOSALS_PER_MINUTE="5") as site:
        write_private(site.tokens / "ana", ANA)
        found, sold = asyncio.run(flooded(site))
    assert (found[:5], set(found), sold) == ([200] * 5, {200, 429}, 200)
    assert found.count(429) > FLOOD // 2


def test_without_a_token_in_the_folder_it_is_off(tmp_path: Path) -> None:
    with small_site(tmp_path) as site:
        status, said = asyncio.run(site.post(BUY | {"id": "off"}))
        assert (status, said["error"]["code"]) == (404, "off")
        write_private(site.tokens / "ana", ANA)
        assert asyncio.run(site.post(BUY | {"id": "off"}))[0] == 200


def test_no_token_ever_stands_in_the_log(site: Site) -> None:
    """On the level at which everything is logged, after what is taken and what is refused."""
    said = [asyncio.run(site.post(BUY | {"id": "logged"}, token=token))[0] for token in (ANA, BOB, "guessedguessed")]
    assert said == [200, 200, 401]
    text = site.log.read_text()
    assert "proposed_over_http" in text
    assert not [token for token in (ANA, BOB, "guessedguessed", "carl-cccc") if token in text]
