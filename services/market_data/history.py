"""History for pairs that were never published: asked for in groups, published oldest first across the group."""

import asyncio
from collections.abc import Sequence

from services.market_data.bar_tracks import BarTrack
from services.market_data.bars import closed_bar, renamed_kline
from services.market_data.context import MarketDataContext
from shared.domain.timeframes import DAILY, timeframe_ns
from shared.messages.market import BarClosed
from shared.ports.exchange import ExchangeError, Kline, OddRowError, RejectedError

ROWS = 1_000
GROUP = 50  # tracks whose history is in memory at once
AT_A_TIME = 8


async def warm_up(context: MarketDataContext, tracks: Sequence[BarTrack]) -> int:
    """Bring history to cold tracks, longer timeframes first; returns the number of bars.

    Tracks that could not be asked now stay cold, and are asked again by the backfill.
    """
    cold = sorted((track for track in tracks if track.sequencer.cold), key=lambda track: -track.sequencer.step_ns)
    bars = 0
    for start in range(0, len(cold), GROUP):
        bars += await _warm_group(context, cold[start : start + GROUP])
        await context.outbox.room()
    return bars


async def _warm_group(context: MarketDataContext, group: Sequence[BarTrack]) -> int:
    gate = asyncio.Semaphore(AT_A_TIME)
    answers: list[tuple[BarTrack, list[BarClosed], int]] = []
    failures: list[ExchangeError] = []

    async def ask(track: BarTrack) -> None:
        track.asking = True
        try:
            async with gate:
                answers.append((track, *await history(context, track)))
        except OddRowError:
            pass  # noted, and told by the watchdog
        except ExchangeError as error:
            failures.append(error)
        finally:
            track.asking = False

    async with asyncio.TaskGroup() as asking:
        for track in group:
            asking.create_task(ask(track))
    if failures:
        context.log.warning("history_delayed", tracks=len(failures), reason=str(failures[0]))
    # From here to the outbox nothing is awaited: frames that were held back must not overtake history.
    ready = [bar for track, bars, until_ns in answers for bar in track.sequencer.answer(bars, until_ns, history=True)]
    ready.sort(key=lambda bar: (bar.close_time_ns, -timeframe_ns(bar.timeframe), bar.symbol))
    context.outbox.add(ready)
    return len(ready)


async def history(context: MarketDataContext, track: BarTrack) -> tuple[list[BarClosed], int]:
    """The last closed bars of a track, as many as settings want, and the time until which these are all there are."""
    step_ns = timeframe_ns(track.timeframe)
    count = context.settings.warmup_days if track.timeframe == DAILY else context.settings.warmup_bars
    await context.time.settle(1)
    until_ns = context.time.settled_ns // step_ns * step_ns
    since_ns = until_ns - count * step_ns
    rows = await context.klines(track, since_ns, min(ROWS, count + 1))
    rows = [row for row in rows if row.open_time_ns < until_ns]
    first_ns = rows[0].open_time_ns if rows else until_ns
    if first_ns > since_ns:
        rows = [*await _under_the_former_name(context, track, since_ns, first_ns), *rows]
    return [closed_bar(row, backfilled=True) for row in rows], until_ns


async def _under_the_former_name(
    context: MarketDataContext, track: BarTrack, since_ns: int, until_ns: int
) -> list[Kline]:
    """Bars of the time before a rename, in new units, as far as the exchange still serves them."""
    rename = context.universe.rename_of(track.symbol)
    base, _, quote = track.symbol.partition("/")
    if rename is None or rename.new != base:
        return []
    former = f"{rename.old}/{quote}"
    count = (until_ns - since_ns) // timeframe_ns(track.timeframe)
    try:
        rows = await context.exchange.klines(former, track.timeframe, since_ns, min(ROWS, count))
    except (RejectedError, OddRowError) as error:
        context.log.info(
            "former_history_missing", symbol=track.symbol, timeframe=track.timeframe, former=former, reason=str(error)
        )
        return []
    stitched = [renamed_kline(row, track.symbol, rename) for row in rows if row.open_time_ns < until_ns]
    context.log.info(
        "history_stitched", symbol=track.symbol, timeframe=track.timeframe, former=former, bars=len(stitched)
    )
    return stitched
