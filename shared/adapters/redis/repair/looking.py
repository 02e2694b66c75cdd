"""Everything that is looked at, in the order in which it has to be mended."""

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

from shared.adapters.codec import decode_or_none, struct_or_none
from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.keys import (
    CLOCK_KEY,
    DECISION_TTL_MS,
    IDENTITY_KEY,
    SCOPES,
    client_key,
    clients_key,
    decision_key,
    last_bars_key,
    market_epoch_key,
    services_key,
)
from shared.adapters.redis.market_lease import LEASE_KEY, META_KEY
from shared.adapters.redis.repair.faults import KeyFault, Mend, Stack
from shared.adapters.redis.repair.kinds import FIRST, deleting, kind_of, stream_faults, wrong_kind
from shared.adapters.redis.repair.machines import lease_fault, machine_faults, reserved_fault
from shared.messages.catalogue import BARS, BOOKS, DECIDED, MARKS
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin

PAGE = 1_000
FIRST_SEEN = 0  # of a client: nobody knows any more
MOST_DIGITS = 17


async def look(stack: Stack) -> list[KeyFault]:
    """What is wrong, in the order in which it has to be mended. Raises ``BusLostError``."""
    found = [fault async for fault in _streams(stack)]
    if fault := await _clients(stack):
        found.append(fault)
    for machine in stack.machines:
        found += [fault async for fault in machine_faults(stack, machine)]
    if fault := await reserved_fault(stack):
        found.append(fault)
    found += [fault async for fault in _market(stack)]
    found += [fault async for fault in _facts(stack)]
    found += [fault async for fault in _decisions(stack)]
    return found


async def _streams(stack: Stack) -> AsyncIterator[KeyFault]:
    queues = [queue async for queue in _queues(stack)]
    for key in (*stack.streams, *queues, *(machine.key("journal") for machine in stack.machines)):
        async for fault in stream_faults(stack.client, key):
            yield fault


async def _queues(stack: Stack) -> AsyncIterator[str]:
    """The queues of clients, whether their names are kept or not."""
    prefix = client_key(stack.keys, "")
    async with bus_errors():
        async for key in stack.client.scan_iter(match=_literal(prefix) + "*", count=PAGE):
            queue = key.decode(errors="replace")
            with suppress(ValueError):
                yield stack.keys.of_client(queue.removeprefix(prefix))


