"""Bars that show how far something long is. Where nobody watches (a pipe, ``--json``), they say nothing."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn

from services.cli.printing import SafeConsole
from shared.application.wording.formats import clock
from shared.domain.timeframes import MS_NS

DESCRIPTION = "{task.description}"
RATE = "{task.fields[rate]}"


def _progress(shown: bool, *columns: ProgressColumn) -> Progress:
    console = SafeConsole(stderr=True)
    watched = shown and console.is_terminal
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not watched)


def _counted(unit: str) -> tuple[ProgressColumn, ...]:
    return TextColumn(DESCRIPTION, markup=False), BarColumn(), MofNCompleteColumn(), TextColumn(unit)


@contextmanager
def file_progress(title: str, *, shown: bool) -> Iterator[Callable[[int, int, Path], None]]:
    """Hears how many files are done, of how many, and which one is next."""
    with _progress(shown, *_counted("files")) as progress:
        task = progress.add_task(title, total=None)

        def heard(done: int, total: int, path: Path) -> None:
            progress.update(task, total=total, completed=done, description=f"{title} {path.name or ''}")

        yield heard


@contextmanager
def bar_progress(*, shown: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Hears how many bars are done, of how many, and which series they are of."""
    with _progress(shown, *_counted("bars")) as progress:
        task = progress.add_task("downloading", total=None)

        def heard(done: int, total: int, series: str) -> None:
            progress.update(task, total=total, completed=done, description=f"downloading {series}")

        yield heard


@contextmanager
def run_progress(start_ms: int, end_ms: int, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Hears the market time of a run in nanoseconds, and how many bars it has played."""
    began = time.monotonic()
    with _progress(
        shown, TextColumn(DESCRIPTION, markup=False), BarColumn(), TextColumn(RATE, markup=False)
    ) as progress:
        task = progress.add_task("history", total=end_ms - start_ms, rate="")

        def heard(now_ns: int, bars: int) -> None:
            rate = f"{bars / max(time.monotonic() - began, 1e-9):,.0f} bars/s"
            progress.update(task, completed=now_ns // MS_NS - start_ms, description=clock(now_ns), rate=rate)

        yield heard


@contextmanager
def sweep_progress(runs: int, *, shown: bool) -> Iterator[Callable[[int, int], None]]:
    """Hears how many runs are done, of how many. Those that were done at the beginning are no part of the rate."""
    began, before = time.monotonic(), -1
    with _progress(
        shown, BarColumn(), MofNCompleteColumn(), TextColumn("runs"), TextColumn(RATE, markup=False)
    ) as progress:
        task = progress.add_task("", total=runs, rate="")

        def heard(done: int, total: int) -> None:
            nonlocal began, before
            if before < 0 or done < before:
                began, before = time.monotonic(), done
            hours = (time.monotonic() - began) / 3600
            rate = f"{(done - before) / hours:,.0f}/h" if done > before and hours else ""
            progress.update(task, completed=done, total=total, rate=rate)

        yield heard
