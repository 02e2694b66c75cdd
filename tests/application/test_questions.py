"""Questions to the risk service, where nobody is there to answer."""

from pathlib import Path

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.application.questions import NobodyAnsweredError, ask_room, ask_shadow
from shared.application.stack import find_stack
from tests.samples import D


async def test_when_nobody_answers_the_remedy_is_named(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    with pytest.raises(NobodyAnsweredError, match="did not answer within"):
        await ask_room(stack, "ETH/USDT", stop_price=D(1400), wait_seconds=0.1)
    with pytest.raises(NobodyAnsweredError):
        await ask_shadow(stack, wait_seconds=0.1)
    assert await redis_bus.client.keys("*") == [], "a question leaves nothing behind"
