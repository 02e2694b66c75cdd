"""Which tokens count, and whose they are."""

from pathlib import Path

import pytest

from shared.adapters.private_files import write_private
from shared.config.tokens import LEAST, MOST, Tokens

GOOD, OTHER = "a" * LEAST, "b" * MOST


def test_a_token_is_its_clients_and_nobody_elses(tmp_path: Path) -> None:
    write_private(tmp_path / "ana", f"{GOOD}\n")
    write_private(tmp_path / "bob", OTHER)
    tokens = Tokens(str(tmp_path))
    assert (tokens.client_of(GOOD), tokens.client_of(OTHER)) == ("ana", "bob")
    assert [
        tokens.client_of(each) for each in ("", GOOD[:-1], f"{GOOD}a", f"{GOOD}\n", "é" * LEAST, "\udcff" * LEAST)
    ] == [""] * 6
    assert (tokens.any, tokens.faults) == (True, [])


def test_without_a_folder_or_a_file_in_it_there_is_no_token(tmp_path: Path) -> None:
    assert not Tokens("").any
    assert Tokens("").faults == []
    assert Tokens("").client_of("") == ""
    assert not Tokens(str(tmp_path)).any
    [fault] = Tokens(str(tmp_path / "gone")).faults
    assert (fault.problem, Tokens(str(tmp_path / "gone")).any) == ("no such folder", False)


def test_a_token_counts_from_when_it_is_written_until_it_is_deleted(tmp_path: Path) -> None:
    tokens = Tokens(str(tmp_path))
    path = write_private(tmp_path / "ana", GOOD)
    assert tokens.client_of(GOOD) == "ana"
    path.unlink()
    assert (tokens.client_of(GOOD), tokens.any) == ("", False)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o777])
def test_a_file_that_is_not_its_owners_alone_lets_nobody_in(tmp_path: Path, mode: int) -> None:
    write_private(tmp_path / "ana", GOOD).chmod(mode)
    tokens = Tokens(str(tmp_path))
    assert (tokens.client_of(GOOD), tokens.any) == ("", False)
    [fault] = tokens.faults
    assert "chmod 600" in fault.remedy
    assert GOOD not in str(fault)


@pytest.mark.parametrize(
    "text", ["", "a" * (LEAST - 1), "a" * (MOST + 1), f"{GOOD} {GOOD}", f"{GOOD}\n{GOOD}", f"{GOOD}\x00", "é" * LEAST]
)
def test_a_file_without_one_token_lets_nobody_in_and_is_named(tmp_path: Path, text: str) -> None:
    write_private(tmp_path / "ana", text)
    tokens = Tokens(str(tmp_path))
    assert (tokens.client_of(text), tokens.any) == ("", False)
    assert [str(tmp_path / "ana") in fault.value for fault in tokens.faults] == [True]


def test_a_token_of_two_clients_lets_neither_in(tmp_path: Path) -> None:
    for name in ("ana", "bob"):
        write_private(tmp_path / name, GOOD)
    tokens = Tokens(str(tmp_path))
    assert tokens.client_of(GOOD) == ""
    assert ["the same token as in ana" in fault.problem for fault in tokens.faults] == [True]


def test_a_folder_a_strange_name_and_bytes_that_are_no_text_are_named_and_hidden_files_passed_over(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder").mkdir()
    write_private(tmp_path / "Ana!", GOOD)
    write_private(tmp_path / "bytes", "").write_bytes(b"\xff" * LEAST)
    write_private(tmp_path / ".hidden", GOOD)
    problems = {Path(fault.value).name: fault.problem for fault in Tokens(str(tmp_path)).faults}
    assert problems == {"folder": "no file", "Ana!": "no name of a client", "bytes": "it cannot be read"}
