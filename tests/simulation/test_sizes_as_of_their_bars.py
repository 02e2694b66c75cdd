"""Every size is that of its own bar's close, whichever order bars and days came in, and however far behind a host was.

The oracle knows nothing of machines: for each size it takes the days that had closed by the close of the size's bar.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.sizing.service import spec_of
from shared.adapters.clocks import ManualClock
from shared.adapters.memory_bus import MemoryBus
from shared.config.model import Settings
from shared.domain.bars.atr import WilderAtr
from shared.domain.plan import Limits, Plan, StrategyPlan
from shared.domain.timeframes import DAY_NS, HOUR_NS
from shared.messages.base import Message
from shared.messages.catalogue import SIZES
from shared.messages.market import BarClosed, PairListed
from shared.messages.signals import PositionSized
from shared.runtime.host import MachineHost
from shared.runtime.logs import get_logger
from shared.runtime.replay import Replay
from tests.examples import examples
from tests.history import bar_of, daily_bars, exchange_symbols, hourly, hourly_bars, ms_of
from tests.keys import MAIN
from tests.shipped import shipped_universe

SPEED = 7200.0
STRATEGIES = (StrategyPlan(name="donchian", kind="donchian", timeframe="1h", weight=1.0),)
START_NS = ms_of("2024-03-01") * 1_000_000
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")

Tracks = dict[tuple[str, str], list[BarClosed]]


def settings() -> Settings:
    return Settings(universe=shipped_universe(), plan=Plan(strategies=STRATEGIES, limits=Limits(book_age_seconds=0.0)))


def listed(symbols: Iterable[str]) -> list[Message]:
    return [
        PairListed(
            id=f"listed-{symbol}", time_ns=0, symbol=symbol, status="trading", price_step=Decimal("0.0000001"),
            quantity_step=Decimal("0.001"), min_notional=Decimal(5),
        )
        for symbol in symbols
    ]  # fmt: skip


def generated(days: int, *, history_days: int = 65, seed: int = 7) -> Tracks:
    """A walk of hours from ``START_NS`` on, with the days that they make and days before."""
    chance, tracks = random.Random(seed), {}
    for symbol in PAIRS:
        price, hours, rows = chance.uniform(50.0, 150.0), [], []
        for hour in range(-history_days * 24, days * 24):
            opened = price
            price *= math.exp(chance.gauss(0.0, 0.01 * chance.choice((1, 1, 4))))
            row = (opened, max(opened, price) * 1.003, min(opened, price) * 0.997, price, 1e5, 1e5 * price)
            open_ms = START_NS // 1_000_000 + hour * 3_600_000
            rows.append((open_ms, row))
            if hour >= 0:
                hours.append(bar_of(symbol, "1h", open_ms, row, backfilled=False))
        tracks[symbol, "1h"] = hours
        tracks[symbol, "1d"] = [
            bar_of(symbol, "1d", day[0][0], whole_day([row for _, row in day]), backfilled=False)
            for day in (rows[first : first + 24] for first in range(0, len(rows), 24))
        ]
    return tracks


def whole_day(rows: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    high, low = max(row[1] for row in rows), min(row[2] for row in rows)
    return (rows[0][0], high, low, rows[-1][3], sum(row[4] for row in rows), sum(row[5] for row in rows))


def wrong_sizes(sizes: Iterable[PositionSized], tracks: Tracks) -> list[str]:
    """The sizes whose ATR or ADV is not that of the days that had closed by the close of their bar."""
    expected: dict[str, list[tuple[int, float, float]]] = defaultdict(list)
    for (symbol, timeframe), bars in tracks.items():
        if timeframe == "1d":
            atr, volumes = WilderAtr(10), []
            for bar in bars:
                volumes.append(bar.quote_volume)
                value = atr.update(bar.high, bar.low, bar.close)
                adv = math.fsum(volumes[-20:]) / 20 if len(volumes) >= 20 else 0.0
                expected[symbol].append((bar.close_time_ns, value or 0.0, adv))
    wrong = []
    for size in sizes:
        closed_ns = size.bar_open_time_ns + HOUR_NS - 1_000_000
        _, atr, adv = [known for known in expected[size.symbol] if known[0] <= closed_ns][-1]
        if (size.atr, size.adv_usdt) != (atr, adv):
            wrong.append(f"{size.symbol} {size.bar_open_time_ns}: ATR {size.atr}, as of its bar {atr}")
    return wrong


def all_bars(tracks: Tracks) -> list[BarClosed]:
    return [bar for bars in tracks.values() for bar in bars]


class Stage:
    """A sizing service on a bus in memory, and the order in which market_data gives bars out."""

    def __init__(self) -> None:
        self.clock = ManualClock(speed=SPEED)
        self.bus = MemoryBus(MAIN)
        self.published: dict[tuple[str, str], int] = defaultdict(int)

    async def start(self) -> None:
        self.host = MachineHost(spec_of(settings(), self.clock), self.bus, self.clock, get_logger())
        await self.host.recover()

    async def settle(self) -> None:
        while await self.host.step(wait_ms=0):
            pass

    async def publish(self, tracks: Tracks, symbol: str, until_ns: int, batch: int = 1_000) -> None:
        """Bring a pair up to a moment, as a backfill does: its days first, then its hours."""
        for timeframe in ("1d", "1h"):
            track = symbol, timeframe
            due = [bar for bar in tracks[track] if bar.close_time_ns < until_ns][self.published[track] :]
            self.published[track] += len(due)
            for first in range(0, len(due), batch):
                await self.bus.publish_bars(due[first : first + batch])

    async def sizes(self) -> list[PositionSized]:
        found = await self.bus.latest(MAIN.of(SIZES), 1_000_000)
        return [message for message in found if isinstance(message, PositionSized)]


@examples(40)
@given(
    behind=st.lists(st.tuples(st.integers(1, 80), st.permutations(PAIRS), st.booleans(), st.booleans()), max_size=6),
    seed=st.integers(0, 1000),
)
async def test_sizes_are_those_of_their_own_bar_after_any_outage_of_market_data_or_of_sizing(
    behind: list[tuple[int, list[str], bool, bool]], seed: int
) -> None:
    tracks, stage = generated(20, seed=seed), Stage()
    await stage.bus.publish(listed(PAIRS))
    await stage.start()
    now_ns = START_NS
    for hours, order, restarts, steps_between in [(1, list(PAIRS), False, False), *behind]:
        now_ns = min(now_ns + hours * HOUR_NS, START_NS + 20 * DAY_NS)
        for symbol in order:  # market_data was away for so many hours, and brings one pair after the other
            await stage.publish(tracks, symbol, now_ns)
            if steps_between:
                stage.clock.time_ns = now_ns
                await stage.settle()
        if restarts:
            await stage.host.lease.read(0)  # given to a process that ends before it commits
            await stage.host.lease.release()
            await stage.start()
        stage.clock.time_ns = now_ns
        await stage.settle()
    sizes = await stage.sizes()
    assert len(sizes) == sum(stage.published[symbol, "1h"] for symbol in PAIRS)  # none lost, and none twice
    assert not wrong_sizes(sizes, tracks)


def test_sizes_of_a_replay_are_those_of_their_own_bars_however_many_bars_it_is_fed_at_once() -> None:
    tracks = generated(8)
    for hours in (1, 7, 24, 50):
        clock = ManualClock(speed=SPEED)
        replay = Replay([spec_of(settings(), clock)], MAIN)
        outputs = replay.feed(listed(PAIRS))
        bars = sorted(all_bars(tracks), key=lambda bar: bar.close_time_ns)
        groups: dict[int, list[BarClosed]] = defaultdict(list)
        for bar in bars:
            groups[bar.close_time_ns // (hours * HOUR_NS)].append(bar)
        for group in groups.values():
            outputs += replay.feed(sorted(group, key=lambda bar: (bar.symbol, bar.timeframe)))
        sizes = [message for message in outputs if isinstance(message, PositionSized)]
        assert len(sizes) > 400
        assert not wrong_sizes(sizes, tracks)


async def test_sizes_of_recorded_history_are_those_of_their_own_bars_after_outages(data_dir: Path) -> None:
    universe, live_ms = shipped_universe(), ms_of("2022-11-05")
    names = exchange_symbols(universe)
    tracks: Tracks = {}
    for exchange_symbol, columns in hourly(data_dir, universe, "2022-11-05", 9, before_days=65).items():
        if columns.open_ms[-1] >= live_ms:
            symbol = names[exchange_symbol]
            tracks[symbol, "1d"] = daily_bars(symbol, columns, live_ms)
            tracks[symbol, "1h"] = [bar for bar in hourly_bars(symbol, columns, live_ms) if not bar.backfilled]
    symbols, stage = sorted({symbol for symbol, _ in tracks}), Stage()
    await stage.bus.publish(listed(symbols))
    await stage.start()
    now_ns = live_ms * 1_000_000
    for hours in [*range(1, 12), 30, 1, 1, 49, 2, *[1] * 20, 72, 1]:
        now_ns += hours * HOUR_NS
        stage.clock.time_ns = now_ns
        for symbol in symbols:
            await stage.publish(tracks, symbol, now_ns, batch=40)
        await stage.settle()
    sizes = await stage.sizes()
    assert len(sizes) > 5_000
    assert not wrong_sizes(sizes, tracks)
