"""All of the validation: sources in, a report out."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from services.backtest.slippage.fills import Fills
from services.backtest.slippage.fitting import WANTED, fit_class
from services.backtest.slippage.groups import LIQUID_FROM_USDT, MID_FROM_USDT, STRESS
from services.backtest.slippage.judging import Judged, judged, pooled, rows_of
from services.backtest.slippage.notes import notes_of
from services.backtest.slippage.observations import SIZES_USDT, Figures, Observation, of_book, of_depth
from services.backtest.slippage.results import Fit, SlippageReport, Source
from services.backtest.slippage.series import PairSeries
from shared.adapters.books.bookdepth import is_bookdepth, read_bookdepth
from shared.adapters.books.errors import BooksError
from shared.adapters.books.recorded import RecordedBooks, is_recording
from shared.adapters.whole_files import hash_of
from shared.domain.plan import Costs

CLASSES = ("liquid", "mid", "thin")
BOOKDEPTH = "binance bookDepth"
FiguresAt = Callable[[str, int], Figures]


class BookSource(NamedTuple):
    """Where samples come from. about: whose market it is."""

    name: str
    about: str
    digest: str
    observations: Iterator[Observation]


def open_source(path: Path, figures_at: FiguresAt | None = None) -> BookSource:
    """A folder of recorded books, or a file of bookDepth. Raises ``BooksError``.

    figures_at: ADV and sigma_day of a pair at a time, for sources that do not know them.
    """
    if is_recording(path):
        books = RecordedBooks(path)
        return BookSource(path.name, books.source, books.digest(), map(of_book, books.heard_between()))
    if is_bookdepth(path):
        if figures_at is None:
            remedy = "name a file of daily bars with --daily"
            raise BooksError(f"{path}: bookDepth does not say what a pair trades in a day; {remedy}")
        samples = (of_depth(depth, figures_at(depth.symbol, depth.time_ns)) for depth in read_bookdepth(path))
        return BookSource(path.name, BOOKDEPTH, hash_of(path), samples)
    what = "there is nothing" if not path.exists() else "neither a folder of recorded books nor a file of bookDepth"
    raise BooksError(f"{path}: {what}; heatsink data record-books records books")


def validate(
    sources: Sequence[BookSource], costs: Costs, fills: Fills | None = None, *, wanted: float = WANTED
) -> SlippageReport:
    """Compare. Every observation is read once; what is kept of it is some 100 bytes."""
    read = [(source, _series_of(source)) for source in sources]
    everything = [series for _, found in read for series in found]
    pairs = sorted((judged(series, SIZES_USDT) for series in everything if series.times_ns), key=_by_liquidity)
    by_class = {name: [pair for pair in pairs if pair.liquidity == name] for name in CLASSES}
    together = {name: pooled(found) for name, found in by_class.items() if found}
    fits = [fit_class(name, len(by_class[name]), found, costs, wanted) for name, found in together.items()]
    report = SlippageReport(
        half_spread=costs.half_spread,
        factor=costs.slippage_factor,
        sizes_usdt=SIZES_USDT,
        liquid_from_usdt=LIQUID_FROM_USDT,
        mid_from_usdt=MID_FROM_USDT,
        stress=STRESS,
        sources=tuple(_told(*each) for each in read),
        refused=tuple(chain.from_iterable(series.refused() for series in everything)),
        pairs=tuple(row for pair in pairs for row in rows_of(pair.symbol, pair.liquidity, pair.costs, costs)),
        classes=tuple(row for name, found in together.items() for row in rows_of(f"all {name}", name, found, costs)),
        fits=tuple(fit for fit in fits if isinstance(fit, Fit)),
        fills=fills.rows(costs) if fills else (),
        fills_unmatched=dict(fills.unmatched) if fills else {},
        notes=(),
    )
    return notes_of(report)


def _series_of(source: BookSource) -> list[PairSeries]:
    """The samples of each pair, sifted; in the order of pairs."""
    found: dict[str, PairSeries] = {}
    for one in source.observations:
        if one.symbol not in found:
            found[one.symbol] = PairSeries(one.symbol, source.name, len(SIZES_USDT))
        found[one.symbol].add(one)
    for series in found.values():
        series.sift()
    return [found[symbol] for symbol in sorted(found)]


def _by_liquidity(pair: Judged) -> tuple[int, str]:
    return CLASSES.index(pair.liquidity), pair.symbol


def _told(source: BookSource, found: Iterable[PairSeries]) -> Source:
    series = list(found)
    return Source(
        name=source.name,
        about=source.about,
        digest=source.digest,
        samples=sum(each.seen for each in series),
        kept=sum(len(each.times_ns) for each in series),
        pairs=len(series),
        first_ns=int(min((each.first_ns for each in series), default=0)),
        last_ns=int(max((each.last_ns for each in series), default=0)),
    )
