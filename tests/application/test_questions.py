"""Questions to the risk service, where nobody is there to answer, or it cannot."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from shared.adapters.codec import decode
from shared.adapters.redis.bus import RedisBus
from shared.application.questions import NobodyAnsweredError, NotAnsweredError, ask_import, ask_room, ask_shadow
from shared.application.stack import find_stack
from shared.messages.ask import ImportAsked, RoomAnswered
from shared.messages.catalogue import ASK
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, D


async def test_when_nobody_answers_the_remedy_is_named(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    with pytest.raises(NobodyAnsweredError, match="did not answer within"):
        await ask_room(stack, "ETH/USDT", stop_price=D(1400), wait_seconds=0.1)
    with pytest.raises(NobodyAnsweredError):
        await ask_shadow(stack, wait_seconds=0.1)
    assert await redis_bus.client.keys("*") == [], "a question leaves nothing behind"


async def test_why_there_is_no_answer_is_told_at_once_whatever_was_asked(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    async with redis_bus.listen(MAIN.of(ASK)) as listener, asyncio.TaskGroup() as group:
        asking = group.create_task(_told(ask_import(stack, (), wait_seconds=PATIENCE_SECONDS)))
        heard = await listener.next(PATIENCE_SECONDS)
        assert heard is not None
        asked = decode(heard[1])
        assert isinstance(asked, ImportAsked)
        refused = RoomAnswered(
            id="a", time_ns=T0, cause=asked.id, reply_to=asked.reply_to, nav=0.0, heat=0.0, rooms=(), reason="I fail"
        )
        await redis_bus.answer([refused])
    assert asking.result() == "The risk service says: I fail."


async def _told(question: Awaitable[object]) -> str:
    with pytest.raises(NotAnsweredError) as caught:
        await question
    return str(caught.value)
