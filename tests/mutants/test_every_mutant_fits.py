"""The mutants of ``make mutants`` fit the source as it is, and the tests that have to catch them are there."""

import re
from pathlib import Path

import pytest

from tests.mutants.every import MUTANTS
from tests.mutants.mutant import Mutant, UnfitError

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_one_place_and_names_tests_that_are_there(mutant: Mutant) -> None:
    assert (ROOT / mutant.file).read_text().count(mutant.before) == 1
    assert mutant.tests
    for test in mutant.tests:
        file, _, name = test.partition("::")
        assert re.search(
            rf"^(async )?def {re.escape(name.partition('[')[0])}\(", (ROOT / file).read_text(), re.MULTILINE
        )


def test_names_of_mutants_differ() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_is_put_into_the_copy_and_one_that_fits_no_more_says_so(tmp_path: Path) -> None:
    mutant = Mutant("no check", "a.py", "if wrong:\n", "if False:\n", ("t",))
    source = tmp_path / "a.py"
    source.write_text("if wrong:\n    raise\n")
    assert mutant.apply(tmp_path) == "if wrong:\n    raise\n"
    assert source.read_text() == "if False:\n    raise\n"
    with pytest.raises(UnfitError, match=r"no check: a\.py has its text 0 times"):
        mutant.apply(tmp_path)
