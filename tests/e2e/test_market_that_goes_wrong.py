"""The whole stack, as real processes, while the exchange sends rows that cannot be and has its clock set."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.application.projection import Projection
from shared.messages.catalogue import FEEDS, HALTS
from tests.e2e.stack import Stack, running_stack
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

BTC, ETH = "BTC/USDT", "ETH/USDT"


async def halts(stack: Stack) -> dict[str, str]:
    """Which pairs are halted now, and why; the portfolio's has no name."""
    state = Projection()
    state.take_newest_first(await stack.bus.latest(MAIN.of(HALTS), 1_000))
    state.take_newest_first(await stack.bus.latest(FEEDS.key, 1_000))
    return {halt.symbol: halt.reason for halt in state.halts.values() if halt.trigger == "feed"}


async def has_run(stack: Stack) -> bool:
    return bool(await stack.bus.latest(MAIN.of(HALTS))) and not await halts(stack)


def price_changes(stack: Stack, symbol: str, before: float) -> Callable[[], Awaitable[bool]]:
    async def changed() -> bool:
        return (await stack.bus.marks())[symbol].price != before

    return changed


@pytest.mark.chaos
@pytest.mark.stack(seconds=40)
async def test_an_odd_pair_and_a_clock_that_is_set_back_stop_that_pair_alone(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    async with running_stack(redis_bus, valkey_server, tmp_path, "--speed", "60") as stack:
        await stack.until(lambda: has_run(stack), PATIENCE_SECONDS)
        url = stack.exchange_url()
        for name, value in (("b", "999999"), ("bidPrice", "999999")):
            await stack.fault(url, fault="odd_row", symbol="ETHUSDT", field=name, value=value)

        async def is_eth_off() -> bool:
            return set(await halts(stack)) == {ETH}

        await stack.until(is_eth_off, PATIENCE_SECONDS)
        assert "the bid 999999.0 is over the ask" in (await halts(stack))[ETH]
        assert "'s': 'ETHUSDT'" in (await halts(stack))[ETH]
        await stack.fault(url, fault="clock_step", step_seconds=-30)
        before = (await stack.bus.marks())[BTC].price
        await stack.until(price_changes(stack, BTC, before), PATIENCE_SECONDS)
        await stack.until(lambda: said(stack, "exchange_clock_stepped"), PATIENCE_SECONDS)
        assert await is_eth_off()
        await stack.clear_faults(url)
        await stack.until(lambda: has_run(stack), PATIENCE_SECONDS)
        happened = (await stack.faults(url))["happened"]
    assert happened["odd_row"] > 0
    assert happened["clock_step"] == 1


async def said(stack: Stack, event: str) -> bool:
    return f'"{event}"' in stack.log.read_text(errors="replace")
