"""What a machine does not believe: the host puts it away, with what only the host knows of it."""

from collections.abc import Sequence

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, DEAD
from shared.messages.dead_letter import MessageRefused, message_refused
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


async def test_a_refusal_stands_on_the_dead_stream_before_the_entry_counts_as_handled(bus: AnyBus) -> None:
    host = MachineHost(scripted_spec(disbelieve), bus, ManualClock(), LogLines())
    await host.recover()
    await bus.publish([proposal("odd")])
    dead_at_commit = []
    whole = host.lease.commit

    async def look_and_commit(commit: object) -> None:
        dead_at_commit.append(len(await bus.latest(DEAD.key, 10)))
        await whole(commit)  # type: ignore[arg-type]

    host.lease.commit = look_and_commit  # type: ignore[method-assign]
    await host.step(wait_ms=0)
    assert dead_at_commit == [1]
