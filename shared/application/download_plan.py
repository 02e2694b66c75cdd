"""What a download is asked for, in words of the command line, and the whole of it from start to end."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from shared.adapters.binance.client import PUBLIC_REST
from shared.adapters.binance.exchange import open_exchange
from shared.adapters.clocks import RealClock
from shared.adapters.klines.store import KlineStore
from shared.application.downloading import Downloaded, Wish, download, wished_bars
from shared.application.errors import UserError
from shared.application.typed_times import typed_time_ns
from shared.domain.timeframes import LISTED_TIMEFRAMES, MS_NS
from shared.domain.universe import Universe
from shared.ports.exchange import ExchangeError

OnBars = Callable[[int, int, str], None]
"""Hears how many bars are done, of how many, and which series they are of."""


def plan_download(universe: Universe, pairs: str, timeframes: str, start: str, end: str | None) -> list[Wish]:
    """A wish for each name of each pair, the newest one first, in each timeframe. Raises ``UserError``.

    pairs: ``BTC/USDT,ETH/USDT``; all of the universe where it is empty. end: until now where it is None.
    """
    chosen = [pair.strip() for pair in pairs.split(",") if pair.strip()] or list(universe.symbols)
    for pair in chosen:
        base, slash, quote = pair.partition("/")
        if not (slash and base.isalnum() and quote.isalnum() and pair.isupper()):
            raise UserError(f"--pairs: {pair!r} is no pair; write it like BTC/USDT")
    start_ms = typed_time_ns("--from", start) // MS_NS
    end_ms = RealClock().wall_ns() // MS_NS if end is None else typed_time_ns("--to", end) // MS_NS
    if end_ms <= start_ms:
        raise UserError(f"--from {start} is not before --to {end or 'now'}")
    wishes = []
    for timeframe in filter(None, map(str.strip, timeframes.split(","))):
        if timeframe not in LISTED_TIMEFRAMES:
            raise UserError(f"--timeframe: {timeframe!r} is none; write one of {', '.join(LISTED_TIMEFRAMES)}")
        for pair in chosen:
            for place, name in enumerate(universe.names_of(pair)):
                wishes.append(Wish(name, timeframe, start_ms, end_ms, former=place > 0))
    return wishes


def download_now(
    store: KlineStore, wishes: Sequence[Wish], url: str, weight_per_minute: int, on_bars: OnBars
) -> list[Downloaded]:
    """Fetch what is missing from the exchange at ``url``, or from Binance where it is empty. Raises ``UserError``."""
    total, done = wished_bars(store, wishes), 0

    def heard(bars: int, series: str) -> None:
        nonlocal done
        done += bars
        on_bars(done, total, series)

    async def run() -> list[Downloaded]:
        clock = RealClock()
        exchange = open_exchange(url, clock, weight_per_minute=weight_per_minute)
        try:
            return await download(exchange, store, wishes, address=url or PUBLIC_REST, clock=clock, on_progress=heard)
        finally:
            await exchange.close()

    try:
        return asyncio.run(run())
    except ExchangeError as error:
        raise UserError(f"{urlsplit(url or PUBLIC_REST).netloc} does not answer: {error}") from None
    except KeyboardInterrupt:
        raise UserError("interrupted; what came is stored, and the same command goes on from there") from None
