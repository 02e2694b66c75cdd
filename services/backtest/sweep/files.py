"""A sweep on disk: ``sweep.json``, ``rows.csv``, ``folds.csv`` of a walk, and ``sweep.html``. Each is whole, or old."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from services.backtest.report.csv_files import text_cell
from services.backtest.sweep.page import page_of
from services.backtest.sweep.result import Fold, Row, Sweep
from services.backtest.sweep.task import Measured
from shared.adapters.whole_files import write_whole

MEASURED = [field.name for field in structs.fields(Measured)]
PAGE = "sweep.html"


def write(sweep: Sweep, folder: Path) -> Path:
    """All files; returns where the page is."""
    json = msgspec.json.format(msgspec.json.encode(sweep), indent=1)
    write_whole(folder / "sweep.json", json + b"\n")
    keys = [tried.key for tried in sweep.setup.tried]
    write_whole(folder / "rows.csv", _csv([_row(row, keys) for row in sweep.rows]))
    if sweep.folds:
        write_whole(folder / "folds.csv", _csv([_fold(fold, keys) for fold in sweep.folds]))
    write_whole(folder / PAGE, page_of(sweep).encode())
    return folder / PAGE


def _row(row: Row, keys: Sequence[str]) -> dict[str, object]:
    measured = structs.asdict(row.measured) if row.measured is not None else {}
    return {
        "rank": row.rank or None,
        "fold": row.fold or None,
        "trial": row.trial,
        **{key: row.changes.get(key) for key in keys},
        **{name: measured.get(name) for name in MEASURED},
        "deflated": row.deflated,
        "reason": row.reason,
        "command": row.command,
    }


def _fold(fold: Fold, keys: Sequence[str]) -> dict[str, object]:
    chosen, out = fold.chosen, fold.out
    within = chosen.measured if chosen is not None else None
    after = out.measured if out is not None else None
    return {
        "fold": fold.fold,
        "in_from": fold.in_from,
        "in_to": fold.in_to,
        "out_to": fold.out_to,
        **{key: chosen.changes.get(key) if chosen else None for key in keys},
        "in_sharpe": within.sharpe if within else None,
        "out_sharpe": after.sharpe if after else None,
        "in_return": within.total_return if within else None,
        "out_return": after.total_return if after else None,
        "out_drawdown": after.max_drawdown if after else None,
        "deflated": chosen.deflated if chosen else None,
        "reason": out.reason if out else "no run had a figure to go by",
        "in_command": chosen.command if chosen else None,
        "out_command": out.command if out else None,
    }


def _csv(rows: Sequence[Mapping[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {key: text_cell(cell) if isinstance(cell, str) else cell for key, cell in row.items()} for row in rows
    )
    return text.getvalue().encode()
