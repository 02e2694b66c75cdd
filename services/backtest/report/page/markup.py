"""HTML that is right by construction: text is escaped, unless it is markup that was made here.

``tag("p", "5 < 6", tag("b", "so it is"))`` gives ``<p>5 &lt; 6<b>so it is</b></p>``.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from shared.domain.safe_text import BLOT, safe_lines

LONG = 60  # rows: beyond it a table scrolls by itself
UNBOUNDED = 1 << 40
VOID = frozenset({"br", "meta", "path", "rect", "line", "circle", "input"})


class Markup(str):
    """Markup that may stand on the page as it is."""

    __slots__ = ()


def escaped(text: str) -> str:
    """The text as it may stand in markup and in an attribute; what turns others around or is none is shown."""
    markup = (
        safe_lines(text, BLOT)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("'", "&#39;")
    )
    return markup.replace(" %", "\N{NO-BREAK SPACE}%")


def tag(name: str, /, *children: str, **attributes: str | float | bool) -> Markup:
    """An element. ``class_`` is the attribute ``class``, ``aria_label`` is ``aria-label``; True has no value."""
    said = "".join(_attribute(key, value) for key, value in attributes.items() if value is not False and value != "")
    if name in VOID:
        return Markup(f"<{name}{said}>" if name in ("br", "meta", "input") else f"<{name}{said}/>")
    return Markup(f"<{name}{said}>{joined(children)}</{name}>")


def joined(children: Iterable[str], between: str = "") -> Markup:
    """Text and markup, one after the other."""
    return Markup(between.join(child if isinstance(child, Markup) else escaped(child) for child in children))


def _attribute(key: str, value: str | float) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(str(value))}"'


class Column(NamedTuple):
    """One column. kind: numbers stand to the right. sortable: with a button, where there are scripts."""

    title: str
    kind: Literal["text", "number"] = "text"


def numbers(*titles: str) -> tuple[Column, ...]:
    """Columns of numbers."""
    return tuple(Column(title, "number") for title in titles)


def texts(*titles: str) -> tuple[Column, ...]:
    """Columns of text."""
    return tuple(Column(title) for title in titles)


def table(
    caption: str,
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    *,
    identity: str = "",
    sortable: bool = False,
    most_bytes: int = 0,
    stack: bool = False,
) -> Markup:
    """A table; the first cell of each row is its header. Cells that are markup may bring their own ``<td>``.

    most_bytes: rows beyond it are left out, and the caption says how many of how many there are; 0 for all.
    stack: on a phone each row is a card, in which every cell has the name of its column.
    """
    all_rows = list(rows)
    kept, room, body = 0, most_bytes or UNBOUNDED, []
    for line in _lines(all_rows, [column.title for column in columns] if stack else []):
        room -= len(line.encode())
        if room < 0:
            break
        kept += 1
        body.append(line)
    if not all_rows:
        body = [f"<tr><td class=none colspan={len(columns)}>none"]
    said = caption if kept == len(all_rows) else f"{caption} The first {kept:,} of {len(all_rows):,} are here."
    head = joined(tag("th", column.title, scope="col", class_=_class(column)) for column in columns)
    left = tuple(f"c{index}" for index, column in enumerate(columns, 1) if column.kind == "text")
    names = " ".join((*(("sortable",) if sortable else ()), *(("stack",) if stack else ()), *left))
    inner = joined(
        (tag("caption", tag("span", said)), tag("thead", tag("tr", head)), Markup(f"<tbody>{''.join(body)}</tbody>"))
    )
    return tag(
        "div",
        tag("table", inner, class_=names, **({"id": identity} if identity else {})),
        class_="scroll long" if kept > LONG else "scroll",
        tabindex="0",
        role="region",
        aria_label=caption,
    )


def pairs_of(rows: Sequence[tuple[str, str]]) -> Markup:
    """Names and values, a line each."""
    return tag("dl", *(tag("div", tag("dt", name), tag("dd", value)) for name, value in rows), class_="pairs")


def bytes_of(row: Sequence[str]) -> int:
    """How much a row of a table takes on the page."""
    return sum(len(line.encode()) for line in _lines([row], ()))


def _class(column: Column) -> str:
    return "n" if column.kind == "number" else "t"


def _lines(rows: Sequence[Sequence[str]], titles: Sequence[str]) -> Iterator[str]:
    """Rows without the end tags that HTML lets one leave out: five thousand of them are half as large."""
    for row in rows:
        first, *others = (cell if isinstance(cell, Markup) else escaped(cell) for cell in row)
        if titles:
            named = zip(titles[1:], others, strict=True)
            cells = "".join(f'<td data-l="{escaped(title)}">{cell}' for title, cell in named)
        else:
            cells = "".join(cell if cell.startswith("<td") else f"<td>{cell}" for cell in others)
        yield f"<tr><th scope=row>{first}{cells}"
