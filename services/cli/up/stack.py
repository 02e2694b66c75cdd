"""``heatsink up``: the embedded server, the simulated exchange and every service, under one supervisor."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, TypeVar

from services.cli.failing import EXIT_FAILED
from services.cli.up.data_dir import locked, new_token, only_for_this_run, own, server_data_dir, witness_dir
from services.cli.up.options import Prepared, UpOptions
from services.cli.up.processes import STAGE_SERVER, server_child, service_child
from services.cli.up.resuming import Resuming
from services.cli.up.screen import LogPipe, Screen
from services.cli.up.server_users import USERS_DIR, prepare_users, register_clients
from services.cli.up.summary import end_text, failure_text, summary_rows
from services.cli.up.supervisor import CRASHES_IN_A_ROW, ChildEvent, Supervisor
from services.cli.up.taken_market import refuse_taken_market
from services.cli.up.watchdog import Watchdog
from services.wiring import BY_NAME, EXCHANGE_SIM, key_holders, machine_specs, services_with
from shared.adapters.clocks import RealClock
from shared.adapters.local_ports import HOST, claimed_port, wait_for_listener
from shared.adapters.private_files import private_by_default, private_folder, write_private
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.adapters.signing import CLIENTS_FOLDER, signatures_of, write_new_keys
from shared.application.access import tokens_dir
from shared.application.exchange_reach import BINANCE, Exchange
from shared.application.monitor import Monitor
from shared.application.sealing import adopt
from shared.application.stack import RunNote, remove_note, streams_of, write_note
from shared.config.credentials import OPERATOR, OWNER, address_of, known_users, signed_out, user_name
from shared.config.faults import EXIT_CONFIG
from shared.config.model import RedisSettings
from shared.config.secrecy import without_password
from shared.messages.signers import OPERATORS
from shared.ports.clock import Clock, market_ns
from shared.ports.errors import BusLostError
from shared.runtime.logs import get_logger
from shared.runtime.market_clock import follow_beginning, stack_clock
from shared.runtime.unread_output import lines_dropped

T = TypeVar("T")
KEYS = "keys"  # in the data folder
SERVER_PORT = 6390  # when it is free
TICK_SECONDS = 0.25
SIMULATOR_SECONDS = 30.0
READERS_SECONDS = 60.0  # wall time that a new simulated market waits for the services at most
LAST_BARS_SECONDS = 1.0  # wall time that what follows from the last bars is given
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stack:
    """One run of the whole, from nothing to the summary.

    make_screen: is called with a title once there is something to show.
    summary: the rows of the summary, filled at the end.
    failures: why the run ends with an error, a sentence for each child that did not stay up.
    """

    def __init__(
        self, options: UpOptions, prepared: Prepared, pipe: LogPipe, make_screen: Callable[[str], Screen]
    ) -> None:
        self.summary: list[tuple[str, str]] = []
        self.failures: list[str] = []
        self._options, self._settings, self._redis = options, prepared.settings, prepared.settings.redis
        self._environ, self._config_dir = dict(prepared.environ), prepared.config_dir
        self._own_server, self._short_history = prepared.own_server, prepared.short_history
        self._too_fast = prepared.too_fast
        self._end_ns, self._end_reason = prepared.end_ns, prepared.end_reason
        self._ended_by = ""  # why the market ended; empty while it runs
        hours = options.resume_after_hours
        self._resuming = Resuming(hours) if hours is not None else None
        self._make_screen, self._pipe = make_screen, pipe
        self._supervisor = Supervisor(pipe.line, self._on_event)
        self._stop = asyncio.Event()
        self._market_is_there = self._new_keys = False
        self._exit_code = 0
        self._log = get_logger()

    async def run(self) -> int:
        """Run until the time is over, a signal came, or a child refused its configuration; returns the exit code."""
        self._listen_for_signals()
        async with AsyncExitStack() as stack:
            stack.enter_context(private_by_default())
            own(self._options.data_dir)
            stack.enter_context(locked(self._options.data_dir))
            if self._settings.exchange.kind == "binance":
                # Out of reach at the start is for a person to mend: end with a message. Once running, market_data
                # tries again for as long as it takes, and says so.
                await self._unless_stopped(Exchange(BINANCE).server_time_ns())
            self._keep_witness(stack)
            server = self._server(stack)
            self._keys = self._make_keys()
            if server is None:
                await self._unless_stopped(refuse_taken_market(self._options, self._address()))
            self._claim_ports(stack)
            self._place_tokens()
            group = await stack.enter_async_context(self._children())
            if server is not None:
                self._supervisor.start(server_child(server, self._environ), group)
                await self._unless_stopped(wait_until_ready(self._address()))
            if not self._stop.is_set():
                bus = await stack.enter_async_context(self._bus())
                await self._work(bus, group)
        return self._exit_code

    # --- what has to be there first -------------------------------------------------------------------------------

    def _keep_witness(self, stack: AsyncExitStack) -> None:
        """Where the machines keep what they saw committed, unless the settings say so."""
        if not self._settings.redis.witness:
            kind = self._settings.exchange.kind
            folder = witness_dir(self._options.data_dir, kind, own_server=self._own_server)
            stack.enter_context(only_for_this_run(folder) if self._own_server and kind == "sim" else nullcontext())
            self._environ["HEATSINK_REDIS__WITNESS"] = str(folder.resolve())

    def _server(self, stack: AsyncExitStack) -> EmbeddedValkey | None:
        """The embedded server, not started yet; None when one runs already."""
        if not self._own_server:
            return None
        kind = self._settings.exchange.kind
        folder = stack.enter_context(server_data_dir(self._options.data_dir, kind))
        port = stack.enter_context(claimed_port(SERVER_PORT))
        acl = prepare_users(self._options.data_dir, self._settings.portfolio.name, self._settings.plan.clients)
        server = EmbeddedValkey(folder, port, acl, self._settings.redis.max_memory_mb)
        users = (self._options.data_dir / USERS_DIR).resolve()
        self._redis = RedisSettings(url=server.url, users=str(users))
        self._environ |= {"HEATSINK_REDIS__URL": server.url, "HEATSINK_REDIS__USERS": str(users)}
        for variable in ("HEATSINK_REDIS__PASSWORD", "HEATSINK_REDIS__PASSWORD_FILE"):  # of another server
            self._environ[variable] = ""
        return server

    def _address(self) -> str:
        """The server for this process: as its owner, where it has one."""
        operator = user_name(OPERATOR, self._settings.portfolio.name)
        return address_of(self._redis, OWNER, operator)

    def _make_keys(self) -> str:
        """The folder of the keys that children sign with; made for a server of our own, where none are configured."""
        if not self._own_server or self._settings.signing.keys:
            return self._settings.signing.keys
        folder = (self._options.data_dir / KEYS).resolve()
        self._new_keys, plan = bool(write_new_keys(folder, key_holders())), self._settings.plan
        write_new_keys(folder / CLIENTS_FOLDER, sorted(plan.signed_clients | plan.signed_reporters))
        self._environ["HEATSINK_SIGNING__KEYS"] = str(folder)
        return str(folder)

    def _claim_ports(self, stack: AsyncExitStack) -> None:
        """For the children, before any of them is started and until the last one ended: restarts find them free."""
        simulator = stack.enter_context(claimed_port(self._settings.simulator.port))
        ops = stack.enter_context(claimed_port(self._settings.ops.port))
        self._environ |= {
            "HEATSINK_SIMULATOR__HOST": HOST,
            "HEATSINK_SIMULATOR__PORT": str(simulator),
            "HEATSINK_EXCHANGE__URL": f"http://{HOST}:{simulator}",
            "HEATSINK_OPS__PORT": str(ops),
            "HEATSINK_SIMULATOR__TOKEN_FILE": str(new_token(self._options.data_dir)),
        }
        self._environ.setdefault("HEATSINK_SIMULATOR__WAIT_SECONDS", f"{READERS_SECONDS:g}")

    def _place_tokens(self) -> None:
        """Where clients have a token that propose over HTTP: none of them, until somebody makes one."""
        if not self._settings.ops.tokens:
            self._environ["HEATSINK_OPS__TOKENS"] = str(private_folder(tokens_dir(self._options.data_dir)).resolve())

    @asynccontextmanager
    async def _children(self) -> AsyncIterator[asyncio.TaskGroup]:
        """The group in which children are kept; whatever happens, all of them are ended before it is left."""
        async with asyncio.TaskGroup() as group:
            try:
                yield group
            finally:
                await self._supervisor.end()

    @asynccontextmanager
    async def _bus(self) -> AsyncIterator[RedisBus]:
        """The server, with the function library on it, and the note that tells other verbs where it is."""
        where, users, password_file = self._sign_in()
        note = RunNote(
            pid=os.getpid(),
            redis_url=where,
            portfolio=self._settings.portfolio.name,
            exchange=self._settings.exchange.kind,
            exchange_url=self._environ["HEATSINK_EXCHANGE__URL"],
            ops_url=f"http://{HOST}:{self._environ['HEATSINK_OPS__PORT']}",
            config_dir=str(self._config_dir),
            started_wall_ns=RealClock().wall_ns(),
            users=users,
            password_file=password_file,
            witness=self._settings.redis.witness or self._environ["HEATSINK_REDIS__WITNESS"],
            keys_dir=self._keys,
        )
        signatures = signatures_of(self._keys, OPERATORS)
        async with RedisBus.open(self._address(), self._settings.keys, signatures=signatures) as bus:
            await bus.named_identity()  # services with users of their own must not give one
            if self._own_server:
                await register_clients(bus, known_users(Path(self._redis.users)))
            await bus.note_library()  # nor may they load the functions
            if self._new_keys:  # data of an earlier version, from before there were keys
                await adopt(bus, machine_specs(self._settings, RealClock()), self._keys)
            with self._noted(note):
                yield bus

    def _sign_in(self) -> tuple[str, str, str]:
        """Address, folder of users and file of the password, for others: a password is kept in a file of its own."""
        redis = self._redis
        where, password = signed_out(redis.url)
        if redis.users or not (password or redis.password or redis.password_file):
            return where, str(Path(redis.users).resolve()) if redis.users else "", ""
        if redis.password_file:
            return where, "", str(Path(redis.password_file).resolve())
        file = write_private(self._options.data_dir / "password", f"{password or redis.password}\n")
        return where, "", str(file.resolve())

    @contextmanager
    def _noted(self, note: RunNote) -> Iterator[None]:
        self._note = note
        write_note(self._options.data_dir, note)
        try:
            yield
        finally:
            remove_note(self._options.data_dir)

    # --- the run itself -------------------------------------------------------------------------------------------

    async def _work(self, bus: RedisBus, group: asyncio.TaskGroup) -> None:
        """Start the services, show what happens until it is time to end, and end them in order."""
        streams = [key for keys in streams_of(self._settings, bus.keys).values() for key in keys]
        screen = self._make_screen(self._title())
        monitor = Monitor(bus, await bus.stream_ends(streams), screen.message)
        try:
            await self._start_simulator(group)
            loop = asyncio.get_running_loop()
            began = monitor.activity.began = loop.time()
            for row in services_with(self._settings.exchange.kind):
                if row.name != EXCHANGE_SIM:
                    self._supervisor.start(service_child(row, self._environ), group)
            await self._watch(bus, screen, monitor)
            self._look_for_failures()
            seconds = loop.time() - began
            await self._supervisor.end(down_to_stage=STAGE_SERVER + 1)
            with suppress(BusLostError):
                await monitor.drain()
        finally:
            screen.close()
        self.summary = self._summarise(monitor, seconds)

    async def _watch(self, bus: RedisBus, screen: Screen, monitor: Monitor) -> None:
        """Follow the market, the services' heartbeats and, where that was asked for, halts, until it is time to end."""
        async with asyncio.TaskGroup() as group:
            beside = [group.create_task(monitor.run()), group.create_task(Watchdog(self._supervisor, bus).run())]
            clock = await self._unless_stopped(stack_clock(bus, self._settings.exchange.kind, self._log))
            if clock is not None:
                beside.append(group.create_task(follow_beginning(bus, clock)))
                if self._resuming is not None:
                    self._log.warning("resume_after", reason=f"{self._resuming.in_words} (--resume-after)")
                    beside.append(group.create_task(self._resuming.run(bus, clock, monitor.activity.state)))
                await self._show(screen, monitor, clock)
            for task in beside:
                task.cancel()

    def _summarise(self, monitor: Monitor, seconds: float) -> list[tuple[str, str]]:
        """The rows of the summary: what the run came to, and what was particular about it."""
        restarts = {name: child.restarts for name, child in self._supervisor.children.items() if child.restarts}
        rows = summary_rows(monitor.activity, seconds, restarts)
        if self._resuming is not None:
            rows.append(("resumed", self._resuming.summary))
        if self._ended_by:
            rows.append(("ended", end_text(self._ended_by, self._end_ns, monitor.activity.state.market_ns)))
        if dropped := lines_dropped():
            rows.append(("output", f"{dropped:,} lines were dropped, because nobody read them in time"))
        if self._too_fast:
            rows.append(("speed", self._too_fast))
        if self._short_history:
            rows.append(("history", self._short_history))
        return rows

    def _look_for_failures(self) -> None:
        """Called before the children are ended."""
        failing = self._supervisor.failing()
        self.failures = [failure_text(child, self._pipe.last_errors.get(child.spec.name, "")) for child in failing]
        if failing and not self._exit_code:
            self._exit_code = EXIT_FAILED

    async def _start_simulator(self, group: asyncio.TaskGroup) -> None:
        if self._settings.exchange.kind != "sim":
            return
        self._supervisor.start(service_child(BY_NAME[EXCHANGE_SIM], self._environ), group)
        port = int(self._environ["HEATSINK_SIMULATOR__PORT"])
        await self._unless_stopped(wait_for_listener(port, SIMULATOR_SECONDS))
        self._market_is_there = not self._supervisor.failing()
        if not self._market_is_there:
            self._stop.set()

    async def _show(self, screen: Screen, monitor: Monitor, clock: Clock) -> None:
        """Keep the screen up to date until it is time to end."""
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            seconds = loop.time() - monitor.activity.began
            if self._options.duration_seconds is not None and seconds >= self._options.duration_seconds:
                return
            if self._end_ns and clock.now_ns() >= self._end_ns + market_ns(clock, LAST_BARS_SECONDS):
                self._ended_by = self._end_reason
                self._log.warning("market_ended", reason=self._end_reason)
                return
            self._draw(screen, monitor, seconds)
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stop.wait()

    def _draw(self, screen: Screen, monitor: Monitor, seconds: float) -> None:
        """A stack must not end because something in it cannot be drawn."""
        try:
            screen.tick(monitor.activity, self._supervisor, seconds)
        except Exception as error:  # noqa: BLE001 - whatever it is, the stack goes on
            screen.say(f"this cannot be drawn, because of a bug: {type(error).__name__}: {error}")

    def _title(self) -> str:
        simulator = self._settings.simulator
        market = "binance, orders on paper"
        if self._settings.exchange.kind == "sim":
            what = f"replay of {_short(Path(simulator.replay))}" if simulator.replay else "generated market"
            market = f"{what} at {simulator.speed:g}x"
        if self._resuming is not None:
            market = f"{market} · {self._resuming.in_words}"
        return f"heatsink · {market} · {without_password(self._note.redis_url)}"

    # --- signals --------------------------------------------------------------------------------------------------

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        """The first one ends the run in order, the second at once."""
        if self._stop.is_set():
            self._supervisor.kill()
        self._stop.set()

    def _on_event(self, event: ChildEvent) -> None:
        self._pipe.event(event)
        if event.kind == "refused":
            self._exit_code = EXIT_CONFIG
            self._stop.set()
            return
        without_market = event.child.spec.name == EXCHANGE_SIM and not self._market_is_there
        if without_market and event.child.crashes >= CRASHES_IN_A_ROW:  # there is nothing to run for
            self._stop.set()

    async def _unless_stopped(self, work: Coroutine[Any, Any, T]) -> T | None:
        """What the work came to; it is left, with None, as soon as the run is to end."""
        async with asyncio.TaskGroup() as group:
            working, stopping = group.create_task(work), group.create_task(self._stop.wait())
            await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
            for task in (working, stopping):
                task.cancel()
        return None if working.cancelled() else working.result()


def _short(recording: Path) -> str:
    """``klines.parquet``, or of a store ``store/binance``: its last part alone would be an exchange's name."""
    return recording.name if recording.suffix else "/".join(recording.parts[-2:])
