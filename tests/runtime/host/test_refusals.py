"""What a machine does not believe: the host puts it away, with what only the host knows of it."""

from collections.abc import Sequence

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD
from shared.messages.dead_letter import MessageRefused, message_refused
from shared.ports.streams import Entry
from shared.ports.writer_lease import Commit
from shared.runtime.host import MachineHost
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines
from tests.runtime.host.scripted_machine import PROPOSALS, scripted_spec
from tests.samples import T0, proposal

AnyBus = MemoryBus | RedisBus


def disbelieve(message: Message) -> Sequence[Message]:
    if message.id != "odd":
        return ()
    return [message_refused(message, time_ns=T0, field="quantity", reason="nobody approved so much")]


async def test_a_message_that_a_machine_refuses_lands_on_the_dead_stream_with_its_entry_and_the_rest_is_committed(
    bus: AnyBus,
) -> None:
    log = LogLines()
    host = MachineHost(scripted_spec(disbelieve), bus, ManualClock(), log)
    await host.recover()
    await bus.publish([proposal("first"), proposal("odd"), proposal("last")])
    await host.step(wait_ms=0)
    [refused] = await bus.latest(DEAD.key, 10)
    assert isinstance(refused, MessageRefused)
    ends = await bus.read_from({PROPOSALS: "0-0"}, 0)
    assert (refused.cause, refused.field, refused.reason) == ("odd", "quantity", "nobody approved so much")
    assert (refused.source, refused.entry, refused.consumer) == (PROPOSALS, ends[1].id, "risk")
    assert (refused.body, refused.size_bytes) == (encode(proposal("odd")), len(ends[1].body))
    alerts = await bus.latest(MAIN.of(AUDIT), 10)
    assert [alert.cause for alert in alerts] == ["last", "first"]
    assert [line["message"] for line in log.all("message_refused")] == ["odd"]


@pytest.mark.parametrize(
    ("takes_letters", "before", "carried"), [(True, 0, ["odd"]), (False, 1, [])], ids=["with its commit", "before it"]
)
async def test_a_refusal_stands_on_the_dead_stream_as_soon_as_the_entry_counts_as_handled(
    bus: AnyBus, takes_letters: bool, before: int, carried: list[str]
) -> None:
    host = MachineHost(scripted_spec(disbelieve), bus, ManualClock(), LogLines())
    await host.recover()
    host.lease.takes_letters = takes_letters
    await bus.publish([proposal("odd")])
    dead: list[int] = []
    letters: list[str] = []
    whole = host.lease.commit

    async def look_around_the_commit(commit: Commit) -> bool:
        letters.extend(letter.cause for letter in commit.letters)
        dead.append(len(await bus.latest(DEAD.key, 10)))
        are_put = await whole(commit)
        dead.append(len(await bus.latest(DEAD.key, 10)))
        return are_put

    host.lease.commit = look_around_the_commit  # type: ignore[method-assign]
    await host.step(wait_ms=0)
    assert (dead, letters) == ([before, 1], carried)
    assert len(await bus.latest(DEAD.key, 10)) == 1


async def test_a_step_that_commits_nothing_puts_away_what_it_refused_all_the_same(bus: AnyBus) -> None:
    host = MachineHost(scripted_spec(), bus, ManualClock(), LogLines())
    await host.recover()
    host.dead_letters.hold_refusals([*disbelieve(proposal("odd"))], Entry("hs:{main}:ask", "", proposal("odd")))
    seq = host.seq
    await host.step(wait_ms=0)
    [refused] = await bus.latest(DEAD.key, 10)
    assert (refused.cause, host.seq) == ("odd", seq)


async def test_a_refusal_that_has_no_place_stops_no_commit_and_is_logged(redis_bus: RedisBus) -> None:
    log = LogLines()
    host = MachineHost(scripted_spec(disbelieve), redis_bus, ManualClock(), log)
    await host.recover()
    await redis_bus.client.set(DEAD.key, "no stream")
    await redis_bus.publish([proposal("odd"), proposal("good")])
    seq = host.seq
    await host.step(wait_ms=0)
    assert host.seq == seq + 1
    assert [alert.cause for alert in await redis_bus.latest(MAIN.of(AUDIT), 10)] == ["good"]
    [line] = log.all("dead_letter_unwritten")
    assert (line["source"], line["reason"]) == (PROPOSALS, "nobody approved so much")
    assert bytes.fromhex(line["body"]) == encode(proposal("odd"))
    [summary] = log.all("dead_letters_unwritten")
    assert (summary["count"], "hs:dead" in summary["reason"]) == (1, True)
    await redis_bus.client.delete(DEAD.key)
    await redis_bus.publish([proposal("odd")])
    await host.step(wait_ms=0)
    assert [letter.cause for letter in await redis_bus.latest(DEAD.key, 10)] == ["odd"]
