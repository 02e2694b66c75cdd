"""The checks of ``heatsink doctor``: each looks at one thing and says ``ok``, ``warn`` or ``fail``."""

import shutil
from pathlib import Path

from services.cli.doctor.findings import Finding
from services.cli.views.stack import redis_remedy, server_text
from services.wiring import services_with
from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import OLDEST
from shared.adapters.redis.inspect import NOBODY, ServerFacts, server_facts, weakness
from shared.adapters.signing import ClientKeys
from shared.application.exchange_reach import BINANCE, Exchange, ExchangeAwayError
from shared.application.stack import StackLocator
from shared.application.wording.formats import duration, rehearsed
from shared.config.credentials import OWNER, signed_out
from shared.config.preflight import start_faults
from shared.config.secret_files import others_may_use
from shared.domain.timeframes import SECOND_NS
from shared.ports.clock import Clock
from shared.ports.errors import BusLostError
from shared.runtime.health import is_alive

GIGABYTE = 1_000_000_000
LEAST_DISK_BYTES, ENOUGH_DISK_BYTES = GIGABYTE // 5, 2 * GIGABYTE
SKEW_WARN_SECONDS, SKEW_FAIL_SECONDS = 0.5, 1.0  # Binance refuses requests that are a second ahead


async def examine(stack: StackLocator) -> list[Finding]:
    """Make all checks. Those that need an answer from the server are left out where it gives none."""
    findings = [*configuration(stack), disk(stack.data_dir)]
    clock: Clock | None = None
    try:
        async with stack.bus(OWNER if stack.knows(OWNER) else "") as bus:
            findings += server(await server_facts(bus.client, signed_out(stack.redis.url)[0]), stack)
            findings.append(data(await bus.identity(), stack))
            findings.append(signing(stack))
            clock = await stack.clock(bus)
            findings += await services(bus, clock, stack)
    except BusLostError as error:
        text = f"{server_text(stack)} is away: {error}"
        findings.append(Finding("fail", "redis", text, redis_remedy(stack)))
    findings += await exchange(stack, clock)
    return findings


def configuration(stack: StackLocator) -> list[Finding]:
    """Whether the services would start on this configuration, whose files could all be read."""
    plan, faults = stack.settings.plan, start_faults(stack.settings)
    if not faults:
        phase = rehearsed(plan.phase, rehearsal=plan.ramp.rehearsal)
        return [Finding("ok", "configuration", f"{len(stack.settings.universe.pairs)} pairs, phase {phase}")]
    return [
        Finding("fail", "configuration", f"{fault.key} = {fault.value}: {fault.problem}", fault.remedy)
        for fault in faults
    ]


