"""Commands, with something that answers as the risk service does."""

import asyncio
from pathlib import Path

import pytest

from shared.adapters.redis.bus import RedisBus
from shared.application.commands import NoAnswerError, resume_asked, send_halt, send_resume
from shared.application.phase import set_phase
from shared.application.stack import StackLocator, find_stack
from shared.application.wording.one_line import event_line
from shared.domain.timeframes import MINUTE_NS
from shared.messages.base import derived_id
from shared.messages.catalogue import CONTROL
from shared.messages.control import Halt, Resume
from shared.messages.halts import Halted, ResumeAsked, Resumed
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import HOUR, samples


def stack_at(url: str, data_dir: Path) -> StackLocator:
    return find_stack(redis_url=url, config_dir=None, data_dir=data_dir, environ={})


async def answer_once(bus: RedisBus) -> None:
    """Take the next command and say what became of it."""
    cursors = {MAIN.of(CONTROL): "0"}
    while True:
        for entry in await bus.read_from(cursors, 200):
            command = entry.message
            if isinstance(command, Halt):
                halted = Halted(
                    id=derived_id("halted", command.id),
                    cause=command.id,
                    time_ns=command.time_ns,
                    symbol=command.symbol,
                    reason=command.reason,
                    until_ns=command.until_ns,
                    who=command.who,
                )
                await bus.publish([halted])
                return
            if isinstance(command, Resume):
                resumed = Resumed(
                    id=derived_id("resumed", command.id),
                    cause=command.id,
                    time_ns=command.time_ns,
                    symbol=command.symbol,
                    held_ns=HOUR,
                    who=command.who,
                )
                await bus.publish([resumed])
                return


async def test_a_halt_is_sent_and_its_answer_told(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = stack_at(valkey_server, tmp_path)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(answer_once(redis_bus))
        [halted] = await send_halt(
            stack, "ETH/USDT", who="ana", reason="odd prices", minutes=30, wait_seconds=PATIENCE_SECONDS
        )
    answer = event_line(halted)
    assert isinstance(halted, Halted)
    assert (halted.who, halted.until_ns) == ("ana", halted.time_ns + 30 * MINUTE_NS)
    assert "HALTED    ETH/USDT (halted) until" in answer
    assert "odd prices" in answer


async def test_a_resume_is_sent_and_its_answer_told(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = stack_at(valkey_server, tmp_path)
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        group.create_task(answer_once(redis_bus))
        [resumed] = await send_resume(stack, "", who="ana", reason="fine again", wait_seconds=PATIENCE_SECONDS)
    answer = event_line(resumed)
    assert "resumed   the portfolio after 1 h" in answer


async def test_a_command_that_nobody_takes_is_reported_as_waiting(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    with pytest.raises(NoAnswerError, match="waits in its stream"):
        await send_halt(stack_at(valkey_server, tmp_path), "", who="ana", reason="stop", wait_seconds=0.1)
    assert await redis_bus.latest(MAIN.of(CONTROL)) != []


async def test_a_change_of_the_phase_that_nobody_takes_is_reported_as_waiting(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    stack = stack_at(valkey_server, tmp_path)
    with pytest.raises(NoAnswerError, match="waits in its stream"):
        await set_phase(stack, "live", who="ana", reason="nobody there", wait_seconds=0.1)
    assert await redis_bus.latest(MAIN.of(CONTROL)) != []


def test_the_second_step_of_a_resume_is_found_among_the_answers() -> None:
    asked = resume_asked(samples())
    assert isinstance(asked, ResumeAsked)
    assert asked.confirm == "7f3a9c"
    assert resume_asked([]) is None
