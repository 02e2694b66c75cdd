"""The program of the page on replays makes, of klines as Binance publishes them, a file that can be replayed."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from shared.adapters.klines.kline_file import KlineFile
from tests.docs.pages import program

pytestmark = pytest.mark.processes

HOUR_MS = 3_600_000
START_MS = 1_730_419_200_000
RUN_SECONDS = 120


def archive(folder: Path, name: str, start_ms: int, unit: int) -> None:
    """Two hours of a pair; ``unit``: 1 for times in milliseconds, 1000 for microseconds."""
    opens = [(start_ms + hour * HOUR_MS) * unit for hour in range(2)]
    lines = [f"{time},10,12,9,11.5,3,{time + HOUR_MS * unit - 1},33,7,1,11,0" for time in opens]
    with ZipFile(folder / f"{name}.zip", "w") as file:
        file.writestr(f"{name}.csv", "\n".join(lines) + "\n")


def test_the_program_on_replays_writes_a_file_that_can_be_replayed(tmp_path: Path) -> None:
    (tmp_path / "klines.py").write_text(program("klines.py"), encoding="utf-8")
    archive(tmp_path, "BTCUSDT-1h-2024-11", START_MS, unit=1)
    archive(tmp_path, "BTCUSDT-1h-2025-01", START_MS + 2 * HOUR_MS, unit=1000)
    archive(tmp_path, "ETHUSDT-1h-2024-11", START_MS, unit=1)
    target = tmp_path / "klines.parquet"
    subprocess.run([sys.executable, tmp_path / "klines.py", tmp_path, target], check=True, timeout=RUN_SECONDS)
    file = KlineFile(target, START_MS)
    read = file.read({"BTCUSDT", "ETHUSDT"}, START_MS, START_MS + 24 * HOUR_MS)
    assert file.bar_ms == HOUR_MS
    assert read["BTCUSDT"].open_ms.tolist() == [START_MS + hour * HOUR_MS for hour in range(4)]
    assert read["ETHUSDT"].close.tolist() == [11.5, 11.5]
    assert read["ETHUSDT"].volume.tolist() == [3, 3]
    assert read["ETHUSDT"].quote_volume.tolist() == [33, 33]
