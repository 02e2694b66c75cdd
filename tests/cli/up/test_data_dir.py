"""The data folder of a stack: one stack at a time, and what is kept there."""

from pathlib import Path

import pytest

from services.cli.up.data_dir import DataDirInUseError, locked, server_data_dir


def test_two_stacks_cannot_run_on_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(DataDirInUseError, match="--data DIR"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_data_of_a_simulated_market_is_forgotten_and_of_a_real_one_kept(tmp_path: Path) -> None:
    for exchange in ("sim", "binance"):
        with server_data_dir(tmp_path, exchange) as folder:
            (folder / "data").write_text("x")
    assert not (tmp_path / "redis-sim").exists()
    assert (tmp_path / "redis-binance" / "data").exists()


def test_what_a_killed_simulated_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "redis-sim").mkdir()
    (tmp_path / "redis-sim" / "stale").write_text("x")
    with server_data_dir(tmp_path, "sim") as folder:
        assert list(folder.iterdir()) == []
