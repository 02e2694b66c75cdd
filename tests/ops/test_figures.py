"""The figures of ``ops``: names and values of /status and /metrics, out of the projection."""

from collections import Counter

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from services.ops.figures import Figures
from services.ops.http import application
from services.ops.metrics import COUNTERS, PORTFOLIO_GAUGES, exposed
from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.application.projection import Counts
from shared.ports.bus import Heartbeat
from tests.samples import samples

COUNTED = {
    "decisions.trim": 1,
    "binding.sector_cap": 1,
    "fills.buy": 1,
    "halts.operator": 1,
    "alerts.drawdown": 1,
    "commands_refused.SetLimits": 1,
}


def fed(bus: RedisBus) -> Figures:
    """Figures that took in one message of every kind."""
    figures = Figures(bus, RealClock())
    for message in samples():
        figures.take(message)
    return figures


def test_every_counter_is_one_of_the_projections() -> None:
    assert {name: type(getattr(Counts(), name)) for name in COUNTERS} == dict.fromkeys(COUNTERS, Counter)


async def test_the_status_has_the_state_and_every_count_by_name_and_label(redis_bus: RedisBus) -> None:
    async with TestClient(TestServer(application(fed(redis_bus)))) as client:
        status = await (await client.get("/status")).json()
    assert list(status) == ["portfolio", "services", "halts", "phase", "limits", "lost_feeds", "counts"]
    assert (status["portfolio"]["nav"], status["phase"]["phase"]) == (200_000.0, "live")
    assert status["limits"]["new"] == {"heat": 0.06}
    assert (status["halts"], status["lost_feeds"], status["services"]) == ([], [], {})
    messages = {f"messages.{type(message).__name__}": 1 for message in samples()}
    assert status["counts"] == messages | COUNTED


async def test_the_metrics_have_every_gauge_and_counter(redis_bus: RedisBus) -> None:
    figures = fed(redis_bus)
    families = text_string_to_metric_families(exposed(figures, await figures.services()).decode())
    found = {sample.name: sample.value for family in families for sample in family.samples}
    assert {f"heatsink_{name}" for name in PORTFOLIO_GAUGES} <= set(found)
    assert (found["heatsink_nav"], found["heatsink_heat"], found["heatsink_positions"]) == (200_000.0, 0.0016, 1.0)
    assert {f"heatsink_{name}_total" for name in COUNTERS if name != "untold"} <= set(found)
    assert found["heatsink_feeds_lost"] == 0.0


@pytest.mark.parametrize("alive", [True, False])
async def test_a_service_counts_as_up_while_its_heartbeat_is_recent(redis_bus: RedisBus, alive: bool) -> None:
    wall_ns = RealClock().wall_ns() - (0 if alive else 3_600_000_000_000)
    beat = Heartbeat(service="risk", pid=1, state="ready", started_wall_ns=wall_ns, beat_wall_ns=wall_ns)
    await redis_bus.set_heartbeat(beat, "portfolio")
    figures = fed(redis_bus)
    text = exposed(figures, await figures.services()).decode()
    assert f'heatsink_service_up{{service="risk"}} {float(alive)}' in text
    assert ("risk is not running" in await figures.faults()) is not alive
    assert "sizing is not running" in await figures.faults()
