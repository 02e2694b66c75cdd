"""market_data follows its own stack's simulated exchange, and nobody else's who answers in its place."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from msgspec.structs import replace

from shared.adapters.local_ports import HOST, claimed_port
from shared.config.faults import ConfigError
from shared.messages.catalogue import PAIRS
from tests.market_data.market_stage import Stage, market_stage
from tests.patience import PATIENCE_SECONDS

pytestmark = pytest.mark.sockets


def point(stage: Stage, url: str) -> None:
    stage.settings = replace(stage.settings, exchange=replace(stage.settings.exchange, url=url))


async def forever() -> None:
    await asyncio.Event().wait()


async def refusal(stage: Stage, meanwhile: Callable[[], Awaitable[object]] = forever) -> str:
    """Follow until it is refused; the words of the one ``ConfigError`` that ends it."""
    with pytest.raises(BaseExceptionGroup) as caught:
        await following(stage, meanwhile)
    error: BaseException = caught.value
    while isinstance(error, BaseExceptionGroup):
        [error] = error.exceptions
    assert isinstance(error, ConfigError)
    return str(error)


async def following(stage: Stage, meanwhile: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), stage.follow():
        await meanwhile()


@asynccontextmanager
async def another_program(port: int) -> AsyncIterator[None]:
    """A web server that knows nothing of exchanges."""
    runner = web.AppRunner(web.Application(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, HOST, port).start()
        yield
    finally:
        await runner.cleanup()


async def test_the_exchange_of_another_stack_is_refused_before_anything_of_it_is_published() -> None:
    async with market_stage() as ours, market_stage() as theirs:
        point(ours, theirs.settings.exchange.url)
        told = await refusal(ours)
        assert "exchange.url" in told
        assert theirs.settings.exchange.url in told
        assert "HEATSINK_SIMULATOR__PORT" in told
        assert await ours.messages(PAIRS.key) == []


async def test_another_program_at_the_address_is_refused_too() -> None:
    with claimed_port() as port:
        async with market_stage() as stage, another_program(port):
            point(stage, f"http://{HOST}:{port}")
            assert "does not keep the time at hs:clock" in await refusal(stage)


async def test_it_waits_for_its_own_exchange_and_says_so() -> None:
    with claimed_port() as port:
        async with market_stage() as stage:
            point(stage, f"http://{HOST}:{port}")
            async with stage.follow():
                await stage.until(lambda: stage.log.all("waiting_for_exchange"))
                async with stage.exchange.listening(HOST, port):
                    await stage.until(lambda: stage.messages(PAIRS.key))


async def test_a_stranger_who_takes_the_address_of_an_exchange_that_fell_is_refused() -> None:
    """Until then all is well: the port that the exchange had is another's by the time it is asked again."""
    with claimed_port() as port:
        async with market_stage() as ours, market_stage() as theirs:
            point(ours, f"http://{HOST}:{port}")

            async def swap() -> None:
                async with ours.exchange.listening(HOST, port):
                    await ours.until(lambda: ours.health.is_ready)
                async with theirs.exchange.listening(HOST, port):
                    await forever()

            assert "another stack's exchange" in await refusal(ours, swap)
            assert ours.health.is_ready
