"""The files of users' strategies, as the configuration reads them."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.config.bounded_files import MOST_BYTES
from shared.config.load import load_settings
from shared.domain.plan import StrategyPlan
from shared.domain.strategies.registry import build_strategy
from tests.config.wrong_settings import faults_of, the_fault
from tests.domain.strategies.files import FOLLOWS, TABLE, config_with
from tests.examples import examples
from tests.shipped import SHIPPED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A configuration with one strategy, of a file."""
    return config_with(tmp_path, FOLLOWS)


def change(folder: Path, old: str, new: str) -> Path:
    assert TABLE.count(old) == 1
    (folder / "strategies.toml").write_text(TABLE.replace(old, new))
    return folder


def strategy_of(folder: Path) -> StrategyPlan:
    [strategy] = load_settings(folder, {}).plan.strategies
    return strategy


def test_a_file_is_read_from_the_folder_of_the_configuration_and_its_text_is_what_runs(folder: Path) -> None:
    strategy = strategy_of(folder)
    assert (strategy.file, strategy.class_name, strategy.source) == ("strategies/mine.py", "Mine", FOLLOWS)
    (folder / "strategies" / "mine.py").unlink()
    assert build_strategy(strategy).warmup_bars == 3


def test_a_file_may_stand_elsewhere_by_its_whole_path(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "mine.py"
    elsewhere.write_text(FOLLOWS)
    assert strategy_of(change(folder, "strategies/mine.py", str(elsewhere))).source == FOLLOWS


def test_nothing_of_a_file_is_run_while_the_configuration_is_read(folder: Path) -> None:
    (folder / "strategies" / "mine.py").write_text(FOLLOWS + "\nraise SystemExit\n")
    assert strategy_of(folder).source.endswith("SystemExit\n")


def test_a_file_with_a_byte_order_mark_is_read_without_it(folder: Path) -> None:
    (folder / "strategies" / "mine.py").write_text(FOLLOWS, encoding="utf-8-sig")
    assert strategy_of(folder).source == FOLLOWS


@pytest.mark.parametrize(
    ("old", "new", "key", "told"),
    [
        ('file = "strategies/mine.py"\n', "", "file", 'the key "file" is missing'),
        ('class_name = "Mine"\n', "", "class_name", 'the key "class_name" is missing'),
        ("strategies/mine.py", "strategies/yours.py", "file", "no such file: "),
        ("strategies/mine.py", "strategies", "file", "a folder: "),
        ("strategies/mine.py", "a" * 300, "file", "no such file: "),
        ('"Mine"', '"Main"', "class_name", "strategies/mine.py has no class of this name"),
        ('"strategies/mine.py"', "3", "file", "expected text in quotes"),
        ('kind = "file"', 'kind = "files"', "kind", "no such kind of strategy"),
        ("weight", 'source = "x"\nweight', "source", "no such key"),
    ],
)
def test_a_wrong_row_is_told_with_its_key_what_is_wrong_and_a_remedy(
    folder: Path, old: str, new: str, key: str, told: str
) -> None:
    faults = [fault for fault in faults_of(change(folder, old, new)) if fault.key == f"strategies[0].{key}"]
    assert told in faults[0].problem
    assert faults[0].remedy.endswith((".", "?"))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"\xff\xfe\x00", "is not UTF-8 text, at byte 0"),
        (b"#" * (MOST_BYTES + 1), "has more than 1,048,576 bytes"),
        (b"class Mine\n", "line 1 is not Python: expected ':'"),
        (b"class Mine: pass\n", "has no on_bar and no warmup_bars"),
        (b"(" * 500, "line 1 is not Python: too many nested parentheses"),
    ],
)
def test_a_wrong_file_is_told_with_its_path_what_is_wrong_and_a_remedy(folder: Path, body: bytes, told: str) -> None:
    (folder / "strategies" / "mine.py").write_bytes(body)
    fault = the_fault(folder)
    assert told in fault.problem
    assert "strategies/mine.py" in str(fault)
    assert Path(fault.file).name == "strategies.toml"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_told(folder: Path) -> None:
    (folder / "strategies" / "mine.py").chmod(0)
    assert "cannot be read" in the_fault(folder).problem


def test_a_file_for_a_built_in_kind_is_a_mistake(folder: Path) -> None:
    change(folder, 'kind = "file"', 'kind = "donchian"')
    faults = faults_of(folder)
    assert [fault.key for fault in faults] == ["strategies[0].file", "strategies[0].class_name"]
    assert {fault.problem for fault in faults} == {'only kind = "file" has a file'}


@given(st.binary(max_size=60))
@examples(50)
def test_whatever_bytes_a_file_holds_it_is_refused_by_name(body: bytes) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(SHIPPED, Path(place) / "config"))
        (folder / "strategies.toml").write_text(TABLE)
        (folder / "strategies" / "mine.py").write_bytes(body)
        assert "strategies/mine.py" in str(the_fault(folder))
