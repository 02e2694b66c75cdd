"""Lines of a shell as a page shows them, read as the ``heatsink`` command line would read them."""

import re
import shlex

import click
import typer

from services.cli.__main__ import app

COMMANDS: dict[str, click.Command] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
UsageError = typer.BadParameter.__mro__[1]  # typer brings a click of its own, and does not name this one
ASSIGNMENT = re.compile(r"[A-Z][A-Z0-9_]*=")


def words_of(line: str) -> list[str]:
    """The words of a command, without a comment behind it and without the variables before it."""
    words = shlex.split(line, comments=True)
    while words and ASSIGNMENT.match(words[0]):
        words = words[1:]
    return words


def check_heatsink(words: list[str]) -> None:
    """Read a verb with its arguments and options, and run nothing. Raises ``UsageError`` on a fault."""
    name, *rest = words
    if name not in COMMANDS:
        raise typer.BadParameter(f"no such verb: {name}")
    command = COMMANDS[name]
    while (group := getattr(command, "commands", None)) and not _does_it_itself(command, rest):
        name, *rest = rest
        command = group[name]
    command.make_context(name, rest)


def _does_it_itself(command: click.Command, rest: list[str]) -> bool:
    """Whether a group that is a verb too (``heatsink backtest``) is meant, and none of its verbs."""
    return bool(getattr(command, "invoke_without_command", False)) and (not rest or rest[0].startswith("-"))


def options_of(command: click.Command) -> set[str]:
    """A command's options; of a group (``heatsink limits``), those of its verbs too."""
    verbs = getattr(command, "commands", {}).values()
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*map(options_of, verbs))
