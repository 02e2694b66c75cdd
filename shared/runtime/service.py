"""What a service is: a name and an async ``run``; and the one way in which every service starts and stops.

    # services/<name>/__main__.py
    from shared.runtime.service import main
    from services.<name>.service import SERVICE

    main(SERVICE)

``run`` gets a ``Context`` with everything it may use, works until it is cancelled, and raises on what it cannot mend:
the process then ends with an error, and the supervisor (``heatsink up``, Compose, Kubernetes) starts it afresh.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import UnfitServerError
from shared.adapters.redis.inspect import persistence_weakness
from shared.adapters.signing import signatures_of
from shared.config.credentials import address_of, user_name
from shared.config.faults import EXIT_CONFIG, ConfigError
from shared.config.load import settings_from_environment
from shared.config.model import Settings
from shared.domain.timeframes import DAY_MS
from shared.ports.bus import Bus, Room, Scope, StackFacts
from shared.ports.clock import Clock, ClockSteps
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    CommitRefusedError,
    CorruptStateError,
    FencedError,
    MarketTakenError,
    StateGoneError,
)
from shared.runtime.health import Health
from shared.runtime.logs import causes_of, configure_logs, get_logger, innermost
from shared.runtime.market_clock import follow_beginning, stack_clock
from shared.runtime.unread_output import never_wait_for_readers


class StartOverError(RuntimeError):
    """A service cannot go on as it is, and begins anew from what is stored."""


BUS_RETRY_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0)
IDENTITY_SECONDS = 1.0
TRIM_SECONDS = 5.0
CLOCK_LOOK_SECONDS = 0.5
ENDED_UNASKED = "the service ended, and nobody had asked it to"
# What a service may end with that is no bug: the event that says so, and the exit code.
ENDINGS: dict[type[Exception], tuple[str, int]] = {
    ConfigError: ("config_refused", EXIT_CONFIG),
    StateGoneError: ("state_gone", EXIT_CONFIG),
    UnfitServerError: ("server_refused", EXIT_CONFIG),
    CorruptStateError: ("state_refused", 1),
    MarketTakenError: ("market_taken", EXIT_CONFIG),
    FencedError: ("fenced", 1),
    CommitRefusedError: ("commit_refused", 1),
}


@dataclass(frozen=True, slots=True)
class Context:
    """All that a service works with.

    settings: of the whole stack.
    clock: market time as all processes of the stack have it.
    bus: of the portfolio that the settings name.
    log: the logger, which names the service.
    health: where the service says that it works, and figures worth showing.
    """

    settings: Settings
    clock: Clock
    bus: Bus
    log: Any
    health: Health


@dataclass(frozen=True, slots=True)
class Service:
    """A service, as its folder under ``services/`` defines it.

    name: that of its folder. It stands in its logs, its heartbeat and the keys of its state.
    run: works until it is cancelled.
    scope: whether it runs once for the market or for each portfolio. Its heartbeat is kept with those of its scope.
    keeps_time: it sets the stack's clock itself instead of waiting for it (the simulated exchange).
    """

    name: str
    run: Callable[[Context], Awaitable[None]]
    scope: Scope
    keeps_time: bool = False


def main(service: Service) -> None:
    """Run the service in this process until SIGTERM or SIGINT."""
    never_wait_for_readers()
    configure_logs(service.name)
    log = get_logger()
    try:
        settings = settings_from_environment()
    except ConfigError as error:
        log.error("config_refused", faults=str(error))
        sys.exit(EXIT_CONFIG)
    configure_logs(service.name, level=settings.logs.level, form=settings.logs.form)
    try:
        _loop_runner()(_until_stopped(service, settings, log))
    except BaseExceptionGroup as error:  # whatever ends a task of the service comes as a group
        sys.exit(_exit_code(error, log))


def _exit_code(error: BaseException, log: Any) -> int:
    """One line about what ended the service; returns the exit code."""
    causes = list(causes_of(error))
    for kind, (event, code) in ENDINGS.items():
        for cause in causes:
            if isinstance(cause, kind):
                log.error(event, reason=str(cause))
                return code
    log.critical("crashed", exc_info=innermost(error))
    return 1


def _loop_runner() -> Callable[[Any], None]:
    """uvloop where there is one, asyncio elsewhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


