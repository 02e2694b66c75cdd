"""What is done of a sweep, on disk: a line of JSON for each finished run, so that a sweep that was ended goes on.

Lines are found by the key of their task, which follows from data, configuration and code: what was changed is run anew.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from services.backtest.sweep.task import Played
from shared.adapters.whole_files import locked
from shared.application.errors import UserError

NAME = "journal.jsonl"


class Journal:
    """The finished runs in a folder. done: by key."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.done: dict[str, Played] = {}
        for line in path.read_bytes().splitlines() if path.exists() else ():
            try:
                played = msgspec.json.decode(line, type=Played)
            except msgspec.DecodeError:  # it was cut while it was written
                continue
            self.done[played.key] = played

    def add(self, played: Played) -> None:
        """Keep it, for good once this returns."""
        with self.path.open("a+b") as file:
            if file.tell() and self._is_torn():
                file.write(b"\n")
            file.write(msgspec.json.encode(played) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.done[played.key] = played

    def _is_torn(self) -> bool:
        """Whether the last line has no end."""
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() != b"\n"


@contextmanager
def opened(folder: Path) -> Iterator[Journal]:
    """The journal of a folder, for one sweep at a time. Raises ``UserError``."""
    taken = UserError(f"--out {folder}: another sweep is writing there; wait for it, or name another")
    with locked(folder / ".lock", taken):
        yield Journal(folder / NAME)
