"""The run in parts: by month and year, and in the crises that fell into it."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from msgspec import Struct

from services.backtest.result import Run
from services.backtest.statistics.daily import Days, compounded
from services.backtest.statistics.ratios import deepest_fall
from shared.domain.timeframes import DAY_NS, SECOND_NS

# Name, first and last day. They are those of the news, and were fixed before any run was looked at.
CRISES = (
    ("COVID crash", "2020-03-07", "2020-03-20"),
    ("May 2021: China, leverage", "2021-05-12", "2021-05-24"),
    ("LUNA and UST", "2022-05-05", "2022-05-16"),
    ("Celsius and Three Arrows", "2022-06-10", "2022-06-20"),
    ("FTX", "2022-11-06", "2022-11-15"),
    ("USDC off its peg", "2023-03-09", "2023-03-13"),
    ("August 2024: yen carry trade", "2024-08-02", "2024-08-08"),
    ("October 2025: liquidations", "2025-10-09", "2025-10-14"),
)


class Month(Struct, frozen=True, kw_only=True):
    """The return of a UTC month, as a fraction. partial: the run covers a part of it. market: of the basket."""

    year: int
    month: int
    value: float
    market: float | None
    partial: bool


class Year(Struct, frozen=True, kw_only=True):
    """The return of a UTC year, or of what of it the run covers, as a fraction."""

    year: int
    value: float
    market: float | None


class Crisis(Struct, frozen=True, kw_only=True):
    """What happened in a crisis, or in what of it the run covers.

    value, market: returns of the portfolio and of the basket, as fractions. drawdown: from a peak within, daily.
    heat: at most. halts: that began. stops: that sold. partial: the run covers a part of it.
    """

    name: str
    begin_ns: int
    end_ns: int
    value: float
    market: float | None
    drawdown: float
    heat: float
    halts: int
    stops: int
    partial: bool


def months_of(days: Days, market: list[float]) -> tuple[Month, ...]:
    """Every month from the first day to the last."""
    found = []
    for (year, month), indices in _grouped(days, lambda date: (date.year, date.month)):
        first = datetime(year, month, 1, tzinfo=UTC)
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        value, others = _returns_of(days, market, indices)
        partial = len(indices) < (following - first).days
        found.append(Month(year=year, month=month, value=value, market=others, partial=partial))
    return tuple(found)


def years_of(days: Days, market: list[float]) -> tuple[Year, ...]:
    """Every year from the first day to the last."""
    found = []
    for (year, _), indices in _grouped(days, lambda date: (date.year, 0)):
        value, others = _returns_of(days, market, indices)
        found.append(Year(year=year, value=value, market=others))
    return tuple(found)


def crises_of(run: Run, days: Days, market: list[float]) -> tuple[Crisis, ...]:
    """Those of which the run covers at least a day."""
    found = []
    for name, first, last in CRISES:
        begin, end = _day(first), _day(last) + 1
        indices = range(max(0, begin - days.first), min(len(days.returns), end - days.first))
        if not indices:
            continue
        begin_ns, end_ns = days.start_ns(indices[0]), days.start_ns(indices[-1] + 1)
        value, others = _returns_of(days, market, indices)
        heat = (heat for at, heat in zip(run.curve.time_ns, run.curve.heat, strict=True) if begin_ns < at <= end_ns)
        crisis = Crisis(
            name=name,
            begin_ns=begin_ns,
            end_ns=end_ns,
            value=value,
            market=others,
            drawdown=deepest_fall([days.returns[index] for index in indices]),
            heat=max(heat, default=0.0),
            halts=sum(begin_ns <= halt.begin_ns < end_ns for halt in run.halts),
            stops=sum(begin_ns <= fill.time_ns < end_ns and fill.stop is not None for fill in run.fills),
            partial=len(indices) < end - begin,
        )
        found.append(crisis)
    return tuple(found)


def _returns_of(days: Days, market: list[float], indices: Iterable[int]) -> tuple[float, float | None]:
    """Of the portfolio and of the basket, whose days have to be the same."""
    chosen = list(indices)
    value = compounded([days.returns[index] for index in chosen])
    if len(market) != len(days.returns):
        return value, None
    return value, compounded([market[index] for index in chosen])


def _grouped(days: Days, key: Callable[[datetime], tuple[int, int]]) -> list[tuple[tuple[int, int], list[int]]]:
    groups: dict[tuple[int, int], list[int]] = {}
    for index in range(len(days.returns)):
        date = datetime.fromtimestamp(days.start_ns(index) // SECOND_NS, tz=UTC)
        groups.setdefault(key(date), []).append(index)
    return list(groups.items())


def _day(text: str) -> int:
    """Counted from 1970."""
    return int(datetime.fromisoformat(f"{text}T00:00:00+00:00").timestamp()) * SECOND_NS // DAY_NS
