"""What is done of a sweep is kept, whatever ends it."""

import re
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.backtest.sweep.journal import NAME, Journal, opened
from services.backtest.sweep.task import Measured, Played
from shared.application.errors import UserError
from tests.examples import examples

FRACTIONS = ("nav_end", "total_return", "max_drawdown", "max_heat", "mean_utilisation", "win_rate", "market")
MEASURED = {
    **dict.fromkeys(FRACTIONS, 0.1),
    **dict.fromkeys(("cagr", "volatility", "sharpe", "sortino", "calmar", "turnover", "profit_factor")),
    **dict.fromkeys(("trades", "halts"), 3),
    **dict.fromkeys(("digest", "data"), "d1"),
}


def played(number: int) -> Played:
    return Played(key=f"key-{number}", measured=msgspec.convert(MEASURED, Measured), returns=[0.01, -0.02])


def journal_of(folder: Path, count: int) -> Path:
    with opened(folder) as journal:
        for number in range(count):
            journal.add(played(number))
    return folder / NAME


def test_what_was_added_is_there_again(tmp_path: Path) -> None:
    assert Journal(journal_of(tmp_path, 3)).done == {f"key-{number}": played(number) for number in range(3)}


@examples(60)
@given(cut=st.integers(1, 2000))
def test_cut_anywhere_it_has_the_whole_lines_before_and_goes_on(cut: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = journal_of(Path(name), 3)
        whole = path.read_bytes()
        left = whole[: max(0, len(whole) - cut)]
        path.write_bytes(left)
        lines = sum(
            end.start() <= len(left) for end in re.finditer(b"\n", whole)
        )  # the line's end itself may be missing
        with opened(Path(name)) as journal:
            assert len(journal.done) == lines
            journal.add(played(9))
        assert set(Journal(path).done) == {*(f"key-{number}" for number in range(lines)), "key-9"}


def test_a_second_sweep_of_the_same_folder_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(UserError, match="another sweep is writing there"), opened(tmp_path):
        pass
    with opened(tmp_path):
        pass
