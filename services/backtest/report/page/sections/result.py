"""What it came to: against the plan, with one thing otherwise, and from gross to net."""

from services.backtest.report.page.bars import Dot, dots, waterfall
from services.backtest.report.page.markup import Column, Markup, joined, numbers, table, tag, texts
from services.backtest.report.words import FILL_NAMES, cents, fraction, variant_cells
from services.backtest.result import Backtest, Variant
from services.backtest.statistics import Figures, variant_of
from shared.application.wording.formats import percent, usd


def scorecard(_: Backtest, figures: Figures) -> Markup:
    """Each line of the plan, what was measured, and whether it was met."""
    rows = [
        (
            line.name,
            line.goal,
            line.measured,
            tag("em", line.outcome, class_=line.outcome.replace(" ", "-")),
            fraction(line.share, 0),
            line.note,
        )
        for line in figures.scorecard
    ]
    columns = (
        *texts("What the plan watches", "Goal", "Measured", "Met"),
        Column("Share of the time", "number"),
        Column("To know"),
    )
    return table(
        "Shares of the time are by hours; for pairs, sectors and the loss of a day by days.", columns, rows, stack=True
    )


def band(backtest: Backtest, _: Figures) -> Markup:
    """The same run with one thing otherwise."""
    own = variant_of("this run", backtest.run)
    variants = (own, *backtest.variants)
    if not backtest.variants:
        return tag(
            "p", "No variant was run: how much the result hangs on these assumptions is not known.", class_="note"
        )
    returns = [Dot(each.name, each.total_return, own=each is own) for each in variants]
    falls = [Dot(each.name, -each.max_drawdown, own=each is own) for each in variants]
    worst, best = min(dot.value for dot in returns), max(dot.value for dot in returns)
    between = f"{percent(worst, signed=True)} and {percent(best, signed=True)}"
    said = f"With one thing otherwise the run returns between {between}."
    pictures = tag("div", dots("Return", returns), dots("Drawdown, at most", falls), class_="two")
    return joined((tag("p", said, class_="lede"), pictures, _variants(variants)))


def _variants(variants: tuple[Variant, ...]) -> Markup:
    rows = [
        (
            each.name,
            each.market,
            FILL_NAMES[each.fill],
            f"{each.cost_factor:g} x",
            usd(each.nav_end),
            *variant_cells(each),
        )
        for each in variants
    ]
    columns = (
        *texts("Variant", "Market", "Filled"),
        *numbers("Costs", "NAV at the end", "Return", "Sharpe", "Drawdown", "Heat", "Trades", "Stops", "Halts"),
    )
    return table("The run and its variants.", columns, rows)


def costs(_: Backtest, figures: Figures) -> Markup:
    """From gross to net, and whether it is the change of NAV."""
    of = figures.waterfall
    picture = waterfall(
        (
            ("Gross", of.gross, True),
            ("Fees", -of.fees, False),
            ("Spread", -of.spread, False),
            ("Slippage", -of.slippage, False),
            ("Net", of.net, True),
        )
    )
    if of.reconciles:
        said = f"Net is the change of NAV, {cents(of.change)}, to the cent."
        return joined((picture, tag("p", said, class_="note")))
    said = f"Net is {cents(of.net)} and NAV changed by {cents(of.change)}: {cents(of.difference)} are not explained."
    return joined((picture, tag("p", said, class_="note bad")))
