"""CSV, with a line of names or without: as ccxt's users write it, and inside Binance's archives."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO

import pyarrow as pa
from pyarrow import csv

from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.formats.base import Loaded
from shared.adapters.klines.formats.tables import names_of_row

BEGINNING = 4096


class CsvText:
    def knows(self, path: Path) -> bool:
        return path.name.endswith((".csv", ".csv.gz"))

    def load(self, path: Path) -> Iterator[Loaded]:
        with pa.input_stream(path) as file:  # unpacks what ends in .gz
            yield Loaded(csv_table(file))


def csv_table(file: IO[bytes] | pa.NativeFile) -> pa.Table:
    """The rows; columns without names get those that so many columns have at Binance or in ccxt."""
    text = file.read()
    first = text[:BEGINNING].partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    if not first:
        raise RecordingError("there is nothing in it")
    cells = [cell.strip().strip('"') for cell in first.split(",")]
    names = list(names_of_row(len(cells))) if _is_number(cells[0]) else None
    try:
        return csv.read_csv(BytesIO(text), csv.ReadOptions(column_names=names))
    except pa.ArrowException as error:
        raise RecordingError(f"not readable as CSV: {str(error).strip()[:200]}") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


CSV = CsvText()
