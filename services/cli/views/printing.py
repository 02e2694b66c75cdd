"""Printing for people and for programs."""

import msgspec
from msgspec import Struct
from rich.console import Console

UNLIMITED_COLUMNS = 180  # where no terminal says how wide it is: tables are not cut


def json_text(value: Struct | dict[str, object]) -> str:
    """The value in one line of JSON; decimals are strings, as they are on the wire."""
    return msgspec.json.encode(value).decode()


def plain_console() -> Console:
    """A console that leaves numbers uncoloured and does not cut tables in files and pipes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNLIMITED_COLUMNS)
