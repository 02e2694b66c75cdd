"""What stands first: what came of it, how orders were filled, and what was taken for granted."""

from services.backtest.report.page.markup import Markup, joined, tag
from services.backtest.report.words import (
    BOOKS,
    FILLS,
    MARKETS,
    fraction,
    ratio,
    span,
    title,
    verdict,
)
from services.backtest.result import Backtest, RunSetup
from services.backtest.statistics import Figures
from shared.application.wording.formats import percent


def header(backtest: Backtest, figures: Figures) -> Markup:
    """The result in a line, in a sentence and in five figures, each with what gives it meaning."""
    run = backtest.run
    kicker = f"Backtest, {span(run)}"
    return tag(
        "header",
        tag("p", f"heatsink {run.setup.heatsink}", class_="brand"),
        tag("p", kicker, class_="kicker"),
        tag("h1", title(run, figures)),
        tag("p", verdict(run, figures), class_="lede"),
        tag("dl", *_key_figures(backtest, figures), class_="figures"),
    )


def _key_figures(backtest: Backtest, figures: Figures) -> list[Markup]:
    of, used, goals = figures.performance, figures.usage, backtest.run.setup.goals
    sure = f"95 % of cases: {ratio(of.sharpe_low)} to {ratio(of.sharpe_high)}"
    band = f"plan: {percent(goals.utilisation_low, 0)} to {percent(goals.utilisation_high, 0)}"
    limit = max(backtest.run.curve.heat_limit, default=goals.heat)
    return [
        _figure("Return", fraction(of.total_return, signed=True), f"{fraction(of.cagr, signed=True)} a year"),
        _figure("Sharpe ratio", ratio(of.sharpe), sure if of.sharpe_low is not None else "too short to tell"),
        _figure("Drawdown, at most", percent(of.max_drawdown), f"{percent(goals.drawdown, 0)} stops new risk"),
        _figure("Heat, at most", percent(used.max_heat), f"limit {percent(limit, 0)}"),
        _figure("In use, on average", percent(used.mean_utilisation, 1), band),
    ]


def _figure(name: str, value: str, meaning: str) -> Markup:
    return tag("div", tag("dt", name), tag("dd", value, tag("small", meaning)))


def setup(backtest: Backtest, _: Figures) -> Markup:
    """How it was made: what a reader has to know before a figure is believed."""
    of = backtest.run.setup
    facts = tag("dl", *(tag("div", tag("dt", name), tag("dd", text)) for name, text in _facts(of)), class_="facts")
    digests = tag("dl", *_digests(backtest), class_="digests")
    return joined(
        (
            facts,
            tag(
                "div",
                _words("Taken for granted", of.assumptions),
                _words("Rules that could not act", of.rules_off),
                class_="two",
            ),
            tag("h3", "The same bytes again"),
            tag("pre", of.command, tabindex="0"),
            digests,
        )
    )


def _facts(of: RunSetup) -> list[tuple[str, str]]:
    hours = of.resume_after_hours
    return [
        ("Orders at the market fill", FILLS[of.fill]),
        ("Market", MARKETS[of.market]),
        ("Order books", BOOKS[of.books]),
        ("Costs", f"{of.cost_factor:g} x fees, spread and slippage"),
        ("Bars of the market", of.bars),
        ("Strategies", ", ".join(of.strategies) or "none"),
        ("Phases follow", "their dates" if of.phases == "by_date" else "what the portfolio has shown"),
        ("The operator resumes", "never" if hours is None else f"{hours:g} h after a halt that waits for one"),
    ]


def _words(name: str, lines: tuple[str, ...]) -> Markup:
    items = [tag("li", line) for line in lines] or [tag("li", "none", class_="none")]
    return tag("div", tag("h3", name), tag("ul", *items))


def _digests(backtest: Backtest) -> list[Markup]:
    of = backtest.run.setup.digests
    named = (("data", of.data), ("configuration", of.config), ("code", of.code), ("result", backtest.digest))
    return [tag("div", tag("dt", name), tag("dd", tag("code", digest))) for name, digest in named]
