"""What the samples at hand do not show, said in sentences: a table of good figures is read as a proof."""

from collections.abc import Iterator

from msgspec.structs import replace

from services.backtest.slippage.results import SlippageReport

NAMES = {"liquid": "liquid", "mid": "mid-sized", "thin": "thin"}
BOOKDEPTH = "binance bookDepth"


def notes_of(report: SlippageReport) -> SlippageReport:
    """The report with its notes."""
    return replace(report, notes=tuple(_notes(report)))


def _notes(report: SlippageReport) -> Iterator[str]:
    abouts = {source.about for source in report.sources}
    if any(about.startswith("sim") for about in abouts):
        yield (
            "Books of a simulated exchange follow from its own assumptions: they show that the comparison works, and "
            "nothing of a real market."
        )
    if BOOKDEPTH in abouts:
        yield (
            "bookDepth knows nothing nearer than its first bucket, usually 1 % of the price: a bucket is taken as "
            "evenly filled, the spread as nothing. Orders of these sizes end far within the first bucket, so their "
            "cost follows from that assumption and is not measured."
        )
    for source in report.sources:
        if source.kept < source.samples:
            share = 1.0 - source.kept / source.samples
            yield f"{source.name}: {share:.0%} of the samples were refused, so that what happened then is not judged."
    if report.sources:
        yield from _on_classes(report)
        yield "A walked book is what stood there: it does not show orders that vanish when one trades against them."
    if report.fills:
        yield (
            "Fills on paper are priced by the model itself, from a touch of a little later: they show that the code "
            "does what it says, and nothing of a real market."
        )


def _on_classes(report: SlippageReport) -> Iterator[str]:
    for liquidity, name in NAMES.items():
        rows = [row for row in report.classes if row.liquidity == liquidity]
        if not rows:
            yield f"No sample of a {name} pair: nothing is shown for this class."
        elif not any(row.moments == "stress" for row in rows):
            yield f"No moment of stress in the samples of {name} pairs: nothing is shown for stress."
    for fit in report.fits:
        if not fit.stress_fitted:
            yield f"Y of {NAMES[fit.liquidity]} pairs was fitted on calm moments alone."
        if not fit.stress_judged:
            yield f"Y of {NAMES[fit.liquidity]} pairs was judged in calm moments alone."
