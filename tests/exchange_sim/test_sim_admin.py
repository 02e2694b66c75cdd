"""Who may break the simulated exchange: whoever has its token, and no page of the web even with it."""

import stat
from collections import Counter
from pathlib import Path

import aiohttp
import pytest
from msgspec.structs import replace

from services.cli.up.data_dir import TOKEN as TOKEN_FILE
from services.cli.up.data_dir import new_token
from services.exchange_sim.exchange import SimulatedExchange
from shared.adapters.clocks import ManualClock
from shared.adapters.local_ports import free_port
from shared.adapters.redis.bus import RedisBus
from shared.config.faults import ConfigError
from shared.config.model import SimulatorSettings
from tests.exchange_sim.sim_stage import START_MS, TOKEN, generated_market, stage
from tests.exchange_sim.test_sim_service import served

pytestmark = pytest.mark.sockets

ADMIN = (("GET", "/sim/faults"), ("POST", "/sim/faults"), ("DELETE", "/sim/faults"), ("POST", "/sim/account"))
DELAY = {"fault": "late", "seconds": 1.0}


@pytest.mark.parametrize("shown", ["", "Bearer ", "Bearer x", TOKEN, f"bearer {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
async def test_without_the_token_no_fault_is_given_seen_or_cleared_and_no_account_told(shown: str) -> None:
    refused = Counter[tuple[str, str]]()
    async with stage() as sim:
        await sim.inflict(**DELAY)
        async with aiohttp.ClientSession(headers={"Authorization": shown}) as stranger:
            for method, path in ADMIN:
                async with stranger.request(method, f"{sim.url}{path}", json=DELAY) as answer:
                    refused[method, path] += answer.status == 401
                    assert "simulator.token_file" in (await answer.json())["error"]
        _, told = await sim.get("/sim/faults")
        assert len(told["active"]) == 1
    assert refused == dict.fromkeys(ADMIN, 1)


@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Host": "evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
async def test_no_page_of_the_web_gives_a_fault_or_opens_a_stream(headers: dict[str, str]) -> None:
    refused = 0
    async with stage() as sim:
        for method, path in (("POST", "/sim/faults"), ("GET", "/api/v3/time"), ("GET", "/sim/clock"), ("GET", "/ws")):
            async with sim.http.request(method, f"{sim.url}{path}", headers=headers, json=DELAY) as answer:
                refused += answer.status in (403, 421)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await sim.http.ws_connect(f"{sim.url}/stream?streams=btcusdt@kline_1m", headers=headers)
        _, told = await sim.get("/sim/faults")
        assert not told["active"]
    assert refused == 4


async def test_an_exchange_without_a_token_takes_faults_from_nobody() -> None:
    exchange = SimulatedExchange(generated_market(), ManualClock(START_MS * 1_000_000, 60.0))
    refused = 0
    async with exchange.listening("127.0.0.1", 0) as port:
        for shown in ("", "Bearer ", "Bearer x"):
            headers = {"Authorization": shown}
            async with (
                aiohttp.ClientSession() as http,
                http.post(f"http://127.0.0.1:{port}/sim/faults", json=DELAY, headers=headers) as answer,
            ):
                refused += answer.status == 403
    assert refused == 3
    assert not exchange.faults.active


async def test_the_service_makes_the_token_its_owner_alone_reads(redis_bus: RedisBus, tmp_path: Path) -> None:
    file = tmp_path / "token"
    simulator = SimulatorSettings(port=free_port(), start="2024-06-01", token_file=str(file))
    statuses = []
    for _ in range(2):  # after a restart it is the same
        async with served(redis_bus, simulator) as url:
            for token in ("x", file.read_text().strip()):
                headers = {"Authorization": f"Bearer {token}"}
                async with (
                    aiohttp.ClientSession() as http,
                    http.post(f"{url}/sim/faults", json=DELAY, headers=headers) as answer,
                ):
                    statuses.append(answer.status)
    assert statuses == [401, 200, 401, 200]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(ExceptionGroup) as ended:
        async with served(redis_bus, replace(simulator, token_file=str(tmp_path))):
            pass
    assert ended.group_contains(ConfigError)


def test_each_run_of_a_stack_has_a_token_of_its_own(tmp_path: Path) -> None:
    file = new_token(tmp_path)
    first = file.read_text()
    assert (file, len(first) > 32) == (tmp_path / TOKEN_FILE, True)
    assert new_token(tmp_path).read_text() != first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
