"""What the risk service said to a command, as the command line says it."""

import pytest
from msgspec import structs

from services.cli.views.answers import RefusedError, print_answers
from shared.messages.portfolio import CommandRefused
from tests.samples import header

NOTHING = CommandRefused(
    **header("r"),  # type: ignore[arg-type]
    command="Flatten",
    who="ana",
    reason="nothing is held or on order in the portfolio",
    nothing_to_do=True,
)


def test_a_command_with_nothing_to_do_says_so_and_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    print_answers([NOTHING])
    assert capsys.readouterr().out == "Nothing to do: nothing is held or on order in the portfolio.\n"


def test_a_command_that_was_refused_is_an_error() -> None:
    with pytest.raises(RefusedError, match="Refused: nothing is held"):
        print_answers([structs.replace(NOTHING, nothing_to_do=False)])
