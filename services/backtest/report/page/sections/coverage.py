"""What the store had: who was listed when, and who did not live to the end."""

from services.backtest.report.page.markup import Markup, joined, numbers, table, tag, texts
from services.backtest.report.words import UNKNOWN, day
from services.backtest.result import Backtest, PairCoverage
from services.backtest.statistics import Figures
from shared.application.wording.formats import count

COVERAGE_BYTES = 120_000


def coverage(backtest: Backtest, _: Figures) -> Markup:
    """A line for each pair of the universe."""
    found = backtest.run.coverage
    listed, ended = sum(each.listed for each in found), sum(each.ended for each in found)
    never, later = (
        sum(not each.first_ns for each in found),
        sum(bool(each.first_ns) and not each.listed for each in found),
    )
    said = (
        f"Of {count(len(found), 'pair')} of the universe {listed:,} traded when the run began, {later:,} came later, "
        f"{ended:,} ended before it and were sold at their last price, and of {never:,} the store has nothing. "
        "The list is the configured one: a pair that nobody would choose today is not in it, and that flatters."
    )
    rows = [
        (
            each.symbol,
            each.sector,
            day(each.first_ns),
            f"{day(each.last_ns)}{', ended' if each.ended else ''}",
            day(each.tradable_ns) if each.tradable_ns else "never",
            _names(each),
            f"{each.bars:,}",
            f"{each.missing:,}",
        )
        for each in found
    ]
    columns = (
        *texts("Pair", "Sector", "First bar", "Last bar", "Tradable from", "In the store as"),
        *numbers("Bars", "Missing"),
    )
    caption = "What the store has of every pair, within the run."
    return joined((tag("p", said), table(caption, columns, rows, sortable=True, most_bytes=COVERAGE_BYTES)))


def _names(pair: PairCoverage) -> str:
    return ", ".join(pair.names) or UNKNOWN
