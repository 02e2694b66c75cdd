"""The commands of the page on replays lead from Binance's archives to a store that can be replayed."""

from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.up.options import UpOptions, prepare_settings
from shared.adapters.klines.recordings import open_recording
from tests.docs.command_line import words_of
from tests.docs.pages import DOCS, snippets_of
from tests.shipped import SHIPPED

HOUR_MS = 3_600_000
START_MS = 1_735_689_600_000 - 2 * HOUR_MS  # of the last bars before microseconds


def archive(folder: Path, name: str, start_ms: int, unit: int) -> None:
    """Two hours of a pair; ``unit``: 1 for times in milliseconds, 1000 for microseconds."""
    opens = [(start_ms + hour * HOUR_MS) * unit for hour in range(2)]
    lines = [f"{time},10,12,9,11.5,3,{time + HOUR_MS * unit - 1},33,7,1,11,0" for time in opens]
    with ZipFile(folder / f"{name}.zip", "w") as file:
        file.writestr(f"{name}.csv", "\n".join(lines) + "\n")


def test_the_way_of_the_page_leads_from_archives_to_a_replay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [line for snippet in snippets_of(DOCS / "replay.md") for line in snippet.commands]
    bring, replay = (next(line for line in lines if line.startswith(f"heatsink {verb}")) for verb in ("data", "up"))
    (folder := tmp_path / words_of(bring)[-1]).mkdir()
    archive(folder, "BTCUSDT-1h-2024-12", START_MS, unit=1)
    archive(folder, "BTCUSDT-1h-2025-01", START_MS + 2 * HOUR_MS, unit=1000)
    archive(folder, "ETHUSDT-1h-2024-12", START_MS, unit=1)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words_of(bring)[1:])
    assert result.exit_code == 0, result.output
    store = tmp_path / words_of(replay)[3]
    read = open_recording(store, START_MS).read({"BTCUSDT", "ETHUSDT"}, START_MS, START_MS + 24 * HOUR_MS)
    assert read["BTCUSDT"].open_ms.tolist() == [START_MS + hour * HOUR_MS for hour in range(4)]
    assert read["ETHUSDT"].quote_volume.tolist() == [33, 33]
    options = UpOptions(data_dir=tmp_path, config_dir=SHIPPED, replay=store, start="2024-12-31T22:00:00")
    assert prepare_settings(options).settings.simulator.replay == str(store)
