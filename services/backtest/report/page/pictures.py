"""Drawings that stand still: exposure by sector and pair, and halts on the time axis."""

from collections.abc import Mapping, Sequence

from services.backtest.report.page.axes import fractions, steps
from services.backtest.report.page.markup import Markup, tag
from services.backtest.report.page.plot import HIGH, WIDE, date_axis, figure
from services.backtest.report.page.thinning import highest, means, merged
from services.backtest.result import HaltSpan
from shared.application.wording.formats import base, percent

COLUMNS = 160
COLOURS = 8
PAIRS_SHOWN = 60
LEVELS = 5
SPANS = 1000  # of time, in which halts are marked


def stacked(caption: str, summary: str, days_ns: Sequence[int], parts: Mapping[str, Sequence[float]]) -> Markup:
    """Shares of NAV, one area on the other, the largest at the bottom. parts: by name, one value a day."""
    ordered = sorted(parts, key=lambda name: (-sum(parts[name]), name))
    shown, others = ordered[: COLOURS - 1], ordered[COLOURS - 1 :]
    columns = {name: means(parts[name], COLUMNS) for name in shown}
    if others:
        columns["others"] = means([sum(each) for each in zip(*(parts[name] for name in others), strict=True)], COLUMNS)
    count = min(len(days_ns), COLUMNS)
    top = max((sum(values) for values in zip(*columns.values(), strict=True)), default=0.0)
    if count < 2 or top <= 0.0:
        return figure(tag("p", "Nothing was held for long enough to draw it.", class_="none"), caption=caption)
    ground, areas, keys = [0.0] * count, [], []
    for number, (name, values) in enumerate(columns.items(), 1):
        upper = [below + value for below, value in zip(ground, values, strict=True)]
        areas.append(tag("path", d=_area(ground, upper, top), class_=f"c{number}"))
        keys.append(tag("li", tag("i", class_=f"key c{number}"), f"{name} ", tag("b", percent(_mean(values), 1))))
        ground = upper
    ticks = steps(0.0, top)
    grid = tag("path", d="".join(f"M0 {round((top - value) * HIGH / top)}h{WIDE}" for value in ticks), class_="grid")
    labels = [
        tag("span", text, style=f"top:{(top - value) * 100 / top:.1f}%")
        for value, text in zip(ticks, fractions(ticks), strict=True)
    ]
    body = tag(
        "div",
        tag("div", *labels, class_="ys", aria_hidden="true"),
        _svg(WIDE, HIGH, summary, *areas, grid),
        date_axis(days_ns[0], days_ns[-1]),
        class_="plot",
        style="--h:200px",
    )
    return figure(body, tag("ul", *keys, class_="keys"), caption=caption)


def heat_map(
    caption: str, summary: str, days_ns: Sequence[int], pairs: Mapping[str, Sequence[float]], cap: float
) -> Markup:
    """Shares of NAV by pair and time, in shades: the most of each strip. What is over the cap has a mark of its own."""
    held = sorted((name for name in pairs if any(pairs[name])), key=lambda name: (-sum(pairs[name]), name))[
        :PAIRS_SHOWN
    ]
    count = min(len(days_ns), COLUMNS)
    if count < 2 or not held:
        return figure(tag("p", "Nothing was held for long enough to draw it.", class_="none"), caption=caption)
    paths: dict[int, list[str]] = {level: [] for level in range(1, LEVELS + 2)}
    for row, name in enumerate(held):
        levels = [_level(value, cap) for value in highest(pairs[name], COLUMNS)]
        begin = 0
        for column in range(1, count + 1):
            if column == count or levels[column] != levels[begin]:
                if levels[begin]:
                    paths[levels[begin]].append(f"M{begin} {row * 10 + 1}h{column - begin}v8h-{column - begin}z")
                begin = column
    shades = [tag("path", d="".join(path), class_=f"s{level}") for level, path in paths.items() if path]
    labels = [
        tag("span", base(name), style=f"top:{(row + 0.5) * 100 / len(held):.2f}%") for row, name in enumerate(held)
    ]
    body = tag(
        "div",
        tag("div", *labels, class_="ys", aria_hidden="true"),
        _svg(count, 10 * len(held), summary, *shades),
        date_axis(days_ns[0], days_ns[-1]),
        class_="plot rows",
        style=f"--h:{15 * len(held)}px",
    )
    parts = [percent(cap * level / LEVELS, 0 if (100 * cap) % LEVELS == 0 else 1) for level in range(1, LEVELS + 1)]
    keys = [tag("li", tag("i", class_=f"key s{level}"), f"up to {text}") for level, text in enumerate(parts, 1)]
    keys.append(tag("li", tag("i", class_=f"key s{LEVELS + 1}"), "over its cap"))
    return figure(body, tag("ul", *keys, class_="keys"), caption=caption)


def halts_in_time(caption: str, summary: str, begin_ns: int, end_ns: int, halts: Sequence[HaltSpan]) -> Markup:
    """A lane for each trigger: halts of the portfolio are high and dark, those of a pair low."""
    triggers = sorted({halt.trigger for halt in halts})
    if not triggers or end_ns <= begin_ns:
        return Markup()
    lanes: dict[tuple[str, bool], list[tuple[int, int]]] = {}
    for halt in halts:
        lanes.setdefault((halt.trigger, bool(halt.symbol)), []).append((halt.begin_ns, halt.end_ns or end_ns))
    paths: dict[bool, list[str]] = {True: [], False: []}
    for (trigger, single), spans in lanes.items():
        top, height = (7, 6) if single else (2, 16)
        for first, last in merged(spans, begin_ns, end_ns, SPANS):
            shape = f"M{first} {triggers.index(trigger) * 20 + top}h{last - first}v{height}h-{last - first}z"
            paths[single].append(shape)
    shapes = [tag("path", d="".join(paths[single]), class_=name) for single, name in ((True, "pair"), (False, "whole"))]
    labels = [
        tag("span", trigger, style=f"top:{(row + 0.5) * 100 / len(triggers):.2f}%")
        for row, trigger in enumerate(triggers)
    ]
    body = tag(
        "div",
        tag("div", *labels, class_="ys", aria_hidden="true"),
        _svg(SPANS, 20 * len(triggers), summary, *shapes),
        date_axis(begin_ns, end_ns),
        class_="plot rows lanes",
        style=f"--h:{26 * len(triggers)}px",
    )
    keys = (("whole", "the whole portfolio"), ("pair", "one pair"))
    return figure(
        body,
        tag("ul", *(tag("li", tag("i", class_=f"key {name}"), text) for name, text in keys), class_="keys"),
        caption=caption,
    )


def _svg(wide: int, high: int, summary: str, *shapes: Markup) -> Markup:
    return tag("svg", *shapes, viewBox=f"0 0 {wide} {high}", preserveAspectRatio="none", role="img", aria_label=summary)


def _area(lower: Sequence[float], upper: Sequence[float], top: float) -> str:
    last = len(lower) - 1
    there = [f"{column * WIDE // last} {round((top - value) * HIGH / top)}" for column, value in enumerate(upper)]
    back = [f"{column * WIDE // last} {round((top - value) * HIGH / top)}" for column, value in enumerate(lower)]
    return f"M{'L'.join([*there, *reversed(back)])}z"


def _level(value: float, cap: float) -> int:
    if value <= 0.0:
        return 0
    return LEVELS + 1 if value > cap else min(LEVELS, 1 + int(value * LEVELS / cap))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
