"""Where users look for a stack, and what a running one leaves for them."""

import os
from pathlib import Path

import pytest

from shared.application.stack import RunNote, find_stack, note_path, read_note, remove_note, write_note
from tests.shipped import SHIPPED


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
    stack = find_stack(redis_url="redis://option:1/0", config_dir=None, data_dir=tmp_path, environ=environ)
    assert (stack.redis_url, stack.origin) == ("redis://option:1/0", "argument")


def test_the_environment_wins_over_the_running_stack(tmp_path: Path) -> None:
    write_note(tmp_path, note(os.getpid()))
    environ = {"HEATSINK_REDIS__URL": "redis://variable:1/0"}
    stack = find_stack(redis_url=None, config_dir=None, data_dir=tmp_path, environ=environ)
    assert (stack.redis_url, stack.origin) == ("redis://variable:1/0", "environment")


def test_a_running_stack_wins_over_the_configuration(tmp_path: Path) -> None:
    write_note(tmp_path, note(os.getpid()))
    stack = find_stack(redis_url=None, config_dir=None, data_dir=tmp_path, environ={})
    assert stack.redis_url == "redis://127.0.0.1:7777/0"
    assert stack.exchange_url == "http://127.0.0.1:7778"
    assert stack.origin == "note"


def test_without_any_of_them_the_configuration_says(tmp_path: Path) -> None:
    stack = find_stack(redis_url=None, config_dir=SHIPPED, data_dir=tmp_path, environ={})
    assert stack.redis_url == "redis://127.0.0.1:6379/0"
    assert (stack.origin, stack.config_dir) == ("configuration", SHIPPED)


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
