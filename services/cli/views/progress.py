"""Bars that show how far something long is. Where nobody watches (a pipe, ``--json``), they say nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def _progress(shown: bool, unit: str) -> Progress:
    console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (shown and console.is_terminal),
    )


@contextmanager
def file_progress(title: str, *, shown: bool) -> Iterator[Callable[[int, int, Path], None]]:
    """Hears how many files are done, of how many, and which one is next."""
    with _progress(shown, "files") as progress:
        task = progress.add_task(title, total=None)

        def heard(done: int, total: int, path: Path) -> None:
            progress.update(task, total=total, completed=done, description=f"{title} {path.name or ''}")

        yield heard


@contextmanager
def bar_progress(*, shown: bool) -> Iterator[Callable[[int, int, str], None]]:
    """Hears how many bars are done, of how many, and which series they are of."""
    with _progress(shown, "bars") as progress:
        task = progress.add_task("downloading", total=None)

        def heard(done: int, total: int, series: str) -> None:
            progress.update(task, total=total, completed=done, description=f"downloading {series}")

        yield heard
