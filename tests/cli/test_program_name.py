"""What the program calls itself in help and errors."""

import sys

import pytest

from services.cli.__main__ import main


@pytest.mark.parametrize("arguments", [["--help"], ["halt", "--help"], ["hlat"]])
def test_help_and_errors_name_the_program_as_people_type_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["services/cli/__main__.py", *arguments])
    with pytest.raises(SystemExit):
        main()
    told = "".join(capsys.readouterr())
    assert "Usage: heatsink" in told
    assert "python -m" not in told
