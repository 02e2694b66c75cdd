"""Where verbs look for a stack, and what a running one leaves for them."""

import os
from pathlib import Path

import pytest

from services.cli.folder import FolderInUseError, locked, server_folder
from services.cli.where import (
    RunNote,
    UnknownPairError,
    find_stack,
    note_path,
    read_note,
    remove_note,
    symbol_of,
    write_note,
)
from tests.shipped import shipped_settings

SHIPPED = Path(__file__).parents[2] / "deploy" / "config"


def note(pid: int) -> RunNote:
    return RunNote(
        pid=pid,
        redis_url="redis://127.0.0.1:7777/0",
        portfolio="main",
        exchange="sim",
        exchange_url="http://127.0.0.1:7778",
        ops_url="http://127.0.0.1:7779",
        config_dir=str(SHIPPED),
        started_wall_ns=1,
    )


def test_the_option_wins_over_the_environment_and_the_running_stack(tmp_path: Path) -> None:
    write_note(tmp_path, note(os.getpid()))
    environ = {"HEATSINK_REDIS__URL": "redis://variable:1/0"}
    place = find_stack(redis_url="redis://option:1/0", config_dir=None, data_dir=tmp_path, environ=environ)
    assert (place.redis_url, place.origin) == ("redis://option:1/0", "--redis-url")


def test_the_environment_wins_over_the_running_stack(tmp_path: Path) -> None:
    write_note(tmp_path, note(os.getpid()))
    environ = {"HEATSINK_REDIS__URL": "redis://variable:1/0"}
    place = find_stack(redis_url=None, config_dir=None, data_dir=tmp_path, environ=environ)
    assert (place.redis_url, place.origin) == ("redis://variable:1/0", "HEATSINK_REDIS__URL")


def test_a_running_stack_wins_over_the_configuration(tmp_path: Path) -> None:
    write_note(tmp_path, note(os.getpid()))
    place = find_stack(redis_url=None, config_dir=None, data_dir=tmp_path, environ={})
    assert place.redis_url == "redis://127.0.0.1:7777/0"
    assert place.exchange_url == "http://127.0.0.1:7778"
    assert place.origin.endswith("run.json")


def test_without_any_of_them_the_configuration_says(tmp_path: Path) -> None:
    place = find_stack(redis_url=None, config_dir=SHIPPED, data_dir=tmp_path, environ={})
    assert place.redis_url == "redis://127.0.0.1:6379/0"
    assert place.origin.endswith("stack.toml")


@pytest.mark.processes
def test_the_note_of_a_stack_that_is_gone_counts_for_nothing(tmp_path: Path) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    write_note(tmp_path, note(pid))
    assert read_note(tmp_path) is None


@pytest.mark.parametrize("text", ["", "{", '{"pid": "x"}', "[]"])
def test_a_note_that_cannot_be_read_counts_for_nothing(tmp_path: Path, text: str) -> None:
    note_path(tmp_path).write_text(text)
    assert read_note(tmp_path) is None


def test_a_note_is_read_back_and_removed(tmp_path: Path) -> None:
    written = note(os.getpid())
    write_note(tmp_path, written)
    assert read_note(tmp_path) == written
    remove_note(tmp_path)
    assert read_note(tmp_path) is None
    remove_note(tmp_path)


def test_two_stacks_cannot_run_on_one_folder(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(FolderInUseError, match="--data DIR"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_data_of_a_simulated_market_is_forgotten_and_of_a_real_one_kept(tmp_path: Path) -> None:
    for exchange in ("sim", "binance"):
        with server_folder(tmp_path, exchange) as folder:
            (folder / "data").write_text("x")
    assert not (tmp_path / "redis-sim").exists()
    assert (tmp_path / "redis-binance" / "data").exists()


def test_what_a_killed_simulated_run_left_is_removed_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "redis-sim").mkdir()
    (tmp_path / "redis-sim" / "stale").write_text("x")
    with server_folder(tmp_path, "sim") as folder:
        assert list(folder.iterdir()) == []


@pytest.mark.parametrize("text", ["pol", "POL/USDT", "polusdt"])
def test_a_pair_is_known_by_its_new_name(text: str) -> None:
    assert symbol_of(shipped_settings(), text) == "POL/USDT"


def test_a_pair_is_known_by_its_old_name() -> None:
    assert symbol_of(shipped_settings(), "matic") == "MATIC/USDT"


def test_a_pair_that_nobody_knows_gets_a_suggestion() -> None:
    with pytest.raises(UnknownPairError, match='Did you mean "SHIB"'):
        symbol_of(shipped_settings(), "SHIBA")
