"""Numbers beyond every use, typed behind an option: a sentence that names the option, and nothing is done."""

import pytest
from typer.testing import CliRunner

from services.cli.__main__ import app

EXTREME = ("nan", "inf", "-inf", "1e300", "1e1000000", "9" * 25, "9" * 400)
OPTIONS = (
    ("up", "--speed"),
    ("up", "--seed"),
    ("up", "--resume-after"),
    ("up", "--duration"),
    ("halt", "--minutes"),
    ("write-off", "BTC", "--reason", "x", "--price"),
    ("phase", "approve", "live", "--reason", "x", "--reviews"),
    ("tail", "--last"),
    ("data", "record-books", "--seconds"),
    ("backtest", "--costs"),
    ("backtest", "--resume-after"),
    ("backtest", "check", "--seed"),
    ("backtest", "check", "--cuts"),
    ("sweep", "--seed"),
    ("sweep", "--random"),
    ("sweep", "--workers"),
)


@pytest.mark.parametrize("typed", OPTIONS, ids=" ".join)
def test_a_number_beyond_every_use_is_refused_by_the_name_of_its_option(typed: tuple[str, ...]) -> None:
    for number in EXTREME:
        result = CliRunner().invoke(app, [*typed[:-1], f"{typed[-1]}={number}"])
        assert result.exit_code in (2, 78), (number, result.output)
        assert isinstance(result.exception, SystemExit)
        assert typed[-1] in result.output, number
