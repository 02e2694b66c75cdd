"""The four machines give the same messages and records in memory, on an ordinary server and on a Redis Cluster."""

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import BARS, CATALOGUE, DECIDED, EXECUTED, HALTS, PROPOSED, SIGNALS, SIZES
from shared.messages.orders import OrderFilled
from shared.ports.writer_lease import Snapshot
from tests.keys import MAIN
from tests.upgrade.scene import Stack, before

AnyBus = MemoryBus | RedisBus
EVERYTHING = 1_000_000


async def played(bus: AnyBus) -> tuple[dict[str, list[Message]], dict[str, Snapshot]]:
    """Some days of a small portfolio: what stands in every stream afterwards, and what every machine's commits left."""
    stack = Stack(bus, ManualClock(speed=1.0))
    await before(stack)
    topics = [topic for topic in CATALOGUE if topic.durable and topic is not BARS]
    messages = {topic.name: await bus.latest(MAIN.of(topic), EVERYTHING) for topic in topics}
    return messages, {host.spec.service: await host.lease.load() for host in stack.hosts}


def state_of(snapshot: Snapshot) -> tuple[object, ...]:
    """All but the cursors, which name entries by the ids that the server gave them."""
    return snapshot.seq, snapshot.digest, dict(snapshot.records), set(snapshot.cursors)


async def test_a_scripted_market_gives_the_same_messages_and_records_on_every_bus(
    redis_bus: RedisBus, cluster_bus: RedisBus
) -> None:
    assert (redis_bus.clustered, cluster_bus.clustered) == (False, True)
    messages, states = await played(redis_bus)
    for topic in (SIGNALS, SIZES, PROPOSED, DECIDED, EXECUTED, HALTS):
        assert messages[topic.name], topic.name
    assert {fill.side for fill in messages[EXECUTED.name] if isinstance(fill, OrderFilled)} == {"buy", "sell"}
    for bus in (cluster_bus, MemoryBus(MAIN)):
        same_messages, same_states = await played(bus)
        assert same_messages == messages
        assert {name: state_of(state) for name, state in same_states.items()} == {
            name: state_of(state) for name, state in states.items()
        }
