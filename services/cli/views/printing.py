"""Printing for people and for programs."""

from msgspec import Struct
from rich.console import Console

from shared.adapters.plain_amounts import json_bytes

UNLIMITED_COLUMNS = 180  # where no terminal says how wide it is: tables are not cut


def json_text(value: Struct | dict[str, object]) -> str:
    """The value in one line of JSON; amounts are strings in plain decimals, as they are on the wire."""
    return json_bytes(value).decode()


def plain_console() -> Console:
    """A console that leaves numbers uncoloured and does not cut tables in files and pipes."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=UNLIMITED_COLUMNS)
