"""What is refused is put away, and a flood of it does not flood the log."""

from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.messages.catalogue import DEAD
from shared.runtime.few_lines import WINDOW_NS
from shared.runtime.host.dead_letters import DeadLetters
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines


async def put(letters: DeadLetters, number: int) -> None:
    for count in range(number):
        await letters.put("hs:{main}:orders:proposed", f"no message {count}".encode(), "$", "not MessagePack")


async def test_a_flood_of_bad_messages_is_logged_a_few_times_and_then_with_its_count() -> None:
    bus, log, clock = MemoryBus(MAIN), LogLines(), ManualClock()
    letters = DeadLetters("risk", bus, clock, log)
    await put(letters, 1_234)
    assert len(log.all("message_refused")) == 5
    assert [line["count"] for line in log.all("messages_refused")] == [10, 100, 1_000]
    assert len(await bus.latest(MAIN.of(DEAD), 2_000)) == 1_234  # all are kept
    clock.time_ns += WINDOW_NS
    await put(letters, 2)
    assert len(log.all("message_refused")) == 7
