"""Trials: a point of the space as a run, with the command that repeats it, checked before anything runs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from services.backtest.options import BacktestOptions
from services.backtest.request import Request, changes_of, options_of
from services.backtest.sweep.space import Point, Space, Values
from services.backtest.sweep.task import Task
from shared.application.errors import UserError
from shared.config.faults import ConfigError, Fault


def absolute(path: Path) -> Path:
    """As it is from every folder. ``Path.resolve`` would end at a link that leads to itself."""
    return Path(os.path.realpath(path))


@dataclass(frozen=True)
class Trial:
    """Settings that are tried. options: None where they do not go together, then ``reason`` says what is wrong."""

    number: int
    point: Point
    request: Request
    options: BacktestOptions | None
    reason: str = ""

    @property
    def changes(self) -> dict[str, str]:
        """By key, in the order of the axes."""
        return dict(changes_of(self.point))

    def between(self, start_ms: int, end_ms: int) -> "Trial":
        """The same settings at another time."""
        if self.options is None:
            return self
        request = replace(self.request, start=date_of(start_ms), end=date_of(end_ms))
        options = replace(self.options, start_ms=start_ms, end_ms=end_ms, command=request.command)
        return replace(self, request=request, options=options)

    def task(self, data: str, code: str) -> Task | None:
        """Its run, for whichever folder a worker stands in; None where there is none."""
        if self.options is None:
            return None
        books = self.options.books_path
        there = replace(self.options, store=absolute(self.options.store), books_path=books and absolute(books))
        return Task(there, data, code)


def trials_of(request: Request, space: Space) -> list[Trial]:
    """A trial for each point. Dates that were left out are settled, so that their commands mean the same for ever.

    Settings that do not go together make a trial that is refused. Raises ``ConfigError`` with all faults where a value
    is refused whatever it is tried with, and ``UserError`` where something else is wrong.
    """
    twice = set(changes_of(request.changes)) & {axis.key for axis in space.axes}
    if twice:
        raise UserError("\n".join(f"{key}: --set has it, and it is to be tried too; leave one out" for key in twice))
    trials: list[Trial] = []
    faults: dict[int, tuple[Fault, ...]] = {}
    for number, point in enumerate(space.points, start=1):
        asked = replace(request, changes=(*request.changes, *point))
        try:
            options = options_of(asked)
        except ConfigError as error:
            faults[number] = error.faults
            trials.append(Trial(number, point, asked, None, "; ".join(map(str, error.faults))))
            continue
        trial = Trial(number, point, asked, options).between(options.start_ms, options.end_ms)
        request = replace(request, start=trial.request.start, end=trial.request.end)
        trials.append(trial)
    _refuse_hopeless(space, trials, faults)
    return [replace(trial, request=replace(trial.request, start=request.start, end=request.end)) for trial in trials]


def _refuse_hopeless(space: Space, trials: Sequence[Trial], faults: dict[int, tuple[Fault, ...]]) -> None:
    """Raise ``ConfigError`` where all trials are refused, or all with one value of a list."""
    listed = [f"{axis.key}={value}" for axis in space.axes if isinstance(axis, Values) for value in axis.values]
    groups = [[trial.number for trial in trials if value in trial.point] for value in listed]
    groups.append([trial.number for trial in trials])
    refused = [numbers for numbers in groups if numbers and all(number in faults for number in numbers)]
    if refused:
        found = sorted(set().union(*refused))
        raise ConfigError(dict.fromkeys(fault for number in found for fault in faults[number]))


def date_of(time_ms: int) -> str:
    """The day, as ``--from`` takes it."""
    return datetime.fromtimestamp(time_ms / 1000, tz=UTC).strftime("%Y-%m-%d")
