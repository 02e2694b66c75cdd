"""The exchange's clock and the one of our own machine are set forward and back under a whole stack that trades.

While a clock is wrong the gate may close, by name. Once it is right, all goes on; the money adds up all along.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import accumulate
from pathlib import Path

import pytest

from services.wiring import EXCHANGE_SIM
from shared.adapters.local_ports import claimed_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.config.load import process_environment
from tests.e2e.chaos import Trader, chaos_config
from tests.e2e.invariants import EVERY_SERVICE, check_books, settled
from tests.e2e.settable_clock import SettableClock
from tests.e2e.stack import Stack, running_stack
from tests.keys import MAIN

WRONG_SECONDS = 6.0  # how long a clock stays wrong
STEPS = (20.0, -20.0, -20.0, 20.0)  # wall seconds: ahead, right, behind, right
HOUR = 3_600.0
OUR_STEPS = (20.0, -20.0, -20.0, 20.0, HOUR, -HOUR)
OUR_SERVICES = [name for name in EVERY_SERVICE if name != EXCHANGE_SIM]  # which has a clock of its own


@pytest.mark.chaos
@pytest.mark.stack(seconds=60)
async def test_the_exchange_s_clock_steps_and_each_step_is_said_and_followed(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    trader = Trader(redis_bus)
    options = ("--config", str(chaos_config(tmp_path)), "--speed", "60")
    async with running_stack(redis_bus, valkey_server, tmp_path, *options) as stack:
        await settled(redis_bus, trader)
        url = stack.exchange_url()
        async with trader.trading():
            for number, step_seconds in enumerate(STEPS, start=1):
                await stack.fault(url, fault="clock_step", step_seconds=step_seconds)
                await stack.until(lambda number=number: is_said(stack, "exchange_clock_stepped", number), 60)
                await asyncio.sleep(WRONG_SECONDS)
        await settled(redis_bus, trader)
        happened = (await stack.faults(url))["happened"]
        told = [row["market_seconds"] for row in stack.logged("exchange_clock_stepped")]
        assert stack.logged("child_died") == []
    seen = await check_books(redis_bus, trader)
    assert happened["clock_step"] == len(STEPS)
    assert [round(seconds / 60 / 20) for seconds in told] == [1, -1, -1, 1]
    assert seen.letters == []
    assert seen.fills > 0


@pytest.mark.chaos
@pytest.mark.stack(seconds=60)
async def test_our_own_clock_steps_and_every_service_says_so_and_goes_on(tmp_path: Path) -> None:
    clock = SettableClock(tmp_path, excepted=EXCHANGE_SIM)
    async with server(tmp_path, clock.environ) as url, RedisBus.open(url, MAIN) as bus:
        trader = Trader(bus)
        options = ("--config", str(chaos_config(tmp_path)), "--speed", "60")
        async with running_stack(bus, url, tmp_path, *options, environ=clock.environ) as stack:
            await settled(bus, trader)
            async with trader.trading():
                for ahead_seconds in accumulate(OUR_STEPS):
                    clock.set_ahead(ahead_seconds)
                    trader.ahead_seconds = ahead_seconds
                    await stack.until(lambda: every_service_said(stack, clock.steps), 60)
                    await asyncio.sleep(WRONG_SECONDS)
            await settled(bus, trader)
            assert stack.logged("child_died") == []
            told = said(stack)
        seen = await check_books(bus, trader)
    assert told == {name: list(OUR_STEPS) for name in OUR_SERVICES}
    assert seen.fills > 0


@asynccontextmanager
async def server(folder: Path, environ: Mapping[str, str]) -> AsyncIterator[str]:
    """A server on the machine whose clock is set; its URL."""
    (folder / "server").mkdir()
    with claimed_port() as port, (folder / "valkey.log").open("wb") as log:
        valkey = EmbeddedValkey(folder / "server", port)
        process = await asyncio.create_subprocess_exec(
            *valkey.command(), stdout=log, stderr=log, env={**process_environment(), **environ}
        )
        try:
            await wait_until_ready(valkey.url)
            yield valkey.url
        finally:
            process.terminate()
            await process.wait()


async def is_said(stack: Stack, event: str, times: int) -> bool:
    return len(stack.logged(event)) >= times


async def every_service_said(stack: Stack, times: int) -> bool:
    return all(len(said(stack)[name]) >= times for name in OUR_SERVICES)


def said(stack: Stack) -> dict[str, list[float]]:
    """By how many whole seconds each service noticed that the clock was set, every time."""
    rows = [(row["service"], float(round(row["seconds"]))) for row in stack.logged("clock_stepped")]
    return {name: [seconds for service, seconds in rows if service == name] for name in OUR_SERVICES}
