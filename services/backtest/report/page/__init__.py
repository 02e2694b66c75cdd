"""The report as one page that needs nothing else: no network, no scripts but for the live charts and for sorting.

``page_of`` puts the sections together; ``markup.py`` escapes whatever comes from outside; ``plot.py`` and
``pictures.py`` draw; ``assets/`` has the style sheet, the script, and uPlot with its licence.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services.backtest.report.page.markup import Markup, joined, tag
from services.backtest.report.page.plot import Plot, drawn, for_script
from services.backtest.report.page.sections import coverage, head, over_time, result, risk, trades
from services.backtest.report.words import span, title
from services.backtest.result import Backtest
from services.backtest.statistics import Figures
from shared.adapters.plain_amounts import json_bytes

ASSETS = Path(__file__).with_name("assets")
# Nothing is fetched from anywhere, whatever the page holds.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"

Section = Callable[[Backtest, Figures], Markup]
# Name, title in full, title in the contents, what it says.
SECTIONS: tuple[tuple[str, str, str, Section], ...] = (
    ("made", "How it was made", "Setup", head.setup),
    ("plan", "The plan's scorecard", "Scorecard", result.scorecard),
    ("band", "The same run with one thing otherwise", "Band", result.band),
    ("equity", "Equity and drawdown", "Equity", over_time.performance),
    ("heat", "Heat against its limit", "Heat", lambda _backtest, _figures: Markup()),
    ("use", "In use, against the plan", "Use", risk.phases),
    ("exposure", "Exposure", "Exposure", risk.exposure),
    ("verdicts", "Verdicts, and what rules kept out", "Verdicts", risk.verdicts),
    ("halts", "Halts, and what they saved or cost", "Halts", risk.halts),
    ("stops", "Stops", "Stops", risk.stops),
    ("costs", "From gross to net", "Costs", result.costs),
    ("trading", "Trades in figures", "Trades", trades.trade_figures),
    ("groups", "Where it came from", "Groups", trades.groups),
    ("trades", "Trade by trade", "Trade by trade", trades.trades),
    ("months", "Month by month", "Months", over_time.months),
    ("drawdowns", "Deepest drawdowns", "Drawdowns", over_time.drawdowns),
    ("crises", "Crises", "Crises", over_time.crises),
    ("coverage", "Coverage and survivorship", "Coverage", coverage.coverage),
)


def page_of(backtest: Backtest, figures: Figures) -> str:
    """The whole page. The same backtest gives the same bytes."""
    plots = {
        "equity": over_time.equity_plots(backtest, figures),
        "heat": (risk.heat_plot(backtest, figures),),
        "use": (risk.utilisation_plot(backtest, figures),),
    }
    body = [_section(each, plots, backtest, figures) for each in SECTIONS]
    live = {plot.identity: for_script(plot) for group in plots.values() for plot in group if plot.drawable}
    run = backtest.run
    name = f"{title(run, figures)}, {span(run)}"
    contents = tag("nav", *(tag("a", short, href=f"#{key}") for key, _, short, _ in SECTIONS), aria_label="Contents")
    parts = (
        Markup("<!doctype html>\n<html lang=en>\n"),
        _head(f"{name} - heatsink"),
        tag("body", head.header(backtest, figures), contents, tag("main", *body), _footer(), *_scripts(live)),
        Markup("\n</html>\n"),
    )
    return str(joined(parts))


def _section(
    section: tuple[str, str, str, Section], plots: Mapping[str, Sequence[Plot]], backtest: Backtest, figures: Figures
) -> Markup:
    key, name, _, words = section
    drawings = [drawn(plot) for plot in plots.get(key, ())]
    return tag("section", tag("h2", name), *drawings, words(backtest, figures), id=key)


def _head(name: str) -> Markup:
    style = (ASSETS / "uplot" / "uPlot.min.css").read_text("utf-8") + (ASSETS / "page.css").read_text("utf-8")
    metas = (
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
    )
    return tag("head", *metas, tag("title", name), Markup(f"<style>{style}</style>"))


def _footer() -> Markup:
    said = (
        "What a strategy made of the past says little of what it will make. Times are UTC, amounts USDT. "
        "report.json and the CSV files beside this page have every figure and every row. Charts: uPlot, MIT licence."
    )
    return tag("footer", tag("p", said))


def _scripts(live: dict[str, dict[str, object]]) -> tuple[Markup, ...]:
    """Data as JSON, in which nothing can end the element that holds it; then uPlot and our own."""
    data = json_bytes(live).decode()
    for character in "<>&\u2028\u2029":
        data = data.replace(character, f"\\u{ord(character):04x}")
    licence = (ASSETS / "uplot" / "LICENSE").read_text("utf-8").strip()
    uplot, own = (ASSETS / "uplot" / "uPlot.iife.min.js").read_text("utf-8"), (ASSETS / "page.js").read_text("utf-8")
    return (
        Markup(f'<script type="application/json" id="data">{data}</script>'),
        Markup(f"<script>/*!\n{licence}\n*/\n{uplot}</script>"),
        Markup(f"<script>{own}</script>"),
    )
