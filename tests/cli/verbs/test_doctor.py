"""``heatsink doctor``, and what every verb says where there is no stack."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from tests.cli.verbs.sample_server import Heatsink
from tests.shipped import SHIPPED


def test_doctor_names_what_is_missing_and_fails(heatsink: Heatsink) -> None:
    result = heatsink("doctor")
    text = "\n".join(" ".join(line.split()) for line in result.stdout.splitlines())
    assert result.exit_code == 1
    assert "warn persistence appendfsync no: with its machine goes the last half minute" in text
    assert "ok functions heatsink's function library is loaded" in text
    assert "ok risk ready, process 1" in text
    assert "fail sizing has never run here" in text
    assert "-> Start the stack: heatsink up." in text
    assert "fail exchange" in text


@pytest.mark.sockets
def test_without_a_stack_in_the_folder_people_are_told_how_to_start_or_find_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HEATSINK_REDIS__URL", raising=False)
    for file in SHIPPED.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text().replace("127.0.0.1:6379", "127.0.0.1:1"))
    arguments = ["--data", str(tmp_path / "none"), "--config", str(tmp_path)]
    told = CliRunner().invoke(app, ["status", *arguments]).stderr
    assert all(word in told for word in ("No stack runs from", "make run", "heatsink up", "--data", "--redis-url")), (
        told
    )
    monkeypatch.setenv("HEATSINK_EXCHANGE__URL", "http://127.0.0.1:1")
    doctor = CliRunner().invoke(app, ["doctor", *arguments]).stdout
    assert "--exchange" not in doctor
    assert "It comes with the stack" in doctor


def test_doctor_tells_of_settings_that_the_services_would_refuse(
    heatsink: Heatsink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEATSINK_PHASE", "live")
    result = heatsink("doctor")
    assert result.exit_code == 1
    assert "exchange.orders = paper" in result.stdout
    assert "ok    configuration" not in result.stdout
