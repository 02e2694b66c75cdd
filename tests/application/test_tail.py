"""Messages as they come: what is there, what comes from now on, and what nobody can read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.application.stack import StackLocator, find_stack
from shared.application.tail import Item, TailRequest, UnknownTopicError, Unreadable, tail
from shared.messages.catalogue import DECIDED, MARKS
from shared.messages.market import MarkChanged
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import decision, proposal, samples

[MARK] = [message for message in samples() if isinstance(message, MarkChanged)]


@pytest.fixture
def stack(valkey_server: str, tmp_path: Path) -> StackLocator:
    return find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})


async def some(items: AsyncIterator[Item], count: int) -> list[Item]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(items) for _ in range(count)]


async def test_what_is_there_comes_in_the_order_of_time_and_then_it_ends(
    redis_bus: RedisBus, stack: StackLocator
) -> None:
    await redis_bus.publish([decision("o-2"), proposal("o-1")])
    async with tail(stack, TailRequest(last=5, follow=False)) as items:
        assert [item async for item in items] == [proposal("o-1"), decision("o-2")]


async def test_what_comes_later_follows_what_was_there(redis_bus: RedisBus, stack: StackLocator) -> None:
    await redis_bus.publish([decision("o-1"), decision("o-2")])
    async with tail(stack, TailRequest(topics=("decided",), last=1)) as items:
        await redis_bus.publish([proposal("o-3"), decision("o-3")])
        assert await some(items, 2) == [decision("o-2"), decision("o-3")]


async def test_one_pair_is_followed_alone(redis_bus: RedisBus, stack: StackLocator) -> None:
    async with tail(stack, TailRequest(names=("ETH/USDT",))) as items:
        await redis_bus.publish([decision("o-1"), eth := decision("o-2", symbol="ETH/USDT")])
        assert await some(items, 1) == [eth]


async def test_marks_are_heard_on_their_channel_only_if_they_are_named(
    redis_bus: RedisBus, stack: StackLocator
) -> None:
    async with tail(stack, TailRequest(topics=("marks", "decided"))) as items:
        heard = asyncio.ensure_future(some(items, 2))
        while not await redis_bus.client.publish(MARKS.key, encode(MARK)):  # until the channel is listened to
            await asyncio.sleep(0.02)
        await redis_bus.publish([decision()])
        assert set(map(type, await heard)) == {MarkChanged, type(decision())}


async def test_what_nobody_can_read_is_told_with_its_place(redis_bus: RedisBus, stack: StackLocator) -> None:
    async with tail(stack, TailRequest(topics=("decided", "marks"))) as items:
        heard = asyncio.ensure_future(some(items, 2))
        while not await redis_bus.client.publish(MARKS.key, b"no mark"):
            await asyncio.sleep(0.02)
        entry = await redis_bus.client.xadd(MAIN.of(DECIDED), {"m": b"no verdict"})
        found = {item.source: item for item in await heard if isinstance(item, Unreadable)}
    assert (found[MARKS.key].entry_id, found[MAIN.of(DECIDED)].entry_id) == ("", entry.decode())
    assert all(item.reason for item in found.values())


async def test_bytes_that_nobody_can_read_are_left_out_where_one_pair_is_wanted(
    redis_bus: RedisBus, stack: StackLocator
) -> None:
    async with tail(stack, TailRequest(topics=("decided",), names=("BTC/USDT",))) as items:
        await redis_bus.client.xadd(MAIN.of(DECIDED), {"m": b"no verdict"})
        await redis_bus.publish([decision()])
        assert await some(items, 1) == [decision()]


async def test_a_topic_that_is_not_in_the_catalogue_is_an_error(redis_bus: RedisBus, stack: StackLocator) -> None:
    with pytest.raises(UnknownTopicError, match='There is no topic "decide"'):
        async with tail(stack, TailRequest(topics=("decide",))):
            pass
