"""Recording the books of a stack as a visitor: every sample on either bus, and what was known of the pair then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.adapters.books.files import HeardBook
from shared.adapters.books.manifest import Absence
from shared.adapters.books.recorded import RecordedBooks
from shared.adapters.books.recorder import BookRecorder
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.application.record_books import LONGEST_BREAK_NS, Recording, record_books, source_of
from shared.application.stack import find_stack
from shared.domain.plan import SizingPlan
from shared.domain.timeframes import DAY_NS, MINUTE_NS
from shared.messages.market import BookSampled
from shared.ports.bus import Bus
from shared.ports.clock import WAITING, ClockOrigin
from tests.patience import PATIENCE_SECONDS, until
from tests.samples import T0, bar, book

PLAN = SizingPlan(atr_days=2, adv_days=2)


def sample(minute: int, symbol: str = "BTC/USDT") -> BookSampled:
    return book(f"book-{symbol.replace('/', '')}-{minute}", symbol=symbol, time_ns=T0 + minute * MINUTE_NS)


def silent(_event: str, /, **_facts: int | str) -> None:
    """Tell nobody."""


@asynccontextmanager
async def recording(bus: Bus, folder: Path, left_ns: int = 0) -> AsyncIterator[BookRecorder]:
    """A recorder that listens while the block lasts, and ends in order."""
    stop, clock = asyncio.Event(), ManualClock(T0)
    with BookRecorder(folder, "binance") as recorder:
        one = Recording(bus, recorder, PLAN, clock, left_ns)
        task = asyncio.ensure_future(one.run(stop, silent))
        await until(lambda: bool(one.heard_ns) or task.done())
        yield recorder
        stop.set()
        await task


async def test_every_sample_is_recorded_also_when_a_pair_is_sampled_often(bus: Bus, tmp_path: Path) -> None:
    async with recording(bus, tmp_path) as recorder:
        for minute in range(50):
            await bus.set_books([sample(minute), sample(minute, "ETH/USDT")])
        await until(lambda: recorder.taken == 100)
    assert list(RecordedBooks(tmp_path).between({"ETHUSDT"})) == [sample(minute, "ETH/USDT") for minute in range(50)]


async def test_the_latest_books_are_recorded_that_nobody_heard_on_the_channel(bus: Bus, tmp_path: Path) -> None:
    await bus.set_books([sample(0), sample(0, "ETH/USDT")])
    async with recording(bus, tmp_path):
        await bus.set_books([sample(1)])
    assert [(each.symbol, each.id) for each in RecordedBooks(tmp_path).between()] == [
        ("BTC/USDT", "book-BTCUSDT-0"), ("ETH/USDT", "book-ETHUSDT-0"), ("BTC/USDT", "book-BTCUSDT-1")
    ]  # fmt: skip


async def test_with_each_sample_stands_what_was_known_of_the_pairs_days_then(bus: Bus, tmp_path: Path) -> None:
    await bus.publish_bars([bar(timeframe="1d", hour=24 * day, close=20_000.0 + 100 * day) for day in (-3, -2, -1)])
    async with recording(bus, tmp_path) as recorder:
        await bus.set_books([sample(0), sample(0, "ETH/USDT")])
        await until(lambda: recorder.taken == 2)
    known, unknown = RecordedBooks(tmp_path).heard_between()
    assert known.adv_usdt == pytest.approx(1200.5 * 19_850.0)
    assert known.sigma_day is not None
    assert 0.0 < known.sigma_day < 0.001
    assert (unknown.adv_usdt, unknown.sigma_day) == (None, None)


async def test_a_long_break_is_written_down_and_a_short_one_lost_nothing(bus: Bus, tmp_path: Path) -> None:
    for name, longer in (("short", 0), ("long", 1)):
        async with recording(bus, tmp_path / name, T0 - LONGEST_BREAK_NS - longer):
            pass
        assert len(RecordedBooks(tmp_path / name).manifest.absences) == longer


@pytest.mark.sockets
async def test_a_server_that_is_away_is_waited_for(tmp_path: Path) -> None:
    stack = find_stack(redis_url="redis://127.0.0.1:1/0", config_dir=None, data_dir=tmp_path, environ={})
    stop, told = asyncio.Event(), list[str]()

    def hear(event: str, /, **_facts: int | str) -> None:
        told.append(event)
        stop.set()

    with BookRecorder(tmp_path / "books", "binance") as recorder:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await record_books(stack, recorder, stop, hear)
    assert told == ["server_away"]


async def test_books_of_a_simulated_market_carry_the_name_of_its_data(bus: Bus, tmp_path: Path) -> None:
    stack = find_stack(redis_url="redis://127.0.0.1:1/0", config_dir=None, data_dir=tmp_path, environ={})
    name = await bus.named_identity()
    assert await source_of(stack, bus) == f"sim {name}"


async def test_the_time_between_two_runs_is_written_down_too(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    """A market that stands still a day after the last run ended."""
    now_ns = T0 + DAY_NS
    await redis_bus.agree_on_clock(
        ClockOrigin(origin_market_ns=now_ns, origin_wall_ns=0, speed=1.0, begins_wall_ns=WAITING)
    )
    stack = find_stack(redis_url=valkey_server, config_dir=None, data_dir=tmp_path, environ={})
    with BookRecorder(tmp_path / "books", "binance") as recorder:
        recorder.take(HeardBook(book=sample(0)))
    stop = asyncio.Event()
    with BookRecorder(tmp_path / "books", "binance") as recorder:
        recording = asyncio.ensure_future(record_books(stack, recorder, stop, silent))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not recorder.taken:
                await redis_bus.set_books([sample(24 * 60)])
                await asyncio.sleep(0.05)
        stop.set()
        await recording
    assert RecordedBooks(tmp_path / "books").manifest.absences == (Absence(from_ns=T0, to_ns=now_ns),)
