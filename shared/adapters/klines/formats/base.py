"""What a format is: one file beside this one that knows its files and reads them, and a line in ``registry``.

A format turns a file into a table with columns that ``tables`` knows by name; the rest is the same for all of them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import pyarrow as pa

from shared.adapters.klines.columns import Columns

SPOT, UM_FUTURES, CM_FUTURES = "spot", "um_futures", "cm_futures"


class Part(NamedTuple):
    """Bars of one symbol in one timeframe out of a file. market: of which they are; empty where nothing says so."""

    symbol: str
    timeframe: str
    market: str
    columns: Columns


@dataclass(frozen=True, slots=True)
class Named:
    """What the name of a file says, or else the operator; empty for what neither does."""

    symbol: str = ""
    timeframe: str = ""
    market: str = ""


class Loaded(NamedTuple):
    """A piece of a file. checked: whether the file was compared with a hash that came along; None where none did."""

    table: pa.Table
    checked: bool | None = None


class Format(Protocol):
    """How files of one kind are read."""

    def knows(self, path: Path) -> bool:
        """Whether this is a file of the kind, by its name."""
        ...

    def load(self, path: Path) -> Iterator[Loaded]:
        """Its rows, in pieces. Raises ``ValueError`` with what is wrong with it."""
        ...
