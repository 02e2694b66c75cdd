"""Folders and files that are something else than they should be: a sentence that names them, and nothing is done."""

import os
import resource
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app
from shared.application.stack import read_note
from tests.patience import PATIENCE_SECONDS
from tests.shipped import SHIPPED
from tests.tables import sampled

ROOT = Path(__file__).parents[3]
ODD: dict[str, Callable[[Path], None]] = {
    "a file": lambda path: path.write_bytes(b"x"),  # type: ignore[dict-item]
    "a pipe": os.mkfifo,
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a device": lambda path: path.symlink_to("/dev/zero"),
}
DIRECTORIES = (
    ("up", "--duration", "1", "--data"),
    ("config", "check", "--config"),
    ("doctor", "--redis-url", "redis://127.0.0.1:1", "--config"),
    ("status", "--redis-url", "redis://127.0.0.1:1", "--config"),
    ("up", "--duration", "1", "--from", "2024-01-01", "--replay"),
    ("backtest", "--from", "2024-01-01", "--to", "2024-02-01", "--store"),
    ("backtest", "--from", "2024-01-01", "--to", "2024-02-01", "--store", "{store}", "--out"),
    ("backtest", "compare", "{odd}"),
    ("sweep", "--grid", "limits.heat=0.06", "--store"),
    ("data", "list", "--store"),
    ("data", "verify", "--store"),
    ("data", "import"),
    ("slippage",),
)
CONTENTS: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a device without an end": lambda path: path.symlink_to("/dev/zero"),
    "a gigabyte": lambda path: os.truncate(os.open(path, os.O_CREAT | os.O_WRONLY), 1 << 30),
    "lists within lists": lambda path: path.write_text(f"x = {'[' * 100_000}"),
    "tables within tables": lambda path: path.write_text(f"{'.'.join('a' * 5_000)} = 1"),
    "inline tables": lambda path: path.write_text(f"x = {'{a = ' * 5_000}1{'}' * 5_000}"),
    "bytes": lambda path: path.write_bytes(bytes(range(256))),
    "a link to itself": lambda path: path.symlink_to(path.name),
}


def refused(*arguments: str) -> str:
    """What is said; it ends by itself, with an exit code and no traceback."""
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, SystemExit), result.exc_info
    assert result.exit_code in (1, 2, 78), result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize("odd", ODD)
def test_every_verb_that_takes_a_place_says_what_is_wrong_with_it(odd: str, tmp_path: Path) -> None:
    place = tmp_path / "odd"
    ODD[odd](place)
    tried = Counter[str]()
    for arguments in DIRECTORIES:
        given = [each.format(odd=place, store=tmp_path / "none") for each in arguments]
        said = refused(*given, str(place)).replace("\n", "")
        tried["refused"] += 1
        assert any(name in said for name in ("odd", "none", "--replay", "127.0.0.1")), (arguments, said)
    assert tried["refused"] == len(DIRECTORIES)
    assert stat.S_IFMT(place.lstat().st_mode) != stat.S_IFDIR


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", sampled(["limits.toml", "universe.toml", "shadow.toml"], every=3))
def test_a_file_of_settings_without_an_end_or_without_a_form_is_a_fault(
    name: str, content: str, tmp_path: Path
) -> None:
    folder = Path(copytree(SHIPPED, tmp_path / "config"))
    (folder / name).unlink(missing_ok=True)
    CONTENTS[content](folder / name)
    said = refused("config", "check", "--config", str(folder)).replace("\n", "")
    assert name in said


@pytest.mark.parametrize("content", CONTENTS)
def test_files_that_settings_name_are_held_to_the_same(content: str, tmp_path: Path) -> None:
    folder = Path(copytree(SHIPPED, tmp_path / "config"))
    odd = folder / "odd.py"
    CONTENTS[content](odd)
    row = '[[strategies]]\nname = "f"\nkind = "file"\ntimeframe = "1h"\nweight = 0.0001\n'
    row += 'file = "odd.py"\nclass_name = "A"\n'
    with (folder / "strategies.toml").open("a") as file:
        file.write(row)
    assert "odd.py" in refused("config", "check", "--config", str(folder))
    script = tmp_path / "faults.toml"
    CONTENTS[content](script)
    said = CliRunner().invoke(app, ["up", "--data", str(tmp_path)], env={"HEATSINK_SIMULATOR__FAULTS": str(script)})
    assert said.exit_code == 78
    assert "simulator__faults" in said.output.lower() or "simulator.faults" in said.output


@pytest.mark.parametrize(
    "content", [*CONTENTS.values(), lambda path: path.write_text("[" * 100_000)], ids=[*CONTENTS, "JSON within JSON"]
)
def test_a_note_of_a_stack_that_is_none_of_ours_is_passed_over(
    content: Callable[[Path], object], tmp_path: Path
) -> None:
    content(tmp_path / "run.json")
    assert read_note(tmp_path) is None


@pytest.mark.parametrize("odd", [*ODD, "a folder", "a link to a file of somebody"])
def test_a_lock_that_is_no_file_of_its_own_is_refused_and_nothing_is_written_through_it(
    odd: str, tmp_path: Path
) -> None:
    if odd == "a file":
        pytest.skip("a lock is one")
    (tmp_path / "precious").write_text("precious")
    lock = tmp_path / "data" / "run.lock"
    lock.parent.mkdir()
    if odd == "a folder":
        lock.mkdir()
    elif odd == "a link to a file of somebody":
        lock.symlink_to(tmp_path / "precious")
    else:
        ODD[odd](lock)
    assert "run.lock" in refused("up", "--duration", "1", "--data", str(lock.parent)).replace("\n", "")
    assert (tmp_path / "precious").read_text() == "precious"
    assert not (lock.parent / "nowhere").exists()


def _full_disk() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))


@pytest.mark.processes
def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "services.cli", "up", "--duration", "1", "--data", str(tmp_path / "data"))
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False, preexec_fn=_full_disk
    )
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "run.lock: file too large" in ended.stderr
