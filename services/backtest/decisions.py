"""Decisions on disk: ``decisions.csv`` beside a report, a line for each, in the order in which they were made."""

import csv
import io
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from msgspec import structs

from services.backtest.recorder.decisions import Decision
from shared.adapters.whole_files import write_whole
from shared.domain.numbers import plain

NAME = "decisions.csv"
COLUMNS = [field.name for field in structs.fields(Decision)]


def write_decisions(decisions: Sequence[Decision], folder: Path) -> Path:
    """Write them whole, or leave what was there."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows([_text(getattr(each, name)) for name in COLUMNS] for each in decisions)
    return write_whole(folder / NAME, text.getvalue().encode())


def read_decisions(folder: Path) -> Iterator[Decision]:
    """Those of a report. Raises ``FileNotFoundError``, and ``ValueError`` for a file that is none."""
    with (folder / NAME).open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != COLUMNS:
            raise ValueError(f"{folder / NAME}: expected the columns {', '.join(COLUMNS)}")
        for row in reader:
            yield Decision(
                time_ns=int(row["time_ns"]),
                order_id=row["order_id"],
                symbol=row["symbol"],
                side=row["side"],
                verdict=row["verdict"],
                requested=Decimal(row["requested"]),
                approved=Decimal(row["approved"]),
                binding=row["binding"],
                heat_before=float(row["heat_before"]),
                heat_after=float(row["heat_after"]),
            )


def _text(value: object) -> object:
    return plain(value) if isinstance(value, Decimal) else value
