"""``heatsink phase`` and ``heatsink limits`` against a risk machine on a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import structlog
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.risk.service import spec_of
from shared.adapters.clocks import RealClock, ScaledClock
from shared.adapters.redis.bus import RedisBus
from shared.ports.clock import ClockOrigin
from shared.runtime.host import MachineHost
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0
from tests.shipped import shipped_settings

Verb = Callable[..., "asyncio.Future[Result]"]
DAY_NS = 86_400_000_000_000
QUIET = structlog.wrap_logger(structlog.ReturnLogger())  # what verbs print is caught for the whole process


@asynccontextmanager
async def risk_running(bus: RedisBus, *, days: int = 0) -> AsyncIterator[None]:
    """The risk machine on its host, begun so many days before now."""
    wall_ns = RealClock().wall_ns()
    origin = await bus.agree_on_clock(ClockOrigin(origin_market_ns=T0, origin_wall_ns=wall_ns, speed=1.0))
    if days:
        early = ScaledClock(ClockOrigin(origin_market_ns=T0 - days * DAY_NS, origin_wall_ns=wall_ns, speed=1.0))
        first = MachineHost(spec_of(shipped_settings(), early), bus, early, QUIET)
        await first.recover()
        await first.step(0)
        await first.lease.release()
    clock = ScaledClock(origin)
    host = MachineHost(spec_of(shipped_settings(), clock), bus, clock, QUIET)
    await host.recover()

    async def run() -> None:
        while True:
            await host.step(20)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(run())
        yield
        task.cancel()


@pytest.fixture
def heatsink(valkey_server: str, redis_bus: RedisBus, tmp_path: Path) -> Verb:
    """Runs a verb in a thread, so that the risk machine can answer meanwhile."""

    def run(*arguments: str) -> "asyncio.Future[Result]":
        options = ["--redis-url", valkey_server, "--data", str(tmp_path)]
        return asyncio.ensure_future(asyncio.to_thread(CliRunner().invoke, app, [*arguments, *options]))

    return run


def words(result: Result) -> str:
    return " ".join(f"{result.stdout} {result.stderr}".split())


async def test_phase_show_tells_the_phase_its_evidence_and_what_the_next_one_waits_for(
    redis_bus: RedisBus, heatsink: Verb
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus, days=3):
        while "day 4 of the ramp" not in (text := words(await heatsink("phase", "show"))):
            await asyncio.sleep(0.1)
    assert "dry_run, scale 0.25 since 2022-10-29 00:00:00" in text
    assert "3.0 days in dry_run since 2022-10-29" in text
    assert "Sharpe unknown (n = 0 daily returns, x sqrt 365)" in text
    assert "live waits for: day 4 of the ramp, live begins on day 15" in text
    assert "start dry_run risk a new portfolio" in text


async def test_phase_show_before_anything_ran_says_where_it_would_begin(heatsink: Verb) -> None:
    result = await heatsink("phase", "show")
    assert result.exit_code == 1
    assert "It begins in dry_run" in result.stderr


async def test_an_approval_that_the_evidence_does_not_allow_is_refused_and_kept(
    redis_bus: RedisBus, heatsink: Verb
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus):
        result = await heatsink("phase", "approve", "live", "--reason", "impatient")
        shown = json.loads((await heatsink("phase", "show", "--json")).stdout)
    assert result.exit_code == 1
    assert "Refused: phase = live:" in result.stderr
    assert "live begins on day 15" in result.stderr
    assert (shown["phase"], shown["rehearsal"]) == ("dry_run", False)
    assert shown["steps"][-1]["what"] == "refused"
    assert shown["steps"][-1]["reason"] == "impatient"


async def test_an_approval_onto_the_paper_exchange_is_refused_with_both_settings(
    redis_bus: RedisBus, heatsink: Verb
) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus, days=15):
        result = await heatsink("phase", "approve", "live", "--reason", "two weeks", "--reviews", "2")
    assert result.exit_code == 1
    assert "paper = false in phases.toml" in result.stderr
    assert 'exchange.orders = "paper"' in result.stderr


async def test_a_phase_is_set_by_hand_and_begins_anew(redis_bus: RedisBus, heatsink: Verb) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus, days=5):
        result = await heatsink("phase", "set", "dry_run", "--reason", "another start")
        assert result.exit_code == 0, result.output
        shown = json.loads((await heatsink("phase", "show", "--json")).stdout)
    assert "PHASE dry_run -> dry_run, scale 0.25: another start, by" in words(result)
    assert shown["steps"][-1]["what"] == "forced"


async def test_a_phase_that_does_not_exist_gets_a_suggestion(heatsink: Verb) -> None:
    result = await heatsink("phase", "set", "scale", "--reason", "x")
    assert result.exit_code == 1
    assert 'Did you mean "scaled"?' in result.stderr


@pytest.mark.parametrize("verb", [("phase", "set", "live"), ("phase", "approve", "live"), ("limits", "set", "heat=1")])
async def test_no_change_without_a_reason(heatsink: Verb, verb: tuple[str, ...]) -> None:
    result = await heatsink(*verb)
    assert result.exit_code == 2
    assert "--reason" in result.stderr


async def test_limits_are_changed_and_shown_beside_the_configuration(redis_bus: RedisBus, heatsink: Verb) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus):
        result = await heatsink("limits", "set", "heat=0.06", "max_open_orders=10", "--reason", "storm ahead")
        assert result.exit_code == 0, result.output
        shown = words(await heatsink("limits", "show"))
        as_json = json.loads((await heatsink("limits", "show", "--json")).stdout)
    assert "LIMITS heat 0.08 -> 0.06, max_open_orders 40 -> 10: storm ahead, by" in words(result)
    assert f"policy {as_json['policy']}" in words(result)
    assert "heat 0.06 0.08" in shown
    assert "max_open_orders 10 40" in shown
    assert ": storm ahead" in shown
    assert as_json["limits"]["heat"] == 0.06


async def test_a_limit_out_of_range_is_refused_with_the_remedy(redis_bus: RedisBus, heatsink: Verb) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS), risk_running(redis_bus):
        result = await heatsink("limits", "set", "heat=6", "--reason", "typo")
    assert result.exit_code == 1
    assert "write 0.06 for 6 %" in result.stderr


@pytest.mark.parametrize("change", ["heat", "heat=nan", "heat=inf", "heat=", "heat=much"])
async def test_a_change_that_is_none_is_told_how_to_write_one(heatsink: Verb, change: str) -> None:
    result = await heatsink("limits", "set", change, "--reason", "typo")
    assert result.exit_code == 1
    assert "Write it as heat=0.06" in result.stderr


async def test_limits_before_anything_ran_are_the_configurations(heatsink: Verb) -> None:
    text = words(await heatsink("limits", "show"))
    assert "heat 0.08" in text
    assert "this is what it would begin with" in text
