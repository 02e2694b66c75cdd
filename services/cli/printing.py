"""How everything that the command line prints looks: JSON for programs, and for people tables without lines.

All of it goes through here, so that nothing that somebody else wrote reaches a terminal as it is: ``say`` for lines,
``plain_console`` for what has colours, ``bare_table`` for tables, ``json_text`` for programs.
"""

import json
import sys
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from shared.adapters.plain_amounts import json_bytes
from shared.domain.safe_text import BLOT, safe, safe_json, safe_lines

UNLIMITED_COLUMNS = 180  # where no terminal says how wide it is: tables are not cut


def json_text(value: Struct | dict[str, object]) -> str:
    """The value in one line of JSON; amounts are strings in plain decimals, as they are on the wire."""
    try:
        text = json_bytes(value).decode()
    except UnicodeEncodeError:  # a path of bytes that are no text
        text = json.dumps(msgspec.to_builtins(value, enc_hook=str, builtin_types=()))
    return safe_json(text)


def say(*lines: str, err: bool = False) -> None:
    """Print lines of text; a line break within one of them is shown, not made. err: on standard error."""
    print("\n".join(map(safe, lines)), file=sys.stderr if err else sys.stdout, flush=True)


class SafeConsole(Console):
    """A console for words of anybody: they are no markup, and each text is one line, all of which can be seen."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"markup": False, "emoji": False, "highlight": False, **options})

    def print(self, *objects: Any, **options: Any) -> None:
        """Print texts, tables and whatever else rich knows."""
        super().print(*map(_one_line, objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Whatever came by another way (a bar, a frame, a title) is blotted out before it reaches the terminal."""
        for segment in super().render(renderable, options):
            text = segment.text if segment.control else safe_lines(segment.text, BLOT)
            yield segment if text == segment.text else Segment(text, segment.style)


def _one_line(value: Any) -> Any:
    if isinstance(value, Text):
        plain = safe(value.plain)
        return value if plain == value.plain else Text(plain, style=value.style, no_wrap=value.no_wrap)
    return safe(value) if isinstance(value, str) else value


def plain_console(*, err: bool = False) -> Console:
    """A console that leaves numbers uncoloured and does not cut tables in files and pipes. err: on standard error."""
    console = SafeConsole(stderr=err)
    return console if console.is_terminal else SafeConsole(stderr=err, width=UNLIMITED_COLUMNS)


class SafeTable(Table):
    """A table whose cells are texts in one line each, and no markup."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """Add a row."""
        safe_cells = (_one_line(Text(each) if isinstance(each, str) else each) for each in cells)
        super().add_row(*safe_cells, **options)


def bare_table(*names: str, no_wrap: bool = False) -> Table:
    """A table with these columns; a name that begins with ``>`` is of numbers, which stand to the right."""
    table = SafeTable(box=None, header_style="dim", padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(name.removeprefix(">"), justify="right" if name[:1] == ">" else "left", no_wrap=no_wrap)
    return table
