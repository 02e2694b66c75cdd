"""Every service of a whole stack that trades is stopped in turn, while the others go on: each is started again."""

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from services.cli.up.watchdog import HUNG_LOOKS
from shared.adapters.redis.bus import RedisBus
from tests.e2e.chaos import Trader, chaos_config
from tests.e2e.invariants import EVERY_SERVICE, check_books, settled
from tests.e2e.stack import Stack, running_stack

APART_SECONDS = 4.0  # between two that are stopped: so they overlap, and each is found by itself


async def stop(stack: Stack, service: str) -> int:
    """SIGSTOP; returns the pid, which hears nothing any more."""
    pid = (await stack.bus.heartbeats())[service].pid
    os.kill(pid, signal.SIGSTOP)
    return pid


def hung(stack: Stack) -> Counter[tuple[str, int]]:
    """Who was found to hang: service and pid."""
    return Counter((row["child"], row["pid"]) for row in stack.logged("child_hung"))


@pytest.mark.chaos
@pytest.mark.stack(seconds=100)
async def test_every_service_that_is_stopped_is_started_again_and_nothing_is_lost_or_repeated(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    trader = Trader(redis_bus)
    options = ("--config", str(chaos_config(tmp_path)), "--speed", "600")
    async with running_stack(redis_bus, valkey_server, tmp_path, *options) as stack:
        await settled(redis_bus, trader)
        stopped: dict[str, int] = {}
        async with trader.trading():
            for service in EVERY_SERVICE:
                stopped[service] = await stop(stack, service)
                await asyncio.sleep(APART_SECONDS)

            async def all_found() -> bool:
                return len(hung(stack)) == len(stopped)

            await stack.until(all_found, HUNG_LOOKS * 4)
        await settled(redis_bus, trader)
        beats = await redis_bus.heartbeats()
        assert {name for name, pid in stopped.items() if beats[name].pid == pid} == set()
        assert hung(stack) == Counter(stopped.items())
    seen = await check_books(redis_bus, trader)
    assert seen.letters == []
    assert seen.binding["portfolio_heat"] > 0
    assert seen.fills > 0
