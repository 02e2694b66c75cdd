"""``heatsink config check``."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from shared.application.stack import RunNote, write_note
from tests.domain.strategies.files import FOLLOWS, config_with, says
from tests.shipped import SHIPPED


def test_config_check_tells_what_is_configured() -> None:
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 0
    assert "38 pairs, 7 sectors, 2 renames" in result.stdout
    assert "BTC ETH BNB SOL XRP ADA LTC MATIC are an assumption" in result.stdout


def test_config_check_names_every_fault_and_ends_with_the_code_for_configuration(tmp_path: Path) -> None:
    for path in SHIPPED.glob("*.toml"):
        text = path.read_text().replace("heat = 0.08", "heat = 8").replace('kind = "sim"', 'kind = "simm"')
        (tmp_path / path.name).write_text(text)
    result = CliRunner().invoke(app, ["config", "check", "--config", str(tmp_path)])
    assert result.exit_code == 78
    assert "2 faults in the configuration" in result.stderr
    assert "write 0.08 for 8 %" in result.stderr
    assert 'Did you mean "sim"?' in result.stderr


def test_config_check_calls_nothing_sound_that_the_services_would_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", "live")
    result = CliRunner().invoke(app, ["config", "check"])
    assert result.exit_code == 78
    assert "sound" not in result.stdout
    for said in ("exchange.orders = paper", 'phase "live" wants real orders', "ramp.rehearsal = true"):
        assert said in result.stderr
    monkeypatch.setenv("HEATSINK_RAMP__REHEARSAL", "true")
    assert "phase       live (rehearsal)" in CliRunner().invoke(app, ["config", "check"]).stdout


def test_config_check_names_the_server_of_the_stack_that_runs_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEATSINK_REDIS__URL", raising=False)
    monkeypatch.chdir(tmp_path)
    assert "heatsink up starts its own" in CliRunner().invoke(app, ["config", "check"]).stdout
    (tmp_path / ".heatsink").mkdir()
    note = RunNote(
        pid=os.getpid(), redis_url="redis://127.0.0.1:7777/0", portfolio="main", exchange="sim", exchange_url="",
        ops_url="", config_dir="", started_wall_ns=1,
    )  # fmt: skip
    write_note(tmp_path / ".heatsink", note)
    assert "redis://127.0.0.1:7777/0 (of the stack" in CliRunner().invoke(app, ["config", "check"]).stdout


def test_config_check_says_which_breakers_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "breakers    all on" in CliRunner().invoke(app, ["config", "check"]).stdout
    monkeypatch.setenv("HEATSINK_BREAKERS__OFF", "gap,liquidity")
    assert "breakers    off: gap, liquidity" in CliRunner().invoke(app, ["config", "check"]).stdout


@pytest.mark.processes
def test_config_check_tries_a_strategy_file_and_names_the_text_that_it_read(tmp_path: Path) -> None:
    folder = config_with(tmp_path, FOLLOWS)
    result = CliRunner().invoke(app, ["config", "check", "--config", str(folder)])
    assert result.exit_code == 0
    digest = sha256(FOLLOWS.encode()).hexdigest()[:12]
    assert f"strategies  mine 1h x 0.5 (strategies/mine.py, {digest})" in result.stdout


@pytest.mark.processes
@pytest.mark.parametrize(
    ("source", "told"),
    [
        (FOLLOWS.replace("class Mine", "class Yours"), "strategies/mine.py has no class of this name"),
        ("import not_there\n" + FOLLOWS, "No module named 'not_there' (line 1)"),
        (says("1 / bar.volume"), "on_bar raised ZeroDivisionError: float division by zero (line 12)"),
        (says("math.nan"), "on_bar returned nan"),
        (says("None"), "still returns None on bar 2"),
    ],
)
def test_config_check_finds_what_a_strategy_file_does_wrong(tmp_path: Path, source: str, told: str) -> None:
    folder = config_with(tmp_path, source)
    result = CliRunner().invoke(app, ["config", "check", "--config", str(folder)], env={"COLUMNS": "500"})
    assert result.exit_code == 78
    assert told in " ".join(result.stderr.split())
    assert "strategies.toml" in result.stderr
    assert "->" in result.stderr
