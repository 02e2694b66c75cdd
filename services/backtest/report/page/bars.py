"""Bars that stand still: the waterfall, and variants side by side."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from services.backtest.report.page.markup import Markup, tag
from shared.application.wording.formats import percent, usd


def waterfall(steps_: Sequence[tuple[str, Decimal, bool]]) -> Markup:
    """Bars from one level to the next. steps_: name, amount, and whether it is a level itself and not a step."""
    level, spans = Decimal(0), []
    for _, amount, is_level in steps_:
        begin = Decimal(0) if is_level else level
        level = amount if is_level else level + amount
        spans.append((begin, level))
    low, high = min(min(span) for span in spans), max(max(span) for span in spans)
    width = (high - low) or Decimal(1)
    rows = []
    for (name, amount, is_level), (begin, end) in zip(steps_, spans, strict=True):
        left, length = (min(begin, end) - low) * 100 / width, abs(end - begin) * 100 / width
        kind = "level" if is_level else "step"
        bar = tag(
            "span",
            tag("i", class_=kind, style=f"left:{left:.2f}%;width:{length:.2f}%"),
            _zero(low, width),
            class_="track",
        )
        rows.append(tag("li", tag("span", name, class_="name"), bar, tag("b", usd(amount))))
    return tag("ul", *rows, class_="bars")


class Dot(NamedTuple):
    """A variant and its value. own: it is the run itself."""

    name: str
    value: float
    own: bool


def dots(title: str, values: Sequence[Dot]) -> Markup:
    """Values on one scale, with zero on it."""
    low, high = min(0.0, *(dot.value for dot in values)), max(0.0, *(dot.value for dot in values))
    width = (high - low) or 1.0
    rows = []
    for dot in values:
        left, length = (min(0.0, dot.value) - low) * 100 / width, abs(dot.value) * 100 / width
        bar = tag("i", class_="level" if dot.own else "step", style=f"left:{left:.2f}%;width:{length:.2f}%")
        track = tag("span", bar, _zero(Decimal(repr(low)), Decimal(repr(width))), class_="track")
        rows.append(tag("li", tag("span", dot.name, class_="name"), track, tag("b", percent(dot.value, signed=True))))
    return tag("figure", tag("figcaption", tag("span", title, class_="t")), tag("ul", *rows, class_="bars"))


def _zero(low: Decimal, width: Decimal) -> Markup:
    return tag("u", style=f"left:{-low * 100 / width:.2f}%")