async def _clients(stack: Stack) -> KeyFault | None:
    """Names of clients: the gate reads the queues of those that stand there."""
    key, names = clients_key(stack.keys), [queue.rpartition(":")[2] async for queue in _queues(stack)]
    if fault := await wrong_kind(stack.client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            known = await stack.client.hkeys(key)
        if not (missing := [name for name in names if name.encode() not in known]):
            return None
        problem = f"does not name {missing[0]}, whose proposals nobody reads"

    async def name_all() -> None:
        pipe = stack.client.pipeline(transaction=True)
        if await kind_of(stack.client, key) != "hash":
            pipe.unlink(key)
        for name in names:
            pipe.hsetnx(key, name, FIRST_SEEN)
        async with bus_errors(key):
            await pipe.execute()

    return KeyFault(key, problem, "clients are named by the queues that are there", name_all)


# --- the market -----------------------------------------------------------------------------------------------------


async def _market(stack: Stack) -> AsyncIterator[KeyFault]:
    client = stack.client
    for key in (MARKS.key, BOOKS.key):
        if fault := await _rows(client, key, lambda body: decode_or_none(body) is not None):
            yield fault
    if fault := await lease_fault(client, LEASE_KEY):
        yield fault
    if fault := await _market_epoch(stack):
        yield fault
    for timeframe in stack.timeframes:
        if fault := await _last_bars(stack, timeframe):
            yield fault
    for key in (*(stack.keys.of(BARS, timeframe) for timeframe in stack.timeframes), MARKS.key, BOOKS.key):
        if fault := await _fence(client, market_epoch_key(key)):
            yield fault


def _is_time(text: bytes) -> bool:
    return text.isdigit() and len(text) < MOST_DIGITS


async def _fences(stack: Stack) -> int:
    """The highest epoch under which the market was written."""
    keys = [*(stack.keys.of(BARS, timeframe) for timeframe in stack.timeframes), MARKS.key, BOOKS.key]
    epochs = [0]
    for key in map(market_epoch_key, keys):
        if await kind_of(stack.client, key) == "string":
            async with bus_errors(key):
                text = await stack.client.get(key) or b"0"
            epochs.append(int(text) if _is_time(text) else 0)
    return max(epochs)


async def _market_epoch(stack: Stack) -> KeyFault | None:
    client = stack.client
    if fault := await wrong_kind(client, META_KEY, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(META_KEY):
            text = await client.hget(META_KEY, "epoch")
        if _is_time(text or b"0"):
            return None
        problem = "holds an epoch that is no number"

    async def renew() -> None:
        epoch = await _fences(stack) + 1
        pipe = client.pipeline(transaction=True)
        pipe.unlink(META_KEY)
        pipe.hset(META_KEY, "epoch", epoch)
        async with bus_errors(META_KEY):
            await pipe.execute()

    return KeyFault(META_KEY, problem, "a new epoch begins, beyond all that have written", renew)


async def _fence(client: Client, key: str) -> KeyFault | None:
    if fault := await wrong_kind(client, key, "string"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            text = await client.get(key)
        if _is_time(text or b"0"):
            return None
        problem = "holds an epoch that is no number"

    async def renew() -> None:
        async with bus_errors(META_KEY):
            epoch = await client.hget(META_KEY, "epoch")
        async with bus_errors(key):
            await client.set(key, epoch or b"0")

    return KeyFault(key, problem, "the epoch in force takes its place", renew)


async def _last_bars(stack: Stack, timeframe: str) -> KeyFault | None:
    client, key, stream = stack.client, last_bars_key(stack.keys, timeframe), stack.keys.of(BARS, timeframe)
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows = await client.hgetall(key)
        odd = [symbol for symbol, opened in rows.items() if not _is_time(opened)]
        if not odd:
            return None
        problem = f"holds no time for {odd[0].decode(errors='replace')[:64]}"

    async def count() -> None:
        last: dict[str, int] = {}
        start, rows = "-", FIRST
        while rows and await kind_of(client, stream) == "stream":
            async with bus_errors(stream):
                rows = await client.xrange(stream, min=start, count=PAGE)
            for _, fields in rows:
                bar = decode_or_none(fields.get(b"m", b""))
                if isinstance(bar, BarClosed):
                    last[bar.symbol] = max(last.get(bar.symbol, 0), bar.open_time_ns // 1_000_000)
            start = "(" + rows[-1][0].decode() if rows else ""
        pipe = client.pipeline(transaction=True)
        pipe.unlink(key)
        if last:
            pipe.hset(key, mapping=last)
        async with bus_errors(key):
            await pipe.execute()

    return KeyFault(key, problem, "the last bars are looked up in their stream", count)


# --- what stands beside the messages --------------------------------------------------------------------------------


async def _facts(stack: Stack) -> AsyncIterator[KeyFault]:
    client = stack.client
    for scope in SCOPES:
        if fault := await _rows(client, services_key(stack.keys, scope), _is_beat):
            yield fault
    if fault := await wrong_kind(client, IDENTITY_KEY, "string"):
        yield fault
    if fault := await wrong_kind(client, CLOCK_KEY, "string"):
        yield fault
    else:
        async with bus_errors(CLOCK_KEY):
            body = await client.get(CLOCK_KEY)
        if body and struct_or_none(body, ClockOrigin) is None:
            remedy = "it is taken away: the simulated exchange sets it at its next start"
            yield KeyFault(CLOCK_KEY, "holds no clock", remedy, deleting(client, CLOCK_KEY))


def _is_beat(body: bytes) -> bool:
    return struct_or_none(body, Heartbeat) is not None


async def _rows(client: Client, key: str, is_right: Callable[[bytes], bool]) -> KeyFault | None:
    """A hash with rows that nobody can read. They are written anew by who writes them."""
    if fault := await wrong_kind(client, key, "hash"):
        return fault
    async with bus_errors(key):
        rows = await client.hgetall(key)
    odd = [name for name, body in rows.items() if not is_right(body)]
    if not odd:
        return None
    problem = f"has {len(odd)} rows that cannot be read: {odd[0].decode(errors='replace')[:64]}"
    return KeyFault(key, problem, "they are taken away", partial(_without, client, key, odd))


async def _without(client: Client, key: str, rows: list[bytes]) -> None:
    async with bus_errors(key):
        await client.hdel(key, *rows)


# --- decisions ------------------------------------------------------------------------------------------------------


async def _decisions(stack: Stack) -> AsyncIterator[KeyFault]:
    """What stands where a decision belongs, and is none on that order."""
    client, prefix = stack.client, decision_key(stack.keys, "")
    cursor: int | None = None
    while cursor != 0:
        async with bus_errors():
            cursor, keys = await client.scan(cursor or 0, match=_literal(prefix) + "*", count=PAGE)
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.get(key)
        async with bus_errors():
            bodies = await pipe.execute(raise_on_error=False)
        for key, body in zip(keys, bodies, strict=True):
            order_id = key.decode(errors="replace").removeprefix(prefix)
            if body is not None and not _is_decision(body, order_id):
                name, mend = key.decode(errors="replace"), _deciding(stack, key, order_id)
                remedy = "the decision of the stream takes its place, or it is taken away where there is none"
                yield KeyFault(name, "is no decision on that order", remedy, mend)


def _literal(text: str) -> str:
    return "".join(f"\\{each}" if each in "[]*?\\" else each for each in text)


def _is_decision(body: object, order_id: str) -> bool:
    message = decode_or_none(body) if isinstance(body, bytes) else None
    return isinstance(message, OrderDecided) and message.order_id == order_id


def _deciding(stack: Stack, key: bytes, order_id: str) -> Mend:
    async def decide() -> None:
        client, stream, body = stack.client, stack.keys.of(DECIDED), b""
        start, rows = "+", FIRST
        while rows and not body and await kind_of(client, stream) == "stream":
            async with bus_errors(stream):
                rows = await client.xrevrange(stream, max=start, count=PAGE)
            found = (fields.get(b"m", b"") for _, fields in rows)
            body = next((each for each in found if _is_decision(each, order_id)), b"")
            start = "(" + rows[-1][0].decode() if rows else ""
        async with bus_errors():
            await (client.set(key, body, px=DECISION_TTL_MS) if body else client.unlink(key))

    return decide
