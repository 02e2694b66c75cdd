"""Parquet and feather, as freqtrade writes them (``BTC_USDT-1h.feather``) or with a column ``symbol``."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from shared.adapters.klines.formats.base import Loaded
from shared.adapters.klines.formats.tables import known_columns
from shared.adapters.klines.year_file import readable

MOST_ROWS = 4_000_000  # read at a time


class Parquet:
    def knows(self, path: Path) -> bool:
        return path.suffix == ".parquet"

    def load(self, path: Path) -> Iterator[Loaded]:
        with readable(path), pq.ParquetFile(path) as file:
            columns = [*known_columns(file.schema_arrow.names).values()] or None
            groups: list[int] = []
            rows = 0
            for group in range(file.num_row_groups):
                groups.append(group)
                rows += file.metadata.row_group(group).num_rows
                if rows >= MOST_ROWS or group == file.num_row_groups - 1:
                    yield Loaded(file.read_row_groups(groups, columns))
                    groups, rows = [], 0


class Feather:
    def knows(self, path: Path) -> bool:
        return path.suffix in (".feather", ".arrow")

    def load(self, path: Path) -> Iterator[Loaded]:
        try:
            yield Loaded(feather.read_table(path))
        except (OSError, pa.ArrowException) as error:
            raise ValueError(f"not a readable feather file: {str(error).strip()[:200]}") from None


PARQUET, FEATHER = Parquet(), Feather()
