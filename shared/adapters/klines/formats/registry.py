"""The formats that can be imported. Another one is a file beside this one, and a line here."""

from pathlib import Path

from shared.adapters.klines.formats.arrow_files import FEATHER, PARQUET
from shared.adapters.klines.formats.base import Format
from shared.adapters.klines.formats.binance_archive import BINANCE_ARCHIVE
from shared.adapters.klines.formats.csv_text import CSV
from shared.adapters.klines.formats.json_rows import JSON

FORMATS: tuple[Format, ...] = (BINANCE_ARCHIVE, PARQUET, FEATHER, CSV, JSON)
IN_WORDS = "Binance's archives (BTCUSDT-1h-2024-01.zip), parquet, feather, CSV and JSON"


def format_of(path: Path) -> Format | None:
    """The first one that knows the file; None for a file of no format."""
    return next((one for one in FORMATS if one.knows(path)), None)
