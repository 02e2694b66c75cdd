"""The floor for halts on the real market: of the 38 pairs of the plan, hardly one may be halted for its volume."""

from pathlib import Path

from msgspec import structs

from shared.adapters.klines.kline_file import KlineFile
from shared.domain.plan import BreakerPlan, Plan
from shared.domain.risk.machine import RiskMachine
from shared.messages.base import TimePassed
from shared.messages.halts import Alerted, Halted, Resumed
from tests.domain.risk.breakers.halt_scenes import only
from tests.history import DAY_MS, bar_of, exchange_symbols, ms_of, rows_of
from tests.shipped import shipped_universe

ONLY = only("liquidity")
START, END = ms_of("2025-03-01"), ms_of("2025-04-01")


def lived(data: Path, breakers: BreakerPlan) -> tuple[set[str], list[Halted], list[Resumed], list[Alerted]]:
    """The pairs of the shipped universe that had volume then, and what the breaker said through March 2025."""
    universe = shipped_universe()
    names = exchange_symbols(universe)
    columns = KlineFile(data / "daily.parquet", START).read(set(names), START - 60 * DAY_MS, END)
    bars = [
        bar_of(names[symbol], "1d", open_ms, row, backfilled=False)
        for symbol, klines in columns.items()
        for open_ms, row in rows_of(klines)
    ]
    machine = RiskMachine(Plan(breakers=breakers), universe, portfolio="main", starting_cash_usdt=200_000.0, speed=1.0)
    said = []
    for each in sorted(bars, key=lambda bar: (bar.close_time_ns, bar.symbol)):
        if each.close_time_ns // 1_000_000 < START:
            machine.warm(each)
            continue
        said += machine.handle(TimePassed(id="t", time_ns=each.close_time_ns + 1_000_000))
        said += machine.handle(each)
    said += machine.handle(TimePassed(id="t", time_ns=END * 1_000_000))
    heard = {bar.symbol for bar in bars if bar.close_time_ns // 1_000_000 > START}
    return (
        heard,
        [each for each in said if isinstance(each, Halted)],
        [each for each in said if isinstance(each, Resumed)],
        [each for each in said if isinstance(each, Alerted)],
    )


def test_the_floor_halts_only_what_really_traded_less_and_the_criterion_warns(data_dir: Path) -> None:
    heard, halted, resumed, alerted = lived(data_dir, ONLY)
    assert len(heard) == 38
    first = [each for each in halted if each.time_ns < (START + DAY_MS) * 1_000_000]
    assert first == []
    assert [(each.symbol, each.evidence) for each in halted] == [
        ("GMX/USDT", "ADV 1,954,458 USDT, floor 2,000,000 USDT"),
        ("QNT/USDT", "ADV 1,898,271 USDT, floor 2,000,000 USDT"),
    ]
    assert [each.symbol for each in resumed] == ["GMX/USDT"]
    assert alerted[0].reason == "22 pairs trade less here than the criterion of 40,000,000 USDT a day"


def test_a_million_a_day_would_have_halted_nothing(data_dir: Path) -> None:
    assert lived(data_dir, structs.replace(ONLY, adv_floor_usdt=1_000_000.0))[1] == []


def test_as_a_floor_the_criterion_would_have_halted_26_of_the_38(data_dir: Path) -> None:
    halted = lived(data_dir, structs.replace(ONLY, adv_floor_usdt=40_000_000.0))[1]
    assert len({each.symbol for each in halted}) == 26
