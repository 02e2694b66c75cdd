"""The four machines on a Redis Cluster give what they give on an ordinary server, message by message."""

from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import BARS, CATALOGUE, DECIDED, EXECUTED, HALTS, PROPOSED, SIGNALS, SIZES
from shared.messages.orders import OrderFilled
from tests.keys import MAIN
from tests.upgrade.scene import Stack, before

EVERYTHING = 1_000_000


async def played(bus: RedisBus) -> tuple[dict[str, list[Message]], dict[str, dict[bytes, bytes]]]:
    """Some days of a small portfolio: what stands in every stream afterwards, and the records of every machine."""
    stack = Stack(bus, ManualClock(speed=1.0))
    await before(stack)
    topics = [topic for topic in CATALOGUE if topic.durable and topic is not BARS]
    messages = {topic.name: await bus.latest(MAIN.of(topic), EVERYTHING) for topic in topics}
    specs = [host.spec for host in stack.hosts]
    return messages, {spec.service: await bus.client.hgetall(f"{spec.home}:state:{spec.service}") for spec in specs}


async def test_a_scripted_market_gives_the_same_messages_and_records_on_a_cluster(
    redis_bus: RedisBus, cluster_bus: RedisBus
) -> None:
    assert (redis_bus.clustered, cluster_bus.clustered) == (False, True)
    expected, records = await played(redis_bus)
    made, stored = await played(cluster_bus)
    assert made == expected
    assert stored == records
    for topic in (SIGNALS, SIZES, PROPOSED, DECIDED, EXECUTED, HALTS):
        assert made[topic.name], topic.name
    assert {fill.side for fill in made[EXECUTED.name] if isinstance(fill, OrderFilled)} == {"buy", "sell"}
