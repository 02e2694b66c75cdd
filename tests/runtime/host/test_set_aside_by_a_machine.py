"""What a machine sets aside by itself: the host tells of it before it commits, as of what it sets aside."""

from collections.abc import Sequence

import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, SET_ASIDE
from shared.messages.dead_letter import EntrySetAside
from shared.runtime.host import MachineHost
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines
from tests.runtime.host.scripted_machine import scripted_spec
from tests.samples import T0, proposal

AnyBus = MemoryBus | RedisBus


def aside(message: Message) -> Sequence[Message]:
    if message.id != "odd":
        return ()
    return [EntrySetAside(id="aside-odd", time_ns=T0, cause="odd", service="risk", source="hs:bars:1h", symbol="")]


async def test_it_is_told_once_and_its_neighbours_are_committed(bus: AnyBus) -> None:
    host = MachineHost(scripted_spec(aside), bus, ManualClock(), LogLines())
    await host.recover()
    await bus.publish([proposal("first"), proposal("odd"), proposal("last")])
    await host.step(wait_ms=0)
    assert [told.id for told in await bus.latest(SET_ASIDE.key, 10)] == ["aside-odd"]
    assert [alert.cause for alert in await bus.latest(MAIN.of(AUDIT), 10)] == ["last", "first"]
    await bus.publish([proposal("more")])
    await host.step(wait_ms=0)
    assert len(await bus.latest(SET_ASIDE.key, 10)) == 1


async def test_a_host_that_dies_before_its_commit_tells_of_it_again_under_the_same_id(bus: AnyBus) -> None:
    host = MachineHost(scripted_spec(aside), bus, ManualClock(), LogLines())
    await host.recover()
    await bus.publish([proposal("odd")])
    host.lease.commit = _dies  # type: ignore[method-assign]
    with pytest.raises(ConnectionError):
        await host.step(wait_ms=0)
    again = MachineHost(scripted_spec(aside), bus, ManualClock(), LogLines())
    await again.recover()
    assert [told.id for told in await bus.latest(SET_ASIDE.key, 10)] == ["aside-odd", "aside-odd"]


async def _dies(_commit: object) -> None:
    raise ConnectionError
