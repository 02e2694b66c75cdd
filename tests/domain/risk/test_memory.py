"""A server whose memory fills: new risk waits by name, what reduces it passes, and it ends by itself."""

import pytest

from shared.domain.risk.memory import CLEAR, FULL
from shared.messages.base import MemoryMeasured, Message
from shared.messages.halts import Halted, Resumed
from shared.messages.portfolio import CommandRefused
from tests.domain.risk.breakers.halt_scenes import in_force, restart
from tests.domain.risk.commands.test_halts import resume
from tests.domain.risk.risk_harness import RiskHarness

ETH = "ETH/USDT"


def measured(harness: RiskHarness, used: float) -> list[Message]:
    return list(harness.handle(MemoryMeasured(id="memory-1", time_ns=harness.now_ns, used=used)))


@pytest.mark.parametrize(("used", "halts"), [(0.0, False), (FULL - 0.001, False), (FULL, True), (1.2, True)])
def test_a_memory_that_is_nearly_full_halts_the_portfolio_from_its_threshold_on(used: float, *, halts: bool) -> None:
    harness = RiskHarness()
    assert [type(each) for each in measured(harness, used)] == ([Halted] if halts else [])
    assert in_force(harness) == ([("", "memory", "reducing")] if halts else [])


def test_while_it_is_nearly_full_nothing_is_bought_and_everything_can_be_sold() -> None:
    harness = RiskHarness()
    harness.fill(harness.buy(ETH, "1"))
    [halted] = measured(harness, 0.93)
    assert isinstance(halted, Halted)
    assert halted.reason == "the memory of the Redis server is nearly full: make room, or raise maxmemory"
    assert halted.evidence == "93% of maxmemory is in use"
    refused = harness.buy(ETH, "1")
    assert refused.binding == "halted"
    assert "memory of the Redis server" in refused.reason
    assert harness.sell(ETH, "1").verdict == "approve"
    assert measured(harness, 0.95) == []


def test_it_ends_by_itself_once_there_is_room_and_not_before_and_a_restart_does_not_forget_it() -> None:
    harness = RiskHarness()
    measured(harness, 0.95)
    assert measured(harness, CLEAR) == []
    restart(harness)
    assert in_force(harness) == [("", "memory", "reducing")]
    assert isinstance(resume(harness, ""), CommandRefused)
    [resumed] = measured(harness, CLEAR - 0.001)
    assert isinstance(resumed, Resumed)
    assert (resumed.trigger, resumed.reason) == ("memory", "80% of maxmemory is in use")
    assert in_force(harness) == []
