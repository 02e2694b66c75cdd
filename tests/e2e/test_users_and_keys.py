"""The whole stack as ``heatsink up`` starts it: every service signs in by its own name, and signs its words."""

import asyncio
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.wiring import key_holders
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.application.stack import StackLocator, find_stack, read_note
from shared.config.credentials import OWNER
from shared.messages.base import Message
from shared.messages.catalogue import CONTROL, DEAD, DECIDED, EXECUTED, HALTS
from shared.messages.control import Halt
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderFilled
from tests.e2e.stack import ROOT
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.shipped import bare_environ

pytestmark = pytest.mark.processes
POLL_SECONDS = 0.2


@asynccontextmanager
async def running(data: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """``heatsink up`` on a server of its own; ended with SIGTERM, and it must end well."""
    with (data.parent / "up.log").open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.cli", "up", "--json-logs", "--data", str(data),
            cwd=ROOT, env=bare_environ(), stdout=output, stderr=output,
        )  # fmt: skip
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.wait() == 0, (data.parent / "up.log").read_text(errors="replace")[-4000:]
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def until(holds: Callable[[], Awaitable[object]], process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():
            assert process.returncode is None, "the stack ended"
            await asyncio.sleep(POLL_SECONDS)


async def found(data: Path, process: asyncio.subprocess.Process) -> StackLocator:
    async def noted() -> bool:
        return read_note(data) is not None

    await until(noted, process)
    return find_stack(redis_url=None, config_dir=None, data_dir=data, environ=bare_environ())


async def messages(bus: RedisBus, key: str) -> list[Message]:
    return await bus.latest(key, 10_000)


async def halted_by(bus: RedisBus) -> set[str]:
    return {each.who for each in await messages(bus, MAIN.of(HALTS)) if isinstance(each, Halted)}


def halt(name: str) -> Halt:
    return Halt(id=name, time_ns=1, who=name, reason="a test")


async def test_the_whole_stack_works_with_users_and_keys_and_a_stranger_is_not_believed(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with running(data) as process:
        stack = await found(data, process)
        keys = [data / "keys" / f"{writer}.key" for writer in key_holders()]
        assert {stat.S_IMODE(path.stat().st_mode) for path in keys} == {0o600}
        async with stack.bus(OWNER) as owner, stack.bus("operator") as operator:

            async def filled() -> bool:
                return any(isinstance(each, OrderFilled) for each in await messages(owner, MAIN.of(EXECUTED)))

            await until(filled, process)
            for topic in (DECIDED, EXECUTED):
                rows = await owner.client.xrange(MAIN.of(topic))
                assert rows
                assert all(b"s" in fields for _, fields in rows), topic.name

            # A stranger with the operator's password, but not with the key.
            await operator.client.xadd(MAIN.of(CONTROL), {"m": encode(halt("stranger"))})

            async def refused() -> bool:
                letters = [each for each in await messages(owner, DEAD.key) if isinstance(each, MessageRefused)]
                return any(letter.field == "signature" for letter in letters)

            await until(refused, process)
            assert "stranger" not in await halted_by(owner)
            await operator.publish([halt("operator")])

            async def halted() -> bool:
                return "operator" in await halted_by(owner)

            await until(halted, process)
            assert await owner.client.hlen("hs:library") == 1
    async with running(data) as process:  # what was left is believed: it is sealed with the keys that are there
        stack = await found(data, process)
        async with stack.bus(OWNER) as owner:

            async def ready() -> bool:
                beats = (await owner.heartbeats()).values()
                return {"risk", "execution", "sizing"} <= {beat.service for beat in beats if beat.state == "ready"}

            await until(ready, process)
            assert "stranger" not in await halted_by(owner)
