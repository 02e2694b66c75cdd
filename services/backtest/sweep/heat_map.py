"""A figure over two settings of a grid, as SVG. Its colours are classes, which the page defines for light and dark.

Where more than two settings were tried, there is a map for each combination of the others.
"""

from itertools import product

from services.backtest.report.page.markup import escaped
from services.backtest.sweep.result import Sweep, Tried
from services.backtest.sweep.table import figure_of

CELL_WIDTH, CELL_HEIGHT, TOP = 84, 40, 52
LETTER = 7  # about as wide as one is
STEPS = 4  # shades of each side of zero
MOST_MAPS = 12


def heat_maps(sweep: Sweep) -> list[tuple[str, str]]:
    """Caption and SVG of each map; empty where fewer than two settings were tried."""
    if len(sweep.setup.tried) < 2:
        return []
    across, down, *others = sorted(sweep.setup.tried, key=lambda tried: -len(tried.values))
    figures = {tuple(sorted(row.changes.items())): figure_of(row, sweep.setup.by) for row in sweep.rows}
    most = max((abs(each) for each in figures.values() if each is not None), default=0.0)
    best = sweep.rows[0].changes if sweep.rows[0].rank else {}
    maps = []
    for values in list(product(*(tried.values for tried in others)))[:MOST_MAPS]:
        fixed = dict(zip((tried.key for tried in others), values, strict=True))
        cells = [
            [figures.get(tuple(sorted({**fixed, across.key: x, down.key: y}.items()))) for x in across.values]
            for y in down.values
        ]
        caption = ", ".join(f"{key} = {value}" for key, value in fixed.items())
        is_here = all(best.get(key) == value for key, value in fixed.items())
        maps.append((caption, _svg(across, down, cells, most, best if is_here else {})))
    return maps


def shade(value: float | None, most: float) -> str:
    """The class of a colour: its sign, and how far it is from zero."""
    if value is None:
        return "none"
    if most <= 0.0 or value == 0.0:
        return "zero"
    step = min(STEPS, 1 + int(abs(value) / most * STEPS))
    return f"{'up' if value > 0.0 else 'down'}{step}"


def _svg(across: Tried, down: Tried, cells: list[list[float | None]], most: float, best: dict[str, str]) -> str:
    left = 16 + LETTER * max(len(down.key), *(len(value) for value in down.values))
    width, height = left + CELL_WIDTH * len(across.values), TOP + CELL_HEIGHT * len(down.values)
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img">',
        f'<text x="{left + CELL_WIDTH * len(across.values) / 2:g}" y="16" class="axis">{escaped(across.key)}</text>',
        f'<text x="0" y="{TOP - 10}" class="axis start">{escaped(down.key)}</text>',
    ]
    for column, x in enumerate(across.values):
        middle = left + CELL_WIDTH * (column + 0.5)
        parts.append(f'<text x="{middle:g}" y="{TOP - 10}" class="tick">{escaped(x)}</text>')
    for line, (y, values) in enumerate(zip(down.values, cells, strict=True)):
        top = TOP + CELL_HEIGHT * line
        parts.append(f'<text x="{left - 10}" y="{top + 25}" class="tick end">{escaped(y)}</text>')
        for column, (x, value) in enumerate(zip(across.values, values, strict=True)):
            is_best = best.get(across.key) == x and best.get(down.key) == y
            parts.append(_cell(left + CELL_WIDTH * column, top, value, most, is_best=is_best))
    return "".join([*parts, "</svg>"])


def _cell(left: int, top: int, value: float | None, most: float, *, is_best: bool) -> str:
    name = shade(value, most)
    box = f'x="{left + 1}" y="{top + 1}" width="{CELL_WIDTH - 2}" height="{CELL_HEIGHT - 2}" rx="4"'
    text = "no figure" if value is None else f"{value:.2f}"
    mark = " best" if is_best else ""
    place = f'x="{left + CELL_WIDTH / 2:g}" y="{top + 25}"'
    return f'<rect {box} class="{name}{mark}"/><text {place} class="value {name}">{text}</text>'
