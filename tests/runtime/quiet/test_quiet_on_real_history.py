"""Real crashes through both replays: the same messages, with stops, halts, gaps, and prices that jump within a bar."""

from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from services.backtest.market.path import jumps
from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.config.model import Settings
from shared.domain.plan import Limits, PhasePlan, Plan
from shared.messages.base import Message
from shared.messages.control import Resume
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.market import BarClosed, PairListed
from shared.messages.orders import OrderFilled
from shared.messages.signals import PositionSized
from shared.runtime.columns import instants
from shared.runtime.quiet import QuietReplay
from shared.runtime.replay import Replay
from tests.history import HOUR_MS, by_close, daily_bars, exchange_symbols, hourly, hourly_bars, ms_of
from tests.runtime.blocks import block_of
from tests.shipped import shipped_universe
from tests.simulation.crash_windows import ALL_ON, STRATEGIES, Window

WINDOWS = (Window("Terra and LUNA", "2022-05-05", 9), Window("FTX", "2022-11-05", 6))
LIMITS = Limits(book_age_seconds=0.0)
HISTORY_DAYS, WARM_HOURS = 70, 60
DAY_NS = 86_400_000_000_000


def market(data: Path, window: Window) -> tuple[list[Message], list[list[BarClosed]]]:
    """The pairs, and all bars in groups of equal closing time."""
    universe, live_ms = shipped_universe(), ms_of(window.start)
    names, pairs, bars = exchange_symbols(universe), list[Message](), list[BarClosed]()
    for exchange_symbol, columns in hourly(data, universe, window.start, window.days, before_days=HISTORY_DAYS).items():
        symbol = names[exchange_symbol]
        pairs.append(
            PairListed(
                id=f"listed-{symbol}", time_ns=0, symbol=symbol, status="trading", price_step=Decimal("0.00000001"),
                quantity_step=Decimal("0.001"), min_notional=Decimal(5),
            )
        )  # fmt: skip
        bars += daily_bars(symbol, columns, live_ms)
        hours = hourly_bars(symbol, columns, live_ms)
        bars += [bar for bar in hours if bar.open_time_ns >= (live_ms - WARM_HOURS * HOUR_MS) * 1_000_000]
    return pairs, list(by_close(bars))


def course_of(pairs: list[Message], groups: list[list[BarClosed]], *, quiet: bool, jumping: bool) -> list[Message]:
    """A halt of the portfolio that waits for an operator is resumed a day later."""
    plan = Plan(
        strategies=STRATEGIES,
        limits=LIMITS,
        breakers=ALL_ON,
        phases=(PhasePlan(name="a", scale=1.0, paper=True),),
        phase="a",
    )
    settings = Settings(universe=shipped_universe(), plan=plan)
    specs = machine_specs(settings, ManualClock(speed=3600.0))
    replay = QuietReplay(specs, settings.keys, settings.universe) if quiet else Replay(specs, settings.keys)
    outputs = replay.feed(pairs)
    block, since_ns = block_of(bar for group in groups for bar in group), 0
    later = {before.close_ns: dict(instant.rows).get("1h") for before, instant in pairwise(instants(block))}
    for moment in replay.play(block):
        made = list(moment.messages)
        if any(isinstance(each, Halted) and not each.symbol and not _ends_itself(each) for each in made):
            since_ns = since_ns or moment.close_ns
        if since_ns and moment.close_ns - since_ns >= DAY_NS:
            since_ns = 0
            made += resumed(replay, moment.close_ns)
        row = later.get(moment.close_ns)
        for marks in jumps(block, "1h", row) if jumping and row is not None else ():
            made += replay.feed(marks)
        outputs += made
    return outputs


def _ends_itself(halt: Halted) -> bool:
    return halt.cleared_by in ("time", "condition")


def resumed(replay: Replay, now_ns: int) -> list[Message]:
    made = replay.feed([Resume(id=f"resume-{now_ns}", time_ns=now_ns, who="operator", reason="a day later")])
    for asked in [each for each in made if isinstance(each, ResumeAsked)]:
        code = asked.confirm
        made += replay.feed([Resume(id=f"again-{now_ns}", time_ns=now_ns, who="o", reason="later", confirm=code)])
    return made


@pytest.mark.parametrize("jumping", [False, True], ids=["smooth", "jumping"])
@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.title)
def test_both_replays_say_the_same_of_a_crash(window: Window, *, jumping: bool, data_dir: Path) -> None:
    pairs, groups = market(data_dir, window)
    full = course_of(pairs, groups, quiet=False, jumping=jumping)
    quiet = course_of(pairs, groups, quiet=True, jumping=jumping)
    told = [each for each in full if not isinstance(each, PositionSized)]
    assert [each for each in quiet if not isinstance(each, PositionSized)] == told
    assert sum(isinstance(each, OrderFilled) for each in told) > 100
    assert any(isinstance(each, Halted) for each in told)
