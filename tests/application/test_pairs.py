"""The names by which people call a pair."""

import pytest

from shared.application.pairs import UnknownPairError, booked_symbol_of, symbol_of
from tests.shipped import shipped_settings


@pytest.mark.parametrize("text", ["pol", "POL/USDT", "polusdt"])
def test_a_pair_is_known_by_its_new_name(text: str) -> None:
    assert symbol_of(shipped_settings(), text) == "POL/USDT"


def test_a_pair_is_known_by_its_old_name() -> None:
    assert symbol_of(shipped_settings(), "matic") == "MATIC/USDT"


def test_a_pair_that_nobody_knows_gets_a_suggestion() -> None:
    with pytest.raises(UnknownPairError, match='Did you mean "SHIB"'):
        symbol_of(shipped_settings(), "SHIBA")


@pytest.mark.parametrize("text", ["LUNA/USDT", "luna-usdt"])
def test_a_pair_that_left_the_universe_is_known_in_the_books_by_its_whole_name(text: str) -> None:
    assert booked_symbol_of(shipped_settings(), text) == "LUNA/USDT"


def test_how_a_pair_that_left_the_universe_is_written_is_said() -> None:
    with pytest.raises(UnknownPairError, match="not in it any more is written whole: LUNA/USDT"):
        booked_symbol_of(shipped_settings(), "luna")
