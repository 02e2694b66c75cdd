"""How people read which stack a verb talks to, and what to do when it is not there."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.cli.views.stack import origin_text, redis_remedy, server_text
from shared.application.stack import RunNote, StackLocator, find_stack, write_note
from shared.config.load import default_config_dir

VARIABLE = {"HEATSINK_REDIS__URL": "redis://variable:1/0"}


def found(data_dir: Path, redis_url: str | None = None, environ: Mapping[str, str] | None = None) -> StackLocator:
    return find_stack(redis_url=redis_url, config_dir=None, data_dir=data_dir, environ=environ or {})


@pytest.mark.parametrize(
    ("redis_url", "environ", "origin"),
    [("redis://option:1/0", VARIABLE, "--redis-url"), (None, VARIABLE, "HEATSINK_REDIS__URL")],
)
def test_a_server_that_was_named_is_to_be_started_by_whoever_named_it(
    tmp_path: Path, redis_url: str | None, environ: Mapping[str, str], origin: str
) -> None:
    stack = found(tmp_path, redis_url, environ)
    assert origin_text(stack) == origin
    assert redis_remedy(stack) == f"{origin} names {stack.redis_url}: start that server, or name another one."


def test_a_password_in_the_address_is_not_shown(tmp_path: Path) -> None:
    stack = found(tmp_path, "redis://ana:s3:cr/t@host:1/0")
    assert server_text(stack) == "redis://ana:***@host:1/0 (by --redis-url)"
    assert redis_remedy(stack).startswith("--redis-url names redis://ana:***@host:1/0: start")


def test_without_a_running_stack_the_file_is_named_and_how_to_start_one(tmp_path: Path) -> None:
    stack = found(tmp_path)
    assert origin_text(stack) == str(default_config_dir({}) / "stack.toml")
    assert redis_remedy(stack).startswith(f"No stack runs from {tmp_path}: start one with make run or heatsink up")


def test_a_running_stack_is_named_by_its_note(tmp_path: Path) -> None:
    note = RunNote(
        pid=os.getpid(), redis_url="redis://127.0.0.1:7777/0", portfolio="main", exchange="sim", exchange_url="",
        ops_url="", config_dir=str(default_config_dir({})), started_wall_ns=1,
    )  # fmt: skip
    write_note(tmp_path, note)
    stack = found(tmp_path)
    assert origin_text(stack) == str(tmp_path / "run.json")
    assert redis_remedy(stack).endswith("names redis://127.0.0.1:7777/0; heatsink doctor looks at the whole stack.")
