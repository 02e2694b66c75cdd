"""A second market on the server of a whole stack that trades: refused by name each time, and the first goes on."""

import asyncio
import sys
from collections import Counter
from pathlib import Path

import pytest

from services.wiring import MARKET_DATA
from shared.adapters.redis.bus import RedisBus
from shared.config.faults import EXIT_CONFIG
from shared.config.load import process_environment
from shared.messages.catalogue import BARS
from shared.messages.market import BarClosed
from tests.e2e.chaos import Trader, all_of, chaos_config
from tests.e2e.invariants import check_books, settled
from tests.e2e.stack import ROOT, running_stack
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

AT_THE_LEASE, AT_THE_START = '"event":"market_taken"', "another stack runs on this server"  # how it is refused


async def ended(folder: Path, *command: str, **settings: str) -> tuple[int, str]:
    """Run a command to its end; its exit code and its log, which is in the folder."""
    path = folder / "second.log"
    with path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, cwd=ROOT, env={**process_environment(), **settings}, stdout=log, stderr=log
        )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, path.read_text()


@pytest.mark.chaos
@pytest.mark.stack(seconds=60)
async def test_a_second_market_is_refused_however_it_is_started_and_the_first_goes_on(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    trader, config = Trader(redis_bus), str(chaos_config(tmp_path))
    refused: Counter[str] = Counter()
    async with running_stack(redis_bus, valkey_server, tmp_path, "--config", config, "--speed", "600") as stack:
        await settled(redis_bus, trader)
        service = {
            "HEATSINK_CONFIG_DIR": config,
            "HEATSINK_REDIS__URL": valkey_server,
            "HEATSINK_EXCHANGE__URL": stack.exchange_url(),
        }
        up = ("services.cli", "up", "--redis-url", valkey_server, "--json-logs", "--data", str(tmp_path / "other"))
        ways = {
            "the service": ((f"services.{MARKET_DATA}",), service, AT_THE_LEASE),
            "a stack of the same market": ((*up, "--config", config, "--speed", "600"), {}, AT_THE_START),
            "a stack of another market": ((*up, "--seed", "99", "--from", "2024-03-05"), {}, AT_THE_START),
        }
        async with trader.trading():
            for name, (command, settings, words) in ways.items():
                code, log = await ended(tmp_path, *command, **settings)
                assert (code, "market_lease_acquired" in log, "child_started" in log) == (EXIT_CONFIG, False, False), (
                    log
                )
                assert f"{MARKET_DATA}@" in log, log
                refused[name] += log.count(words)
        await stack.kill(MARKET_DATA)  # a restart of the first is no second
        await settled(redis_bus, trader)
        assert stack.logged("fenced") == []
        assert [row["child"] for row in stack.logged("child_died")] == [MARKET_DATA]
    seen = await check_books(redis_bus, trader)
    assert refused == Counter(dict.fromkeys(ways, 1))
    assert stack.kills == {MARKET_DATA: 1}
    bars = await all_of(redis_bus, MAIN.of(BARS, "1h"), BarClosed)
    assert set(Counter((bar.symbol, bar.open_time_ns) for bar in bars).values()) == {1}
    assert seen.letters == []
    assert seen.fills > 0
