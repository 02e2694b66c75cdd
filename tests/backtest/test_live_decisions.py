"""The decisions of a live stack, read from its streams."""

from typing import TypeVar

import pytest
from msgspec import structs

from services.backtest.live_decisions import recorded_decisions
from services.backtest.recorder.decisions import decision_of
from services.backtest.sides import side_of_stack
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.application.errors import UserError
from shared.messages.catalogue import DECIDED
from shared.messages.orders import StopApproved
from shared.messages.portfolio import PortfolioMarked
from tests.keys import MAIN
from tests.samples import HOUR, T0, decision, samples

Bus = MemoryBus | RedisBus
T = TypeVar("T")


def one_of(kind: type[T]) -> T:
    return next(each for each in samples() if isinstance(each, kind))


async def test_all_decisions_are_read_page_by_page_and_nothing_else(bus: Bus) -> None:
    orders = [structs.replace(decision(f"o-{number}", seq=number), time_ns=T0 + number) for number in range(2_500)]
    for first in range(0, len(orders), 500):
        await bus.publish([*orders[first : first + 500], one_of(StopApproved)])
    found = await recorded_decisions(bus, MAIN)
    assert found.decisions == [decision_of(each) for each in orders]
    assert found.unreadable == 0


async def test_a_stack_knows_the_time_from_its_first_word_to_its_last_snapshot(bus: Bus) -> None:
    snapshot = one_of(PortfolioMarked)
    await bus.publish([structs.replace(snapshot, time_ns=T0), structs.replace(decision("o-1"), time_ns=T0 + HOUR)])
    await bus.publish([structs.replace(snapshot, time_ns=T0 + 5 * HOUR)])
    found = await recorded_decisions(bus, MAIN)
    assert (found.from_ns, found.until_ns) == (T0, T0 + 5 * HOUR + 1)


async def test_what_is_no_message_is_counted_and_stops_nothing(redis_bus: RedisBus) -> None:
    await redis_bus.publish([decision("o-1")])
    await redis_bus.client.xadd(MAIN.of(DECIDED), {"m": b"no message"})
    await redis_bus.publish([decision("o-2", seq=2)])
    found = await recorded_decisions(redis_bus, MAIN)
    assert [each.order_id for each in found.decisions] == ["o-1", "o-2"]
    assert found.unreadable == 1


async def test_a_stack_that_decided_nothing_is_no_side() -> None:
    found = await recorded_decisions(MemoryBus(MAIN), MAIN)
    with pytest.raises(UserError, match="no decision is recorded there"):
        side_of_stack(found, "portfolio main")
