"""Lines over time: drawn as SVG for everybody, and given to uPlot where there are scripts.

The drawing stretches to any width, so its text stands beside it: HTML, placed by percent.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from services.backtest.report.page.axes import dates, fractions, money, steps
from services.backtest.report.page.markup import Markup, tag
from services.backtest.report.page.thinning import kept
from shared.domain.timeframes import SECOND_NS

WIDE, HIGH = 2000, 1000  # of the drawing, in its own units
STRIPS_DRAWN = 500
STRIPS_LIVE = 1100
MOST_CHANGES = 200
EDGE = 4  # percent from it, a date is written to one side

Unit = Literal["usd", "fraction"]


class Line(NamedTuple):
    """One line. style: its class in the style sheet, after which its colour is named, too."""

    label: str
    values: Sequence[float]
    style: Literal["main", "second", "third", "limit"] = "main"
    filled: bool = False


class Plot(NamedTuple):
    """Lines over one time.

    summary: in words, for whoever does not see it. band: fractions between which the plan wants the line.
    beyond: what is over this is forbidden. spans: times to mark. low, high: what the axis has to show at least.
    """

    identity: str
    title: str
    summary: str
    times_ns: Sequence[int]
    lines: Sequence[Line]
    unit: Unit
    height: int = 220
    band: tuple[float, float] | None = None
    beyond: float | None = None
    spans: Sequence[tuple[int, int]] = ()
    low: float | None = None
    high: float | None = None

    @property
    def drawable(self) -> bool:
        """There is a line, of at least two points."""
        return len(self.times_ns) > 1

    def extent(self) -> tuple[float, float]:
        """What the axis shows."""
        values = [value for line in self.lines for value in line.values]
        asked = [value for value in (self.low, self.high, *(self.band or ())) if value is not None]
        low, high = min([*values, *asked]), max([*values, *asked])
        room = (high - low) * 0.04 or abs(high) * 0.01 or 0.01
        return (low if low == self.low else low - room), (high if high == self.high else high + room)


def drawn(plot: Plot) -> Markup:
    """The figure with its drawing. A script finds it by its name, and puts the live chart in its place."""
    caption = tag("figcaption", tag("span", plot.title, class_="t"), _legend(plot))
    if not plot.drawable:
        return tag("figure", caption, tag("p", "Too short to draw.", class_="none"))
    low, high = plot.extent()
    body = tag(
        "div",
        _values(plot, low, high),
        _drawing(plot, low, high),
        _dates(plot),
        class_="plot",
        style=f"--h:{plot.height}px",
    )
    return tag("figure", caption, body, data_plot=plot.identity)


def for_script(plot: Plot) -> dict[str, object]:
    """The same for uPlot, in few bytes: times as differences, values in whole parts of their unit."""
    indices = _indices(plot, STRIPS_LIVE)
    seconds = [-(-plot.times_ns[index] // SECOND_NS) for index in indices]
    low, high = plot.extent()
    scale = 1e-5 if plot.unit == "fraction" else 1.0
    return {
        "title": plot.title,
        "unit": plot.unit,
        "height": plot.height,
        "range": [round(low, 6), round(high, 6)],
        "band": plot.band,
        "beyond": plot.beyond,
        "spans": [[begin // SECOND_NS, end // SECOND_NS] for begin, end in plot.spans],
        "scale": scale,
        "times": [seconds[0], *(after - before for before, after in pairwise(seconds))],
        "lines": [
            {
                "label": line.label,
                "style": line.style,
                "filled": line.filled,
                "values": [round(line.values[index] / scale) for index in indices],
            }
            for line in plot.lines
        ],
    }


def _legend(plot: Plot) -> Markup:
    keys = [tag("span", tag("i", class_=f"key {line.style}"), line.label) for line in plot.lines]
    return tag("span", *keys, class_="legend") if len(keys) > 1 else Markup()


def _indices(plot: Plot, strips: int) -> list[int]:
    """Points that are kept: of limits, which stand still for long, those where they change."""
    chosen = set(kept([line.values for line in plot.lines if line.style != "limit"], strips))
    for line in plot.lines:
        if line.style == "limit":
            changes = [at for at, (before, after) in enumerate(pairwise(line.values), 1) if before != after]
            chosen.update(index for at in changes[:MOST_CHANGES] for index in (at - 1, at))
    return sorted(chosen)


def _x(plot: Plot, time_ns: int) -> int:
    begin, end = plot.times_ns[0], plot.times_ns[-1]
    return round((min(max(time_ns, begin), end) - begin) * WIDE / (end - begin))


def _y(value: float, low: float, high: float) -> int:
    return round((high - value) * HIGH / (high - low))


def _drawing(plot: Plot, low: float, high: float) -> Markup:
    shapes = [_span(plot, begin, end) for begin, end in plot.spans]
    if plot.band is not None:
        top, bottom = _y(plot.band[1], low, high), _y(plot.band[0], low, high)
        shapes.append(tag("rect", x=0, y=top, width=WIDE, height=bottom - top, class_="band"))
    if plot.beyond is not None and plot.beyond < high:
        shapes.append(tag("rect", x=0, y=0, width=WIDE, height=_y(plot.beyond, low, high), class_="beyond"))
    grid = "".join(f"M0 {_y(value, low, high)}h{WIDE}" for value in steps(low, high))
    shapes.append(tag("path", d=grid, class_="grid"))
    indices = _indices(plot, STRIPS_DRAWN)
    dense = " dense" if len(indices) > STRIPS_DRAWN else ""
    for line in plot.lines:
        points = [(_x(plot, plot.times_ns[index]), _y(line.values[index], low, high)) for index in indices]
        path = "M" + "L".join(f"{x} {y}" for x, y in points)
        if line.filled:
            ground = _y(min(max(0.0, low), high), low, high)
            shapes.append(tag("path", d=f"{path}L{WIDE} {ground}L0 {ground}z", class_=f"area {line.style}"))
        shapes.append(tag("path", d=path, class_=f"line {line.style}{dense}"))
    return tag(
        "svg", *shapes, viewBox=f"0 0 {WIDE} {HIGH}", preserveAspectRatio="none", role="img", aria_label=plot.summary
    )


def _span(plot: Plot, begin: int, end: int) -> Markup:
    left = _x(plot, begin)
    return tag("rect", x=left, y=0, width=max(2, _x(plot, end) - left), height=HIGH, class_="span")


def _values(plot: Plot, low: float, high: float) -> Markup:
    values = steps(low, high)
    words = fractions(values) if plot.unit == "fraction" else [money(value) for value in values]
    labels = [
        tag("span", text, style=f"top:{_y(value, low, high) / 10:.1f}%")
        for value, text in zip(values, words, strict=True)
    ]
    return tag("div", *labels, class_="ys", aria_hidden="true")


def _dates(plot: Plot) -> Markup:
    return date_axis(plot.times_ns[0], plot.times_ns[-1])


def date_axis(begin_ns: int, end_ns: int) -> Markup:
    """Dates under a drawing."""
    labels = []
    for at, text in dates(begin_ns, end_ns):
        left = (at - begin_ns) * 100 / (end_ns - begin_ns)
        side = "first" if left < EDGE else "last" if left > 100 - EDGE else ""
        labels.append(tag("span", text, style=f"left:{left:.1f}%", class_=side))
    return tag("div", *labels, class_="xs", aria_hidden="true")


def figure(*children: str, caption: str) -> Markup:
    """A figure that is drawn once, for scripts and without."""
    return tag("figure", tag("figcaption", tag("span", caption, class_="t")), *children)