async def _until_stopped(service: Service, settings: Settings, log: Any) -> None:
    """Run the service until the first signal. Start over from what is stored when the server goes away, or refuses an
    order as decided.

    Waits a little longer each time, up to the last of ``BUS_RETRY_SECONDS``; a start that succeeds begins anew.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopped.set)
    attempts = _Attempts(service, settings, log)
    while not stopped.is_set():
        reason = ENDED_UNASKED
        try:
            await _unless_stopped(attempts.run(), stopped)
        except* (BusLostError, AlreadyDecidedError, StartOverError) as errors:
            reason = str(_first(errors))
        if not stopped.is_set():
            delay = attempts.delay_seconds()
            log.warning("starting_over", reason=reason, retry_seconds=delay)
            await _unless_stopped(asyncio.sleep(delay), stopped)
    log.info("stopped")


async def _unless_stopped(work: Coroutine[Any, Any, None], stopped: asyncio.Event) -> None:
    """The work, in a task of its own, cancelled as soon as somebody asks to stop. Raises what ended it, in a group.

    A task group before Python 3.12 leaves a count of cancellations on its task when a child fails after its body. It is
    no word of anybody: only ``stopped`` says that somebody asked, and whatever comes next runs in another task.
    """
    async with asyncio.TaskGroup() as group:
        task = group.create_task(_what_ended(work))
        stop = group.create_task(_cancel_when(stopped, task))
        task.add_done_callback(lambda _: stop.cancel())
    if not task.cancelled() and (error := task.result()) is not None:
        raise ExceptionGroup("what ended the service", [error])


async def _what_ended(work: Coroutine[Any, Any, None]) -> Exception | None:
    try:
        await work
    except Exception as error:  # noqa: BLE001 - it is raised again, outside of the group
        return error
    return None


async def _cancel_when(stopped: asyncio.Event, task: "asyncio.Task[Exception | None]") -> None:
    await stopped.wait()
    task.cancel()


class _Attempts:
    """The service on its server, as often as it has to begin."""

    def __init__(self, service: Service, settings: Settings, log: Any) -> None:
        self._service, self._settings, self._log = service, settings, log
        self._signatures = signatures_of(settings.signing.keys, service.name)
        self._identity = settings.redis.identity
        self._failed = 0

    def delay_seconds(self) -> float:
        """How long to wait before the next one."""
        self._failed += 1
        return BUS_RETRY_SECONDS[min(self._failed, len(BUS_RETRY_SECONDS)) - 1]

    async def run(self) -> None:
        """Connect, and run until cancelled. Raises what ended it; ``RuntimeError`` where the service just returned."""
        service, settings, log = self._service, self._settings, self._log
        kept_ms = settings.redis.keep_decisions_days * DAY_MS
        async with RedisBus.open(
            _address(service, settings), settings.keys, decisions_ms=kept_ms, signatures=self._signatures
        ) as bus:
            self._identity = identity = self._identity or await bus.named_identity()
            await _check_identity(bus, identity)
            await bus.note_library()
            if service.scope == "portfolio":
                await _check_persistence(bus, settings, log)
            clock = RealClock() if service.keeps_time else await stack_clock(bus, settings.exchange.kind, log)
            health = Health(service.name, service.scope, bus, clock)
            log.info("started", speed=clock.speed)
            self._failed = 0
            async with asyncio.TaskGroup() as group:
                for work in (
                    health.beat(),
                    _watch_identity(bus, identity),
                    _watch_clock(clock, log),
                    follow_beginning(bus, clock),
                    _keep_lengths(bus),
                ):
                    group.create_task(work)
                await service.run(Context(settings, clock, bus, log, health))
                raise RuntimeError(ENDED_UNASKED)


async def _check_persistence(bus: RedisBus, settings: Settings, log: Any) -> None:
    """Say what the server may lose of what it acknowledged; where orders are real, do not start on it."""
    if not (weak := await persistence_weakness(bus.client)):
        return
    if settings.exchange.orders == "exchange":
        raise UnfitServerError(f"{weak}. Orders go to the exchange: set appendonly yes and appendfsync always")
    log.warning("weak_persistence", reason=weak, remedy="appendonly yes, appendfsync always")


def _address(service: Service, settings: Settings) -> str:
    """The server, by the service's own name where it knows users. Raises ``ConfigError``."""
    own = service.name if service.scope == "market" else user_name(service.name, settings.portfolio.name)
    return address_of(settings.redis, own)


async def _watch_clock(clock: Clock, log: Any) -> None:
    """Say when this machine's clock was set. All that goes by it follows: machines are told the time at every step."""
    steps = ClockSteps(clock)
    while True:
        await asyncio.sleep(CLOCK_LOOK_SECONDS)
        if step_ns := steps.look():
            log.warning("clock_stepped", seconds=round(step_ns / 1e9, 3), reason="the clock of this machine was set")


async def _keep_lengths(bus: Room) -> None:
    """Shorten the streams that this service reads or writes, as far as all of their readers have taken them."""
    while True:
        await asyncio.sleep(TRIM_SECONDS)
        await bus.trim()


async def _watch_identity(bus: StackFacts, identity: str) -> None:
    while True:
        await asyncio.sleep(IDENTITY_SECONDS)
        await _check_identity(bus, identity)
        await bus.check_library()


async def _check_identity(bus: StackFacts, identity: str) -> None:
    """Fail closed when the server's data is not what it was: emptied, restored from elsewhere, or another's."""
    found = await bus.identity()
    if found != identity:
        raise StateGoneError(
            f"the data on the server is {'not the same' if found else 'gone'} (it was {identity}, now "
            f"{found or 'nothing'}): find out why. The next start begins with what is there, unless redis.identity "
            "says what has to be"
        )


def _first(errors: BaseExceptionGroup[Any]) -> BaseException:
    return next(causes_of(errors))
