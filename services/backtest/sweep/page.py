"""A sweep as one page that stands alone: no network, no script, light and dark."""

from collections.abc import Iterable, Sequence

from services.backtest.report.page.markup import escaped
from services.backtest.sweep.dots import dots
from services.backtest.sweep.heat_map import heat_maps
from services.backtest.sweep.result import Fold, Sweep
from services.backtest.sweep.words import (
    FOLD_HEADINGS,
    about_luck,
    cells_of,
    fold_cells,
    heading_of,
    headings,
    stitched_words,
)

MOST_ROWS = 500  # the others are in rows.csv

STYLE = """
:root{color-scheme:light dark;--ink:#1c2430;--dim:#5d6878;--line:#d9dee6;--page:#fff;--mark:#1c2430;
--up1:#d8efe0;--up2:#a6dbb9;--up3:#5fb884;--up4:#23804c;--down1:#fbe0d8;--down2:#f3b5a3;--down3:#dd7a60;--down4:#b0412a;
--zero:#eceff3;--on-strong:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e4e9f0;--dim:#98a4b5;--line:#313a48;--page:#12171f;--mark:#fff;
--up1:#1d3829;--up2:#22553a;--up3:#2c7d52;--up4:#3fae75;--down1:#3d251f;--down2:#643227;--down3:#974531;--down4:#d0644a;
--zero:#252c37;--on-strong:#0c1016}}
body{margin:0 auto;padding:24px;max-width:1200px;background:var(--page);color:var(--ink)}
body{font:15px/1.5 system-ui,sans-serif}
h1{font-size:22px}h2{font-size:17px;margin-top:32px}p{max-width:75ch}.dim,caption,th{color:var(--dim)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th{font-weight:500;text-align:right;white-space:nowrap}td{text-align:right;border-top:1px solid var(--line)}
th,td{padding:5px 14px 5px 0;white-space:nowrap}td.text{text-align:left;border:0;padding-top:0;white-space:normal}
code{font:12px/1.45 ui-monospace,monospace;overflow-wrap:anywhere}td code{display:block;color:var(--dim)}
svg{max-width:100%;height:auto;display:block;margin:8px 0 20px}svg text{fill:var(--ink);font:13px system-ui,sans-serif}
.tick,.axis,.value{text-anchor:middle}.axis{fill:var(--dim)}svg .start{text-anchor:start}svg .end{text-anchor:end}
rect.none,circle.none{fill:none;stroke:var(--line)}text.none{fill:var(--dim)}rect.zero,circle.zero{fill:var(--zero)}
.best{stroke:var(--mark);stroke-width:2.5}circle{stroke:var(--page);stroke-width:1}text.up4,text.down4{fill:var(--on-strong)}
""" + "".join(
    f"rect.{side}{step},circle.{side}{step}{{fill:var(--{side}{step})}}"
    for side in ("up", "down")
    for step in (1, 2, 3, 4)
)

PAGE = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    "<title>{title}</title><style>{style}</style></head><body>{body}</body></html>\n"
)


def page_of(sweep: Sweep) -> str:
    """The whole page."""
    setup = sweep.setup
    tried = "".join(f"<li><code>{escaped(each.key)}</code>: {escaped(each.about)}</li>" for each in setup.tried)
    body = [
        f"<h1>{escaped(heading_of(setup))}</h1>",
        f"<ul>{tried}</ul>",
        f"<p>{escaped(about_luck(sweep))}</p>",
        _folds(sweep) if sweep.folds else "",
        *(_map(setup.by, caption, svg) for caption, svg in _pictures(sweep)),
        _rows(sweep),
        f'<p class="dim">Made by <code>{escaped(setup.command)}</code></p>',
    ]
    return PAGE.format(title=escaped(heading_of(setup)), style=STYLE, body="".join(body))


def _pictures(sweep: Sweep) -> list[tuple[str, str]]:
    """Caption and SVG of each."""
    if sweep.folds:
        return []
    if sweep.setup.seed is None:
        return heat_maps(sweep)
    return [("", svg)] if (svg := dots(sweep)) else []


def _map(by: str, caption: str, svg: str) -> str:
    return (
        f'<h2>{escaped(by.capitalize())}{escaped(f", {caption}" if caption else "")}</h2><div class="wide">{svg}</div>'
    )


def _rows(sweep: Sweep) -> str:
    rows, keys = sweep.rows[:MOST_ROWS], [tried.key for tried in sweep.setup.tried]
    rest = len(sweep.rows) - len(rows)
    note = f'<p class="dim">And {rest} more in rows.csv.</p>' if rest else ""
    lines = ((cells_of(sweep, row, keys), [row.reason, row.command]) for row in rows)
    title = "All samples" if sweep.folds else "All runs"
    return f"<h2>{title}, the best first</h2>{_table(headings(sweep, keys), lines)}{note}"


def _folds(sweep: Sweep) -> str:
    keys = [tried.key for tried in sweep.setup.tried]
    lines = ((fold_cells(fold, keys), _commands(fold)) for fold in sweep.folds)
    table = _table([*FOLD_HEADINGS[:1], *keys, *FOLD_HEADINGS[1:]], lines)
    return f"<h2>Forward</h2><p>{escaped(stitched_words(sweep))}</p>{table}"


def _commands(fold: Fold) -> list[str]:
    return [text for row in (fold.chosen, fold.out) if row is not None for text in (row.reason, row.command)]


def _table(names: Sequence[str], lines: Iterable[tuple[Sequence[str], Sequence[str]]]) -> str:
    """A table. lines: the cells of each, and what stands below them in a line of its own each."""
    head = "".join(f"<th>{escaped(name)}</th>" for name in names)
    body = "".join(_line(cells, below, len(names)) for cells, below in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _line(cells: Sequence[str], below: Sequence[str], width: int) -> str:
    own = "".join(f"<td>{escaped(text)}</td>" for text in cells)
    under = "".join(f"<code>{escaped(text)}</code>" for text in below if text)
    return f'<tr>{own}</tr><tr><td colspan="{width}" class="text">{under}</td></tr>'
