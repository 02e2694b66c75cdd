"""The audit stream is whole: halts and their ends stand in it too, written in the commit that decided them."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.execution import service as execution
from services.ops.figures import FOLLOWED, Figures
from services.risk import service as risk
from services.signals import service as signals
from services.sizing import service as sizing
from shared.adapters.clocks import ManualClock, RealClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.application.commands import ANSWERED_ON
from shared.application.monitor import Monitor
from shared.config.model import Settings
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, CATALOGUE, HALTS, Topic, is_copy, topic_of_key
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.keys import Keys
from shared.messages.portfolio import CommandRefused
from shared.ports.errors import FencedError
from shared.ports.writer_lease import Commit
from tests.domain.risk.risk_harness import UNIVERSE
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import samples

AnyBus = MemoryBus | RedisBus
AuditKey, HaltsKey = MAIN.of(AUDIT), MAIN.of(HALTS)
OF_HALTS: list[Message] = [each for each in samples() if isinstance(each, Halted | Resumed | ResumeAsked)]
[WARNING] = [each for each in samples() if isinstance(each, Alerted)]
[REFUSAL] = [each for each in samples() if isinstance(each, CommandRefused)]
DECIDED: list[Message] = [*OF_HALTS[:2], WARNING, *OF_HALTS[2:]]


async def oldest_first(bus: AnyBus, key: str) -> list[Message]:
    return list(reversed(await bus.latest(key, 1_000)))


def commit_of(seq: int, outputs: list[Message]) -> Commit:
    return Commit(seq=seq, outputs=outputs, records={}, cursors={}, handled=(), digest=0)


def test_only_halts_are_copied_and_only_to_the_audit_stream() -> None:
    copied = {type(each) for each in samples() if len(MAIN.places_of(each)) > 1}
    assert copied == {Halted, Resumed, ResumeAsked}
    assert Keys("desk-2").places_of(OF_HALTS[0]) == ((HALTS, "hs:{desk-2}:halts"), (AUDIT, "hs:{desk-2}:audit"))
    assert [is_copy(OF_HALTS[0], key) for key in (HaltsKey, AuditKey, "hs:{desk-2}:audit")] == [False, True, True]
    assert not is_copy(WARNING, AuditKey)


async def test_a_commit_writes_halts_and_their_copies_at_once_in_one_order(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    async with bus.listen(HaltsKey) as halts, bus.listen(AuditKey) as audit:
        await lease.commit(commit_of(1, DECIDED))
        assert [await halts.next(2.0) for _ in OF_HALTS] == [(HaltsKey, encode(each)) for each in OF_HALTS]
        assert [await audit.next(2.0) for _ in DECIDED] == [(AuditKey, encode(each)) for each in DECIDED]
    assert await oldest_first(bus, HaltsKey) == OF_HALTS
    assert await oldest_first(bus, AuditKey) == DECIDED


async def test_a_commit_that_is_refused_leaves_no_copy(bus: AnyBus) -> None:
    old = bus.writer_lease("risk", (), home="hs:{main}")
    await old.acquire()
    await old.release()
    await bus.writer_lease("risk", (), home="hs:{main}").acquire()
    with pytest.raises(FencedError):
        await old.commit(commit_of(1, DECIDED))
    assert await oldest_first(bus, AuditKey) == []


async def test_every_consumer_of_the_audit_stream_can_read_the_copies(bus: AnyBus) -> None:
    await bus.publish(DECIDED)
    lease = bus.writer_lease("reader", (AuditKey, HaltsKey), home="hs:{main}")
    await lease.acquire()
    entries = await lease.read(500)
    assert [entry.message for entry in entries] == [*DECIDED, *OF_HALTS]
    assert not any(entry.fault for entry in entries)


def test_nobody_hears_of_one_thing_by_two_streams() -> None:
    settings, clock = Settings(universe=UNIVERSE), ManualClock()
    hearing: dict[str, tuple[Topic | None, ...]] = {"heatsink halt": ANSWERED_ON, "ops": FOLLOWED}
    for service in (execution, risk, signals, sizing):
        sources = service.spec_of(settings, clock).sources
        hearing[service.__name__] = tuple(topic_of_key(key) for key in sources)
    for name, topics in hearing.items():
        assert [topic for topic in topics if topic and set(topic.copies) & set(topics)] == [], name
    assert AUDIT in hearing[sizing.__name__]  # where halts come from


def tail(url: str, folder: Path, *arguments: str) -> str:
    places = ("--redis-url", url, "--data", str(folder))
    result = CliRunner().invoke(app, ["tail", *arguments, "--last", "9", "--no-follow", *places])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize(
    ("topics", "lines"), [((), 4), (("halts",), 3), (("audit",), 4), (("audit", "halts"), 4)], ids=str
)
async def test_tail_prints_each_message_once(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path, topics: tuple[str, ...], lines: int
) -> None:
    await redis_bus.publish(DECIDED)
    printed = await asyncio.to_thread(tail, valkey_server, tmp_path, *topics)
    assert len(printed.splitlines()) == lines, printed


async def test_the_panel_counts_and_shows_each_message_once(redis_bus: RedisBus) -> None:
    shown: list[Message] = []
    streams = [MAIN.of(topic, "1h") for topic in CATALOGUE if topic.durable]
    monitor = Monitor(redis_bus, dict.fromkeys(streams, "0"), shown.append)
    await redis_bus.publish(DECIDED)
    await monitor.drain()
    assert sorted(each.id for each in shown) == sorted(each.id for each in DECIDED)


async def test_the_metrics_count_each_halt_once(redis_bus: RedisBus) -> None:
    [halted] = [each for each in OF_HALTS if isinstance(each, Halted)]
    figures = Figures(redis_bus, RealClock())
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        follow = group.create_task(figures.follow())
        while not figures.counts.of(Alerted):  # until it follows, whatever it missed before
            await redis_bus.publish([WARNING])
            await asyncio.sleep(0.05)
        await redis_bus.publish([halted, REFUSAL])
        while not figures.counts.of(CommandRefused):
            await asyncio.sleep(0.02)
        follow.cancel()
    assert figures.counts.halts[halted.trigger] == 1
    assert figures.state.halts == {(halted.symbol, halted.trigger): halted}
