"""A figure over two settings that were drawn at random, as SVG: a dot for each run, coloured as a heat map's cells."""

import math
from collections.abc import Callable, Iterable

from services.backtest.report.page.markup import escaped
from services.backtest.sweep.heat_map import shade
from services.backtest.sweep.result import Sweep, Tried
from services.backtest.sweep.table import figure_of

WIDTH, HEIGHT, LEFT, TOP, MARGIN = 560, 380, 70, 30, 24
RADIUS = 9


def dots(sweep: Sweep) -> str:
    """Empty where not two settings were tried, or one of them is no number."""
    if len(sweep.setup.tried) != 2:
        return ""
    across, down = sweep.setup.tried
    try:
        points = [(float(row.changes[across.key]), float(row.changes[down.key])) for row in sweep.rows]
    except ValueError:
        return ""
    figures = [figure_of(row, sweep.setup.by) for row in sweep.rows]
    most = max((abs(each) for each in figures if each is not None), default=0.0)
    place_x = _placed(across, [x for x, _ in points], LEFT + MARGIN, WIDTH - MARGIN)
    place_y = _placed(down, [y for _, y in points], HEIGHT - MARGIN, TOP + MARGIN)
    parts = [
        f'<svg viewBox="0 0 {WIDTH + 2} {HEIGHT + 44}" width="{WIDTH + 2}" role="img">',
        f'<rect class="none" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT}" height="{HEIGHT - TOP}" rx="4"/>',
        f'<text x="{(LEFT + WIDTH) / 2:g}" y="{HEIGHT + 38}" class="axis">{escaped(across.key)}</text>',
        f'<text x="0" y="{TOP - 12}" class="axis start">{escaped(down.key)}</text>',
    ]
    parts += [
        f'<text x="{place_x(value):.1f}" y="{HEIGHT + 18}" class="tick">{value:.3g}</text>'
        for value in _ends(x for x, _ in points)
    ]
    parts += [
        f'<text x="{LEFT - 10}" y="{place_y(value) + 5:.1f}" class="tick end">{value:.3g}</text>'
        for value in _ends(y for _, y in points)
    ]
    for row, (x, y), figure in reversed(list(zip(sweep.rows, points, figures, strict=True))):  # the best on top
        mark = " best" if row.rank == 1 else ""
        told = "no figure" if figure is None else f"{figure:.2f}"
        title = f"<title>{escaped(', '.join(f'{key} = {value}' for key, value in row.changes.items()))}: {told}</title>"
        where = f'cx="{place_x(x):.1f}" cy="{place_y(y):.1f}" r="{RADIUS}"'
        parts.append(f'<circle {where} class="{shade(figure, most)}{mark}">{title}</circle>')
    return "".join([*parts, "</svg>"])


def _ends(values: Iterable[float]) -> tuple[float, float]:
    listed = list(values)
    return min(listed), max(listed)


def _placed(tried: Tried, values: list[float], first: float, last: float) -> Callable[[float], float]:
    """Where a value stands between two ends of the picture; on a log scale where it was drawn so."""
    scale: Callable[[float], float] = math.log if tried.about.endswith("log") else float
    low, high = (scale(end) for end in _ends(values))
    return lambda value: first + (last - first) * ((scale(value) - low) / (high - low) if high > low else 0.5)
