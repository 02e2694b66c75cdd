"""JSON: lists of rows, as ccxt's ``fetch_ohlcv``, freqtrade and Binance's REST give them, or of objects with names."""

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from shared.adapters.klines.columns import RecordingError
from shared.adapters.klines.formats.base import Loaded
from shared.adapters.klines.formats.tables import names_of_row


class JsonRows:
    def knows(self, path: Path) -> bool:
        return path.name.endswith((".json", ".json.gz"))

    def load(self, path: Path) -> Iterator[Loaded]:
        try:
            packed = path.read_bytes()
            rows = msgspec.json.decode(gzip.decompress(packed) if path.suffix == ".gz" else packed)
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise RecordingError(f"not readable as JSON: {error}") from None
        if not isinstance(rows, list) or not rows:
            raise RecordingError("no list of rows")
        yield Loaded(_table(rows))


def _table(rows: list[Any]) -> pa.Table:
    try:
        if isinstance(rows[0], dict):
            return pa.Table.from_pylist(rows)
        names = names_of_row(len(rows[0]))
        columns = list(zip(*rows, strict=True))
        return pa.table([pa.array(column) for column in columns], names=list(names[: len(columns)]))
    except (TypeError, ValueError, pa.ArrowException) as error:
        if isinstance(error, RecordingError):
            raise
        raise RecordingError(f"rows that do not fit together: {str(error)[:200]}") from None


JSON = JsonRows()
