"""The program of the page on slippage reads what was recorded."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorder import BookRecorder
from tests.docs.pages import program
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, book


@pytest.mark.processes
def test_the_program_prints_the_books_that_were_recorded(tmp_path: Path) -> None:
    with BookRecorder(tmp_path / "store" / "binance" / "books", "binance") as recorder:
        for symbol in ("BTC/USDT", "SOL/USDT"):
            recorder.take(HeardBook(book=book(symbol=symbol)))
    path = tmp_path / "read_books.py"
    path.write_text(program("read_books.py"))
    command = [sys.executable, str(path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=True)
    assert ran.stdout == f"{T0} BTC/USDT (20500.0, 1.5) (20501.0, 0.75)\n"