def disk(folder: Path) -> Finding:
    """Whether there is room for the server's append-only file."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / GIGABYTE:.1f} GB free at {folder}"
    remedy = "Make room: the append-only file of the server grows with every message."
    if free < LEAST_DISK_BYTES:
        return Finding("fail", "disk", text, remedy)
    return Finding("warn", "disk", text, remedy) if free < ENOUGH_DISK_BYTES else Finding("ok", "disk", text)


# --- redis ------------------------------------------------------------------------------------------------------------


def server(facts: ServerFacts, stack: StackLocator) -> list[Finding]:
    return [
        _version(facts, stack),
        _users(facts),
        _persistence(facts),
        _witness(stack),
        _eviction(facts),
        _library(facts),
    ]


def _version(facts: ServerFacts, stack: StackLocator) -> Finding:
    found = f"{facts.kind} {'.'.join(map(str, facts.version))} at {server_text(stack)}"
    if facts.version[:2] < OLDEST[facts.kind]:
        return Finding("fail", "redis", found, "Use Redis >= 7.0 or Valkey >= 8.")
    return Finding("ok", "redis", found)


def _users(facts: ServerFacts) -> Finding:
    """Who is let in, and what that means."""
    if facts.is_open:
        text = "the server asks nobody for a name: whoever reaches it may propose, command, forge and delete"
        remedy = "Keep it on a network of its own, or give it users: heatsink users --into FOLDER --close."
        return Finding("warn", "users", text, remedy)
    if facts.user == NOBODY:
        text = "one password for all: whoever has it may propose, command, forge and delete"
        return Finding("warn", "users", text, "Give the server users: heatsink users --into FOLDER.")
    return Finding("ok", "users", f"signed in as {facts.user}; who gives no name is not let in")


def data(identity: str, stack: StackLocator) -> Finding:
    """Whether a server that lost its data would be noticed at the next start."""
    expected = stack.settings.redis.identity
    if not identity or identity == expected:
        return Finding("ok", "data", "the data that redis.identity names" if identity else "none yet")
    if expected:
        text = f"the data are {identity}, and redis.identity is {expected}: another server, or one that lost them"
        return Finding("fail", "data", text, "Find out why; services refuse to start on them.")
    return Finding("ok", "data", f"{identity}; redis.identity is empty, so a start on other data is not refused")


def _persistence(facts: ServerFacts) -> Finding:
    if not facts.append_only:
        remedy = "Make sure that it runs with appendonly yes."
        return Finding("warn", "persistence", "the server does not tell how it stores data", remedy)
    if facts.append_only != "yes":
        return Finding("fail", "persistence", "appendonly is off: a restart loses everything", "Set appendonly yes.")
    if weak := weakness(facts.append_only, facts.fsync):
        return Finding("warn", "persistence", weak, "CONFIG SET appendfsync always, and the same in its file.")
    how = f"fsync {facts.fsync}" if facts.fsync else "how often it is flushed is not shown to this user"
    return Finding("ok", "persistence", f"append-only file, {how}")


def _witness(stack: StackLocator) -> Finding:
    """Whether somebody outside of the server knows what was committed."""
    if folder := stack.settings.redis.witness or (stack.note.witness if stack.note else ""):
        return Finding("ok", "witness", f"kept in {folder}")
    text = "none is kept: a server that lost commits is not noticed at the next start"
    return Finding("warn", "witness", text, "Name a folder outside of the server: redis.witness in stack.toml.")


def _eviction(facts: ServerFacts) -> Finding:
    if facts.eviction in ("", "noeviction"):
        used = f"{facts.used_memory_bytes / 1e6:,.0f} MB"
        if not facts.max_memory_bytes:
            text = f"{used} in use, without a bound: a flood can take all memory of the machine"
            return Finding("warn", "memory", text, "Set maxmemory: a full server refuses clients, and loses nothing.")
        return Finding("ok", "memory", f"{used} of {facts.max_memory_bytes / 1e6:,.0f} in use, nothing is evicted")
    text = f"maxmemory-policy {facts.eviction}: a full server would throw orders away"
    return Finding("fail", "memory", text, "Set maxmemory-policy noeviction.")


def _library(facts: ServerFacts) -> Finding:
    match facts.library:
        case "current":
            return Finding("ok", "functions", "heatsink's function library is loaded")
        case "other":
            text = "another version of heatsink's function library is loaded"
            return Finding("warn", "functions", text, "Restart the services with this version; they load their own.")
        case "absent":
            text = "heatsink's function library is not loaded"
            return Finding("warn", "functions", text, "Start the stack: every service loads it.")
        case _:
            return Finding(
                "warn", "functions", "the server does not list functions", "Allow FUNCTION LIST to this user."
            )


def signing(stack: StackLocator) -> Finding:
    """Whether verdicts and commands are signed, with keys that nobody else can read."""
    if not stack.keys_dir:
        text = "nothing is signed: whoever can write to the server is believed"
        return Finding("warn", "signing", text, "Make keys (heatsink keys new) and set signing.keys.")
    folder = Path(stack.keys_dir)
    files = sorted(folder.rglob("*.key"))
    if open_ones := [str(file.relative_to(folder)) for file in files if others_may_use(file.stat().st_mode)]:
        text = f"others may read {', '.join(open_ones)} in {folder}"
        remedy = f"chmod 600 each, then: heatsink keys rotate {folder}; of clients with --client NAME."
        return Finding("warn", "signing", text, remedy)
    plan = stack.settings.plan
    if unkeyed := ClientKeys(folder).missing(plan.signed_clients | plan.signed_reporters):
        text = f"these clients must sign and have no key in {folder}, so they are refused: {', '.join(unkeyed)}"
        return Finding("warn", "signing", text, f"heatsink keys new {folder} --client {unkeyed[0]}.")
    return Finding("ok", "signing", f"verdicts and commands are signed with the keys in {folder}")


# --- services ---------------------------------------------------------------------------------------------------------


async def services(bus: RedisBus, clock: Clock, stack: StackLocator) -> list[Finding]:
    """Whether every service of the stack has a recent heartbeat."""
    beats = await bus.heartbeats()
    wall_ns = clock.wall_ns()
    findings = []
    for name in (row.name for row in services_with(stack.exchange)):
        beat = beats.get(name)
        if beat is None:
            findings.append(Finding("fail", name, "has never run here", "Start the stack: heatsink up."))
        elif not is_alive(beat, wall_ns):
            age = duration((wall_ns - beat.beat_wall_ns) / SECOND_NS)
            findings.append(Finding("fail", name, f"its last heartbeat is {age} old", "Look at its log, restart it."))
        elif beat.state != "ready":
            remedy = "Give it some seconds; then look at its log."
            findings.append(Finding("warn", name, f"{beat.state}, process {beat.pid}", remedy))
        else:
            findings.append(Finding("ok", name, f"ready, process {beat.pid}"))
    return findings


# --- exchange ---------------------------------------------------------------------------------------------------------


async def exchange(stack: StackLocator, clock: Clock | None) -> list[Finding]:
    """Whether the exchange can be reached, has the same time as we do, and trades the pairs of the universe."""
    remote = Exchange(BINANCE if stack.exchange == "binance" else stack.exchange_url)
    timer = clock or RealClock()  # without the stack's server nobody knows its market time
    try:
        began_ns = timer.steady_ns()
        server_ns = await remote.server_time_ns()
        # Both before the pairs are asked for, which may take long.
        round_trip, now_ns = (timer.steady_ns() - began_ns) / SECOND_NS, timer.now_ns()
        statuses = await remote.statuses()
    except ExchangeAwayError as error:
        remedy = error.remedy
        if stack.exchange == "sim":
            remedy = "It comes with the stack: start that (make run, heatsink up), or name the folder of one: --data."
        return [Finding("fail", "exchange", error.problem, f"{remedy[:1].upper()}{remedy[1:]}")]
    findings = [Finding("ok", "exchange", f"{remote.url} answers in {round_trip * 1000:.0f} ms")]
    if clock is not None:
        findings.append(_skew((now_ns - server_ns) / clock.speed / SECOND_NS, round_trip))
    return [*findings, *_pairs(stack, statuses)]


def _skew(ahead: float, round_trip: float) -> Finding:
    """How far our clock and the exchange's are apart.

    ahead: wall seconds from the exchange's time to ours, when its answer came. Half of the round trip is taken for the
    way back of that answer.
    """
    skew = abs(ahead - round_trip / 2)
    text = f"{skew * 1000:.0f} ms apart from the exchange"
    remedy = "Let this machine keep its time by NTP."
    if skew >= SKEW_FAIL_SECONDS:
        return Finding("fail", "clock", text, remedy)
    return Finding("warn", "clock", text, remedy) if skew >= SKEW_WARN_SECONDS else Finding("ok", "clock", text)


def _pairs(stack: StackLocator, statuses: dict[str, str]) -> list[Finding]:
    """Which pairs of the universe trade, by the name they have now."""
    universe = stack.settings.universe
    off = []
    for symbol in universe.symbols:
        found = {name: statuses[name] for name in universe.names_of(symbol) if name in statuses}
        if "TRADING" not in found.values():
            off.append(f"{symbol} ({', '.join(found.values()) or 'not listed'})")
    listed = len(universe.symbols) - len(off)
    if not off:
        return [Finding("ok", "pairs", f"all {listed} trade")]
    text = f"{listed} trade; off: {', '.join(off)}"
    remedy = "They stay off, the rest runs; remove them from universe.toml or add their rename."
    return [Finding("warn" if listed else "fail", "pairs", text, remedy)]
