"""One parquet file of books: the samples of a pair on a day, and what was known of the pair's days then.

Row groups are small, so that whoever reads many pairs in the order of time holds little of each.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from shared.adapters.books.errors import BooksError
from shared.adapters.whole_files import flush
from shared.messages.market import BookSampled

ROWS_IN_A_GROUP = 256
_SIDE = pa.list_(pa.float64())
_FIELDS: "list[pa.Field[Any]]" = [
    pa.field("id", pa.string()),
    pa.field("time_ns", pa.int64()),
    pa.field("symbol", pa.string()),
    pa.field("bid_prices", _SIDE),
    pa.field("bid_quantities", _SIDE),
    pa.field("ask_prices", _SIDE),
    pa.field("ask_quantities", _SIDE),
    pa.field("size_usdt", pa.float64()),
    pa.field("spread", pa.float64()),
    pa.field("median_spread", pa.float64()),
    pa.field("samples", pa.int64()),
    pa.field("cause", pa.string()),
    pa.field("trace", pa.string()),
    pa.field("v", pa.int64()),
    pa.field("adv_usdt", pa.float64()),
    pa.field("sigma_day", pa.float64()),
]
_SCHEMA = pa.schema(_FIELDS)


class HeardBook(Struct, frozen=True, kw_only=True):
    """A sample, and the figures of the pair's completed days as they were known when it was heard.

    adv_usdt: average daily volume; None when unknown.
    sigma_day: standard deviation of daily log returns; None when unknown.
    """

    book: BookSampled
    adv_usdt: float | None = None
    sigma_day: float | None = None


def write_books(path: Path, kept: Path | None, heard: Sequence[HeardBook]) -> None:
    """Write the rows of a file that is there, and then these. The same rows give the same bytes, in however many parts.

    path: of the file that is written.
    """
    tables = [_table_of(kept)] if kept else []
    tables.append(pa.Table.from_pylist([_row(each) for each in heard], _SCHEMA))
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = pa.concat_tables(tables).combine_chunks()
    pq.write_table(whole, path, compression="zstd", row_group_size=ROWS_IN_A_GROUP)
    flush(path)


def read_books(path: Path) -> Iterator[HeardBook]:
    """The samples of a file, a row group at a time. Raises ``BooksError``."""
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                for row in file.read_row_group(group, columns=_SCHEMA.names).to_pylist():
                    yield _heard(row)
    except (OSError, pa.ArrowException, msgspec.ValidationError) as error:
        raise BooksError(f"{path}: not a file of recorded books: {str(error).strip()}") from None


def _table_of(path: Path) -> pa.Table:
    try:
        return pq.read_table(path, schema=_SCHEMA, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise BooksError(f"{path}: not a file of recorded books: {str(error).strip()}") from None


def _row(heard: HeardBook) -> dict[str, Any]:
    book = heard.book
    plain = {name: getattr(book, name) for name in _SCHEMA.names if name in BookSampled.__struct_fields__}
    sides = {
        f"{side}_{what}": [level[place] for level in levels]
        for side, levels in (("bid", book.bids), ("ask", book.asks))
        for place, what in enumerate(("prices", "quantities"))
    }
    return {**plain, **sides, "adv_usdt": heard.adv_usdt, "sigma_day": heard.sigma_day}


def _heard(row: dict[str, Any]) -> HeardBook:
    """As strict as a message that came by the wire."""
    for side in ("bid", "ask"):
        prices, quantities = row.pop(f"{side}_prices"), row.pop(f"{side}_quantities")
        row[f"{side}s"] = list(zip(prices, quantities, strict=True))
    figures = {name: row.pop(name) for name in ("adv_usdt", "sigma_day")}
    return HeardBook(book=msgspec.convert(row, BookSampled), **figures)
