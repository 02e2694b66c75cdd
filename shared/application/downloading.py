"""Asks an exchange for the klines that a store lacks, and nothing else: a download that was interrupted goes on.

Several series are asked for at a time, within the request weight that the exchange allows. What came is stored every
few pages, so that an end at any moment loses seconds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from shared.adapters.klines.columns import RecordingError, columns_of_rows
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.timeframes import bar_ms_of
from shared.domain.timeframes import MS_NS
from shared.domain.universe import exchange_symbol
from shared.ports.clock import Clock
from shared.ports.exchange import Exchange, ExchangeError, Kline, RateLimitedError, RejectedError, UnavailableError

T = TypeVar("T")
PAGE_BARS = 1_000
AT_ONCE = 4  # series
STORED_BARS = 20_000  # come in before they are written
ATTEMPTS = 8  # of one question
LONGEST_PAUSE_SECONDS = 30.0
LONGEST_BAN_SECONDS = 300.0
OnProgress = Callable[[int, str], None]
"""Hears how many bars of what was wished for are done with since the last time, and which series they are of."""


class Wish(NamedTuple):
    """Bars that a store should have. former: the pair has another name now, and the exchange may not know this one."""

    symbol: str
    timeframe: str
    start_ms: int
    end_ms: int
    former: bool = False


@dataclass(slots=True)
class Downloaded:
    """What became of a wish. bars: that were added. problem: why some are still missing; empty when none are."""

    wish: Wish
    bars: int = 0
    problem: str = ""


class Range(NamedTuple):
    """Bars that are missing: those with start_ms <= open time < end_ms."""

    start_ms: int
    end_ms: int


def missing(store: KlineStore, wish: Wish) -> list[Range]:
    """What of a wish the store lacks: before its first bar, in its holes, after its last one."""
    bar_ms, symbol = bar_ms_of(wish.timeframe), exchange_symbol(wish.symbol)
    whole = Range(-(-wish.start_ms // bar_ms) * bar_ms, wish.end_ms // bar_ms * bar_ms)
    span = store.spans(wish.timeframe).get(symbol)
    if span is None:
        found = [whole]
    else:
        holes = [
            Range(open_ms, open_ms + bars * bar_ms) for open_ms, bars in store.holes(wish.timeframe).get(symbol, [])
        ]
        found = [Range(whole.start_ms, span[0]), *holes, Range(span[1] + bar_ms, whole.end_ms)]
    cut = [Range(max(each.start_ms, whole.start_ms), min(each.end_ms, whole.end_ms)) for each in found]
    return [each for each in cut if each.start_ms < each.end_ms]


async def download(
    exchange: Exchange,
    store: KlineStore,
    wishes: Sequence[Wish],
    *,
    address: str,
    clock: Clock,
    on_progress: OnProgress = lambda *_: None,
) -> list[Downloaded]:
    """Fetch what is missing. One series that cannot be had does not stop the others: its result has the reason.

    address: of the exchange, for the record. Raises ``ExchangeError`` when the exchange cannot even tell its time.
    """
    now_ms = await _answer(exchange.server_time_ns, clock) // MS_NS  # its own clock says which bars are closed
    left = iter(wishes)
    results: list[Downloaded] = []

    async def work() -> None:
        for wish in left:  # shared: each wish has one worker
            series = _Series(exchange, store, wish, Source(name=address), now_ms, clock, on_progress)
            results.append(series.result)
            await series.fetch()

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return sorted(results, key=lambda result: wishes.index(result.wish))


@dataclass(slots=True)
class _Series:
    """One wish on its way."""

    exchange: Exchange
    store: KlineStore
    wish: Wish
    source: Source
    now_ms: int
    clock: Clock
    on_progress: OnProgress
    held: list[Kline] = field(default_factory=list)
    result: Downloaded = field(init=False)

    def __post_init__(self) -> None:
        self.result = Downloaded(self.wish)

    async def fetch(self) -> None:
        """Everything that is missing. However it ends, what came is stored."""
        try:
            for part in missing(self.store, self.wish):
                await self._fetch_part(part)
        except RejectedError as error:
            self.result.problem = f"the exchange refuses it: {error}"
        except ExchangeError as error:
            self.result.problem = f"the exchange did not give it: {error}; the same command goes on from here"
        except RecordingError as error:
            self._unstorable(error)
        finally:
            self._store_rest()

    async def _fetch_part(self, part: Range) -> None:
        bar_ms, since_ms = bar_ms_of(self.wish.timeframe), part.start_ms
        while since_ms < part.end_ms:
            wanted = min(PAGE_BARS, (part.end_ms - since_ms) // bar_ms)
            rows = await self._page(since_ms, wanted)
            last_ms = rows[-1].open_time_ns // MS_NS if rows else part.end_ms
            # What is still forming is not taken; and of what comes behind a hole nothing that is there already.
            self.held += [row for row in rows if self._is_closed(row) and row.open_time_ns // MS_NS < part.end_ms]
            next_ms = min(last_ms + bar_ms, part.end_ms)
            self.on_progress((next_ms - since_ms) // bar_ms, f"{self.wish.symbol} {self.wish.timeframe}")
            since_ms = next_ms
            if len(self.held) >= STORED_BARS:
                self._store()

    async def _page(self, since_ms: int, limit: int) -> Sequence[Kline]:
        symbol, timeframe = self.wish.symbol, self.wish.timeframe
        return await _answer(lambda: self.exchange.klines(symbol, timeframe, since_ms * MS_NS, limit), self.clock)

    def _is_closed(self, kline: Kline) -> bool:
        return kline.close_time_ns // MS_NS < self.now_ms

    def _store_rest(self) -> None:
        try:
            self._store()
        except RecordingError as error:
            self._unstorable(error)

    def _unstorable(self, error: RecordingError) -> None:
        self.held = []
        self.result.problem = f"it cannot be stored: {error}"

    def _store(self) -> None:
        if not self.held:
            return
        rows = [
            (bar.open_time_ns // MS_NS, bar.open, bar.high, bar.low, bar.close, bar.volume, bar.quote_volume)
            for bar in self.held
        ]
        symbol = exchange_symbol(self.wish.symbol)
        written = self.store.write(self.wish.timeframe, symbol, columns_of_rows(rows), self.source)
        self.held = []
        self.result.bars += written.added


async def _answer(ask: Callable[[], Awaitable[T]], clock: Clock) -> T:
    """One answer, asked for again while the exchange is away or wants a pause; the last refusal where it stays so."""
    for attempt in range(ATTEMPTS - 1):
        try:
            return await ask()
        except RateLimitedError as error:
            if error.retry_after_seconds > LONGEST_BAN_SECONDS:
                raise
            await clock.sleep_wall(error.retry_after_seconds)
        except UnavailableError:
            await clock.sleep_wall(min(2.0**attempt, LONGEST_PAUSE_SECONDS))
    return await ask()


def wished_bars(store: KlineStore, wishes: Sequence[Wish]) -> int:
    """How many bars will be asked for."""
    return sum(
        (part.end_ms - part.start_ms) // bar_ms_of(wish.timeframe) for wish in wishes for part in missing(store, wish)
    )
