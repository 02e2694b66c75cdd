"""Downloads from our own simulated exchange, over a real socket and with its faults, leave the bars that it has."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.faults import Fault
from services.exchange_sim.market.bars import INTERVALS
from shared.adapters.binance.exchange import CcxtExchange, open_exchange
from shared.adapters.clocks import ManualClock
from shared.adapters.klines.manifest import Source
from shared.adapters.klines.store import KlineStore
from shared.application.download_plan import plan_download
from shared.application.downloading import Downloaded, Range, Wish, download, missing, wished_bars
from shared.application.errors import UserError
from shared.domain.timeframes import DAY_MS, HOUR_MS
from shared.ports.exchange import UnavailableError
from tests.adapters.klines.kline_samples import SOURCE, START_MS, hourly
from tests.exchange_sim.sim_stage import START_MS as NOW_MS
from tests.exchange_sim.sim_stage import generated_market, ms, shipped_universe

FROM_MS = NOW_MS - 100 * DAY_MS
MARKET = generated_market()
ADDRESS = "http://simulated"


class Shop:
    """An exchange whose time stands still, a client of it, and a store to fill."""

    def __init__(self, sim: SimulatedExchange, exchange: CcxtExchange, store: KlineStore) -> None:
        self.sim, self.exchange, self.store = sim, exchange, store
        self.clock = ManualClock(NOW_MS * 1_000_000, 1.0)  # of whoever waits: no pause takes long
        self.asked = 0

    def inflict(self, **fault: Any) -> None:
        self.sim.inflict(Fault(**fault))

    async def get(self, *wishes: Wish, **options: Any) -> list[Downloaded]:
        return await download(self.exchange, self.store, wishes, address=ADDRESS, clock=self.clock, **options)

    def has_all_of(self, wish: Wish) -> bool:
        """What the store has of a wish is what the market has, to the last closed bar."""
        symbol = wish.symbol.replace("/", "")
        found = KlineStore(self.store.path).read(wish.timeframe, {symbol}, wish.start_ms, wish.end_ms)[symbol]
        interval = INTERVALS[wish.timeframe]
        bars = [
            MARKET.klines(symbol, interval, now_ms=NOW_MS, start_ms=start_ms, limit=1000)
            for start_ms in range(wish.start_ms, wish.end_ms, 1000 * interval.length_ms)
        ]
        wanted_ms = np.concatenate([each.open_ms for each in bars])
        closed = (wanted_ms < wish.end_ms) & (wanted_ms + interval.length_ms <= NOW_MS)
        closes = np.concatenate([each.close for each in bars])[closed]
        return np.array_equal(found.open_ms, wanted_ms[closed]) and np.allclose(found.close, closes, rtol=1e-9)


@asynccontextmanager
async def shop(folder: Path) -> AsyncIterator[Shop]:
    clock = ManualClock(NOW_MS * 1_000_000, 1.0)
    sim = SimulatedExchange(MARKET, clock, ExchangeOptions(weight_per_minute=100_000))
    async with sim.listening("127.0.0.1", 0) as port:
        exchange = open_exchange(f"http://127.0.0.1:{port}", ManualClock(0, 1.0), weight_per_minute=100_000)
        try:
            yield Shop(sim, exchange, KlineStore(folder / "sim"))
        finally:
            await exchange.close()


def wish(symbol: str = "BTC/USDT", timeframe: str = "1h", start_ms: int = FROM_MS, end_ms: int = NOW_MS) -> Wish:
    return Wish(symbol, timeframe, start_ms, end_ms)


@pytest.mark.sockets
async def test_several_pairs_and_timeframes_come_whole_over_several_pages(tmp_path: Path) -> None:
    wishes = [wish("BTC/USDT"), wish("ETH/USDT"), wish("SOL/USDT", "15m", NOW_MS - 40 * DAY_MS), wish("XRP/USDT", "1d")]
    heard: list[tuple[int, str]] = []
    async with shop(tmp_path) as stage:
        total = wished_bars(stage.store, wishes)
        results = await stage.get(*wishes, on_progress=lambda bars, series: heard.append((bars, series)))
        assert all(map(stage.has_all_of, wishes))
    assert [(result.wish, result.problem) for result in results] == [(each, "") for each in wishes]
    assert sum(bars for bars, _ in heard) == total
    assert {series for _, series in heard} == {"BTC/USDT 1h", "ETH/USDT 1h", "SOL/USDT 15m", "XRP/USDT 1d"}
    (source, *_) = next(iter(stage.store.manifest.files.values())).sources
    assert source == Source(name=ADDRESS, rows=source.rows)


@pytest.mark.sockets
async def test_faults_of_the_exchange_cost_time_and_no_bar(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        stage.inflict(fault="server_error", probability=0.4, count=6)
        stage.inflict(fault="rate_limit", seconds=20, count=2)
        stage.inflict(fault="odd_row", path="/api/v3/klines", field="4", value="-1", count=3)
        (result,) = await stage.get(wish())
        assert (result.problem, stage.has_all_of(wish())) == ("", True)
        happened = stage.sim.faults.happened
    assert min(happened["server_error"], happened["rate_limit"], happened["odd_row"]) > 0


@pytest.mark.sockets
async def test_a_download_that_was_interrupted_goes_on_from_what_is_stored(tmp_path: Path) -> None:
    wishes = [wish(timeframe="15m"), wish("ETH/USDT", "15m")]
    async with shop(tmp_path) as stage:
        task = asyncio.current_task()
        assert task is not None
        pages = 0

        def interrupt(_bars: int, _series: str) -> None:
            nonlocal pages
            pages += 1
            if pages == 8:
                task.cancel()  # as Ctrl-C does

        with pytest.raises(asyncio.CancelledError):
            await stage.get(*wishes, on_progress=interrupt)
        task.uncancel()
        left = wished_bars(KlineStore(stage.store.path), wishes)
        assert 0 < left <= wished_bars(KlineStore(tmp_path / "empty"), wishes) - 7_000
        results = await stage.get(*wishes)
        assert sum(result.bars for result in results) == left
        assert all(map(stage.has_all_of, wishes))


@pytest.mark.sockets
async def test_what_is_there_already_is_not_asked_for_again_and_holes_are_filled(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        await stage.get(wish())
        whole = stage.store.read("1h", {"BTCUSDT"}, 0, NOW_MS)["BTCUSDT"]
        with_holes = KlineStore(tmp_path / "holes")
        keep = np.ones(len(whole), dtype=np.bool_)
        keep[[*range(50), 100, *range(700, 1900), len(whole) - 1]] = False
        with_holes.write("1h", "BTCUSDT", whole.at(keep), SOURCE)
        stage.store = with_holes
        (result,) = await stage.get(wish())
        assert result.bars == int((~keep).sum())
        assert with_holes.digest() == KlineStore(tmp_path / "sim").digest()
        before = stage.exchange.used_weight
        (again,) = await stage.get(wish())
    assert again.bars == 0
    assert stage.exchange.used_weight - before <= 1  # the time; nothing is missing


@pytest.mark.sockets
async def test_a_pair_that_the_exchange_does_not_know_is_named_and_stops_no_other(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        unknown, known = await stage.get(wish("NOSUCH/USDT"), wish())
        assert (unknown.bars, unknown.problem[:27]) == (0, "the exchange refuses it: bi")
        assert (known.problem, stage.has_all_of(wish())) == ("", True)


@pytest.mark.sockets
async def test_the_bar_that_is_still_forming_is_not_taken(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        await stage.get(wish(timeframe="1d", end_ms=NOW_MS + 5 * DAY_MS))
        (span,) = stage.store.spans("1d").values()
    assert span[1] == NOW_MS // DAY_MS * DAY_MS - DAY_MS


@pytest.mark.sockets
async def test_an_exchange_that_stays_away_or_bans_is_named_and_what_came_is_kept(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        await stage.get(wish(end_ms=NOW_MS - 50 * DAY_MS))
        stage.inflict(fault="server_error", path="/api/v3/klines")
        (away,) = await stage.get(wish())
        assert away.problem.startswith("the exchange did not give it: ")
        stage.sim.faults.clear()
        stage.inflict(fault="ban", path="/api/v3/klines", seconds=3_000, count=1)
        (banned,) = await stage.get(wish())
        assert banned.problem.endswith("the same command goes on from here")
        assert len(stage.store.read("1h", {"BTCUSDT"}, 0, NOW_MS)["BTCUSDT"]) == 50 * 24


@pytest.mark.sockets
async def test_an_exchange_that_does_not_even_tell_its_time_ends_it(tmp_path: Path) -> None:
    async with shop(tmp_path) as stage:
        stage.inflict(fault="server_error")
        with pytest.raises(UnavailableError):
            await stage.get(wish())


def stored(folder: Path, hours: list[int]) -> KlineStore:
    store = KlineStore(folder)
    store.write("1h", "BTCUSDT", hourly(hours), SOURCE)
    return store


def hours(*pairs: tuple[int, int]) -> list[Range]:
    return [Range(START_MS + first * HOUR_MS, START_MS + end * HOUR_MS) for first, end in pairs]


@pytest.mark.parametrize(
    ("window", "lacking"),
    [
        ((0, 30), [(0, 5), (7, 10), (12, 30)]),
        ((5, 12), [(7, 10)]),
        ((8, 9), [(8, 9)]),
        ((5, 7), []),
        ((20, 30), [(20, 30)]),
        ((0, 3), [(0, 3)]),
    ],
)
def test_what_is_missing_lies_before_between_and_behind(
    tmp_path: Path, window: tuple[int, int], lacking: list[tuple[int, int]]
) -> None:
    store = stored(tmp_path, [5, 6, 10, 11])
    start_ms, end_ms = (START_MS + hour * HOUR_MS for hour in window)
    assert missing(store, wish(start_ms=start_ms, end_ms=end_ms)) == hours(*lacking)
    assert missing(store, wish(start_ms=start_ms - 1, end_ms=end_ms + 1)) == hours(*lacking)  # no half bars


def test_a_plan_has_every_pair_with_its_former_names() -> None:
    wishes = plan_download(shipped_universe(), "", "1h,1d", "2024-01-01", "2024-02-01")
    assert len(wishes) == 2 * 40
    assert {each.symbol for each in wishes if each.former} == {"MATIC/USDT", "FTM/USDT"}
    assert {(each.start_ms, each.end_ms) for each in wishes} == {(ms("2024-01-01"), ms("2024-02-01"))}
    named = plan_download(shipped_universe(), "POL/USDT, BTC/USDT", "1m", "2024-01-01", None)
    assert [each.symbol for each in named] == ["POL/USDT", "MATIC/USDT", "BTC/USDT"]


@pytest.mark.parametrize(
    ("pairs", "timeframe", "start", "end", "problem"),
    [
        ("BTCUSDT", "1h", "2024-01-01", None, "'BTCUSDT' is no pair; write it like BTC/USDT"),
        ("", "1w", "2024-01-01", None, "'1w' is none; write one of 1s, 1m"),
        ("", "1h", "yesterday", None, "--from yesterday: no date"),
        ("", "1h", "2024-01-01", "2023-01-01", "--from 2024-01-01 is not before --to 2023-01-01"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_with_its_remedy(
    pairs: str, timeframe: str, start: str, end: str | None, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        plan_download(shipped_universe(), pairs, timeframe, start, end)
