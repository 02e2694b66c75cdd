"""What stands on the server of the market: its latest values, its lease and fences, the times of the last bars."""

from collections.abc import AsyncIterator

from shared.adapters.codec import decode_or_none, struct_or_none
from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.keys import CLOCK_KEY, last_bars_key, market_epoch_key
from shared.adapters.redis.market_lease import LEASE_KEY, META_KEY
from shared.adapters.redis.repair.faults import KeyFault, Stack
from shared.adapters.redis.repair.kinds import FIRST, kind_of, rows_fault, wrong_kind
from shared.adapters.redis.repair.machines import lease_fault
from shared.adapters.redis.stored_texts import LATEST_MS, is_counter, is_time
from shared.domain.timeframes import HOUR_NS, MS_NS, SECOND_NS
from shared.messages.catalogue import BARS, BOOKS, MARKS
from shared.messages.market import BarClosed
from shared.ports.clock import MOST_SPEED, ClockOrigin

PAGE = 1_000
CLOCKS_DIFFER_NS = HOUR_NS  # of wall time, at most: that of the server, and that of its clients


async def market_faults(stack: Stack) -> AsyncIterator[KeyFault]:
    """All that is wrong with what portfolios share."""
    client = stack.client
    for key in (MARKS.key, BOOKS.key):
        if fault := await rows_fault(client, key, lambda body: decode_or_none(body) is not None):
            yield fault
    if fault := await lease_fault(client, LEASE_KEY):
        yield fault
    if fault := await _market_epoch(stack):
        yield fault
    for timeframe in stack.timeframes:
        if fault := await _last_bars(stack, timeframe):
            yield fault
    for key in _fences(stack):
        if fault := await _fence(client, key):
            yield fault


def _fences(stack: Stack) -> list[str]:
    """The keys of the epochs under which the market was written last."""
    bars = (stack.keys.of(BARS, timeframe) for timeframe in stack.timeframes)
    return [market_epoch_key(key) for key in (*bars, MARKS.key, BOOKS.key)]


async def _last_epoch(stack: Stack) -> int:
    """The highest epoch under which the market was written."""
    epochs = [0]
    for key in _fences(stack):
        if await kind_of(stack.client, key) == "string":
            async with bus_errors(key):
                text = await stack.client.get(key) or b"0"
            epochs.append(int(text) if is_counter(text) else 0)
    return max(epochs)


async def _market_epoch(stack: Stack) -> KeyFault | None:
    client = stack.client
    if fault := await wrong_kind(client, META_KEY, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(META_KEY):
            text = await client.hget(META_KEY, "epoch")
        if is_counter(text or b"0"):
            return None
        problem = "holds an epoch that is no number"

    async def renew() -> None:
        epoch = await _last_epoch(stack) + 1
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
        if is_counter(text or b"0"):
            return None
        problem = "holds an epoch that is no number"

    async def renew() -> None:
        async with bus_errors(META_KEY):
            epoch = await client.hget(META_KEY, "epoch")
        async with bus_errors(key):
            await client.set(key, epoch or b"0")

    return KeyFault(key, problem, "the epoch in force takes its place", renew)


async def _latest_ms(client: Client) -> int:
    """The market time up to which bars can have opened, by the clock of this market; of none, the last there is."""
    async with bus_errors():
        body = await client.get(CLOCK_KEY) if await kind_of(client, CLOCK_KEY) == "string" else None
        seconds, _ = await client.time()
    origin = struct_or_none(body, ClockOrigin) if body else None
    if origin is None or not 0 < origin.speed < MOST_SPEED:
        return LATEST_MS
    begun_ns = origin.begins_wall_ns or origin.origin_wall_ns
    passed_ns = max(0, seconds * SECOND_NS - begun_ns) + CLOCKS_DIFFER_NS
    return min(LATEST_MS, int(origin.origin_market_ns + passed_ns * origin.speed) // MS_NS)


async def _last_bars(stack: Stack, timeframe: str) -> KeyFault | None:
    client, key, stream = stack.client, last_bars_key(stack.keys, timeframe), stack.keys.of(BARS, timeframe)
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows = await client.hgetall(key)
        latest_ms = await _latest_ms(client)
        odd = [symbol for symbol, opened in rows.items() if not is_time(opened, latest_ms)]
        if not odd:
            return None
        name = odd[0].decode(errors="replace")[:64]
        problem = f"holds {'a time that is yet to come' if is_time(rows[odd[0]]) else 'no time'} for {name}"

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
