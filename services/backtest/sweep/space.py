"""Which settings are tried: every combination of a grid, or so many that are drawn at random.

    grid(["limits.heat=0.04,0.06", "strategies.donchian.entry=10,20"])    # four points
    drawn(20, 1, [], ["strategies.donchian.entry=10..60"])                # twenty

A point is the settings of one trial, as ``--set`` takes them.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal, Protocol

from shared.application.errors import UserError

Point = tuple[str, ...]
Scale = Literal["linear", "log"]
MOST_TRIALS = 100_000
TRIES_PER_POINT = 100  # draws for one point that is not there yet


class Axis(Protocol):
    """One setting that is tried at several values."""

    @property
    def key(self) -> str: ...

    @property
    def about(self) -> str:
        """What is tried of it, in words."""
        ...

    def draw(self, dice: Random) -> str: ...


@dataclass(frozen=True, slots=True)
class Values:
    """Values that are listed."""

    key: str
    values: tuple[str, ...]

    @property
    def about(self) -> str:
        return ", ".join(self.values)

    def draw(self, dice: Random) -> str:
        return dice.choice(self.values)


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers between two ends, which belong to it: whole ones if the ends are. log: each doubling is as likely."""

    key: str
    low: float
    high: float
    is_whole: bool
    scale: Scale

    @property
    def about(self) -> str:
        numbers = "whole numbers" if self.is_whole else "numbers"
        return f"{numbers} from {self.low:g} to {self.high:g}, {self.scale}"

    def draw(self, dice: Random) -> str:
        low, high = (self.low - 0.5, self.high + 0.5) if self.is_whole else (self.low, self.high)
        if self.scale == "log":
            value = math.exp(dice.uniform(math.log(low), math.log(high)))
        else:
            value = dice.uniform(low, high)
        value = min(max(value, self.low), self.high)
        return str(round(value)) if self.is_whole else f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Space:
    """What is tried. axes: the settings; points: their values in every trial, in the order of the axes."""

    axes: tuple[Axis, ...]
    points: tuple[Point, ...]
    seed: int | None = None


def grid(texts: Sequence[str]) -> Space:
    """Every combination; the last setting changes fastest. Raises ``UserError`` with all faults."""
    axes = _axes(texts, ())
    listed = [[f"{axis.key}={value}" for value in axis.values] for axis in axes if isinstance(axis, Values)]
    if (count := math.prod(map(len, listed))) > MOST_TRIALS:
        raise UserError(f"--grid: {count:,} combinations are more than {MOST_TRIALS:,}; try --random 1000 of them")
    return Space(axes, tuple(product(*listed)))


def drawn(count: int, seed: int, grids: Sequence[str], ranges: Sequence[str]) -> Space:
    """So many different points; of a grid, one of its values is drawn. Raises ``UserError`` with all faults."""
    axes, dice = _axes(grids, ranges), Random(seed)  # noqa: S311 - to be repeated, not to be secret
    found: dict[Point, None] = {}
    for _ in range(count * TRIES_PER_POINT):
        found[tuple(f"{axis.key}={axis.draw(dice)}" for axis in axes)] = None
        if len(found) == count:
            return Space(axes, tuple(found), seed)
    raise UserError(f"--random {count}: there are about {len(found)} different trials; ask for fewer, or widen --range")


def _axes(grids: Sequence[str], ranges: Sequence[str]) -> tuple[Axis, ...]:
    axes: list[Axis] = []
    faults: list[str] = []
    for texts, read in ((grids, _values), (ranges, _range)):
        for text in texts:
            try:
                axes.append(read(text))
            except UserError as error:
                faults.append(str(error))
    keys = [axis.key for axis in axes]
    faults += [f"{key}: it is named {keys.count(key)} times; name each setting once" for key in _repeated(keys)]
    if faults:
        raise UserError("\n".join(faults))
    return tuple(axes)


def _repeated(keys: list[str]) -> list[str]:
    return [key for key in dict.fromkeys(keys) if keys.count(key) > 1]


def _values(text: str) -> Values:
    key, _, listed = text.partition("=")
    values = tuple(dict.fromkeys(value.strip() for value in listed.split(",") if value.strip()))
    if not key.strip() or not values:
        raise UserError(f"--grid {text}: write KEY=VALUE,VALUE, such as limits.heat=0.04,0.06,0.08")
    return Values(key.strip(), values)


def _range(text: str) -> Range:
    key, _, rest = text.partition("=")
    ends, _, scale = rest.partition(":")
    first, dots, last = ends.partition("..")
    try:
        low, high = float(first), float(last)
    except ValueError:
        low = high = math.nan
    if not key.strip() or not dots or not (math.isfinite(low) and math.isfinite(high)):
        raise UserError(f"--range {text}: write KEY=FROM..TO, such as strategies.donchian.entry=10..60")
    if low >= high:
        raise UserError(f"--range {text}: the first number has to be below the second")
    if scale not in ("", "linear", "log"):
        raise UserError(f"--range {text}: {scale} is no scale; write :log, or nothing for linear")
    is_whole = all("." not in end and float(end).is_integer() for end in (first, last))
    if scale == "log" and low <= 0.0:
        raise UserError(f"--range {text}: on a log scale both ends have to be above 0")
    return Range(key.strip(), low, high, is_whole, "log" if scale == "log" else "linear")
