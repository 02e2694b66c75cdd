"""``heatsink keys`` for clients that have to sign."""

from pathlib import Path

import pytest
from click.testing import Result
from heatsink_client.signing import client_key
from typer.testing import CliRunner

from services.cli.__main__ import app
from services.cli.doctor.checks import signing
from services.wiring import key_holders
from shared.adapters.signing import KeyFolder, write_new_keys
from shared.application.stack import find_stack
from tests.shipped import SHIPPED


def keys(*words: str) -> Result:
    return CliRunner().invoke(app, ["keys", *words])


def test_a_clients_key_is_made_once_and_changed_by_the_same_commands_as_others(tmp_path: Path) -> None:
    made = keys("new", str(tmp_path), "--client", "ana")
    path = tmp_path / "clients" / "ana.key"
    assert made.exit_code == 0
    assert "HEATSINK_CLIENT_KEY=ana.key" in made.stdout
    assert path.stat().st_mode & 0o777 == 0o600
    assert [*tmp_path.glob("*.key")] == [], "and no other"
    first = client_key(str(path))
    assert "has a key" in keys("new", str(tmp_path), "--client", "ana").stdout
    assert client_key(str(path)) == first
    assert keys("rotate", str(tmp_path), "--client", "ana").exit_code == 0
    found = KeyFolder(tmp_path / "clients").of("ana")
    assert [key.id for key in found] == [client_key(str(path)).id, first.id]  # type: ignore[union-attr]
    assert keys("rotate", str(tmp_path), "--client", "ana", "--finish").exit_code == 0
    assert [key.id for key in KeyFolder(tmp_path / "clients").of("ana")] == [found[0].id]


@pytest.mark.parametrize("name", ["../risk", "Ana", "", "a" * 33])
def test_what_cannot_be_a_clients_name_makes_no_key(tmp_path: Path, name: str) -> None:
    refused = keys("new", str(tmp_path), "--client", name)
    assert refused.exit_code == 2
    assert [*tmp_path.iterdir()] == []


def test_one_writer_and_a_client_at_once_are_refused(tmp_path: Path) -> None:
    refused = keys("rotate", str(tmp_path), "--only", "risk", "--client", "ana")
    assert refused.exit_code == 2


def test_doctor_names_clients_that_must_sign_and_have_no_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "keys"
    write_new_keys(folder, key_holders())
    for file in SHIPPED.glob("*.toml"):
        (tmp_path / file.name).write_text(file.read_text())
    with (tmp_path / "stack.toml").open("a") as stack:
        stack.write("[clients.ana]\nsigned = true\n")
    monkeypatch.setenv("HEATSINK_SIGNING__KEYS", str(folder))
    found = find_stack(redis_url="redis://127.0.0.1:1/0", config_dir=tmp_path, data_dir=tmp_path / "none")
    told = signing(found)
    assert told.grade == "warn"
    assert "these clients must sign and have no key" in told.text
    assert told.remedy == f"heatsink keys new {folder} --client ana."
    assert keys("new", str(folder), "--client", "ana").exit_code == 0
    assert signing(found).grade == "ok"
    (folder / "clients" / "ana.key").chmod(0o644)
    assert "others may read clients/ana.key" in signing(found).text
