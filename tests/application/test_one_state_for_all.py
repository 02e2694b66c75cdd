"""One history gives the same present state on the panel, in ``status``, in ``ops`` and in the report of an order."""

from pathlib import Path

from services.ops.figures import Figures
from services.risk.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.application.monitor import Monitor
from shared.application.orders import halt_at
from shared.application.projection import Projection
from shared.application.stack import StackLocator, find_stack
from shared.application.status import read_status
from shared.messages.base import Message
from shared.messages.catalogue import HALTS
from shared.messages.control import Halt, Resume, SetLimits, SetPhase
from shared.messages.halts import Resumed
from shared.messages.market import FeedLost, FeedRestored
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from tests.keys import MAIN
from tests.samples import HOUR, T0

ETH, BTC = "ETH/USDT", "BTC/USDT"
MINUTE = HOUR // 60


def history(minute: int) -> list[Message]:
    """What happens in each of some minutes: feeds come and go, an operator halts, resumes and changes limits."""
    now = {"time_ns": T0 + minute * MINUTE}
    by_ana = {**now, "who": "ana", "reason": "a test"}
    steps: list[list[Message]] = [
        [FeedLost(id="l-1", feed="bars:1h", symbol=ETH, last_seen_ns=T0, **now)],
        [Halt(id="c-1", symbol=ETH, **by_ana), Halt(id="c-2", symbol=BTC, mode="reducing", **by_ana)],
        [FeedLost(id="l-2", feed="marks", symbol=BTC, **now), FeedLost(id="l-3", feed="connection", **now)],
        [Halt(id="c-3", **by_ana), SetLimits(id="c-4", limits={"heat": 0.05}, **by_ana)],
        [Resume(id="c-5", symbol=BTC, **by_ana), FeedRestored(id="b-1", feed="bars:1h", symbol=ETH, **now)],
        [SetPhase(id="c-6", phase="dry_run", **by_ana), Halt(id="c-7", symbol=ETH, until_ns=T0 + 9 * HOUR, **by_ana)],
        [Resume(id="c-8", symbol="SOL/USDT", **by_ana)],
    ]
    return steps[minute]


async def live_through(bus: RedisBus, stack: StackLocator) -> None:
    """Let the risk service take in the history, a minute at a time."""
    clock = ManualClock(T0)
    host = MachineHost(spec_of(stack.settings, clock), bus, clock, get_logger())
    await host.recover()
    for minute in range(7):
        clock.time_ns = T0 + minute * MINUTE
        await bus.publish(history(minute))
        while await host.step(0):
            pass
    await host.lease.release()


async def watched(bus: RedisBus, stack: StackLocator) -> Projection:
    monitor = Monitor(bus, {key: "0" for keys in stack.streams.values() for key in keys}, lambda _message: None)
    await monitor.drain()
    return monitor.activity.state


async def read_by_ops(bus: RedisBus) -> Projection:
    figures = Figures(bus, ManualClock(T0))
    await figures.recall()
    return figures.state


async def test_the_panel_status_ops_and_the_report_of_an_order_agree(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    await live_through(redis_bus, stack)
    panel, ops, status = await watched(redis_bus, stack), await read_by_ops(redis_bus), await read_status(stack)
    assert set(panel.halts) == {(ETH, "operator"), ("", "operator"), (BTC, "feed"), ("", "feed")}
    assert panel.halts == ops.halts == status.state.halts
    assert list(panel.lost_feeds) == [("marks", BTC), ("connection", "")]
    assert panel.lost_feeds == ops.lost_feeds == status.state.lost_feeds
    assert panel.portfolio == ops.portfolio == status.state.portfolio
    assert panel.portfolio is not None
    assert panel.phase == ops.phase
    assert panel.limits == ops.limits
    assert panel.limits is not None
    halts = await redis_bus.latest(MAIN.of(HALTS), 1_000)
    for symbol in (ETH, BTC, "SOL/USDT"):
        assert halt_at(symbol, T0 + HOUR, halts) == panel.halt_of(symbol)


async def test_halts_are_known_however_much_was_said_since(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    await live_through(redis_bus, stack)
    before = await read_by_ops(redis_bus)
    ends = [Resumed(id=f"r-{n}", time_ns=T0, symbol="SOL/USDT", trigger="gap", reason="quiet") for n in range(1_500)]
    await redis_bus.publish(ends)
    assert (await read_by_ops(redis_bus)).halts == before.halts
    assert len(before.halts) == 4


async def test_ops_misses_nothing_that_is_written_while_it_looks_up_what_was(redis_bus: RedisBus) -> None:
    figures = Figures(redis_bus, ManualClock(T0))
    await figures.recall()
    lost = FeedLost(id="l-9", feed="connection", symbol="", last_seen_ns=T0, time_ns=T0)
    await redis_bus.publish([lost])
    await figures.step(0)
    assert figures.state.lost_feeds == {("connection", ""): lost}


async def test_status_tells_the_newest_trouble_first(redis_bus: RedisBus, valkey_server: str, tmp_path: Path) -> None:
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    await live_through(redis_bus, stack)
    status = await read_status(stack)
    assert [feed.feed for feed in status.lost_feeds] == ["connection", "marks"]
    times = [halt.time_ns for halt in status.halts]
    assert times == sorted(times, reverse=True)
