"""The whole comparison: books in, a report out, and what it does not show said in sentences."""

from itertools import chain, pairwise
from math import sqrt
from pathlib import Path

import pytest
from msgspec import structs

from services.backtest.slippage.figures import FiguresOfDays
from services.backtest.slippage.judging import MOST_JUDGED, judged
from services.backtest.slippage.observations import SIZES_USDT, Observation
from services.backtest.slippage.results import SlippageReport
from services.backtest.slippage.series import PairSeries
from services.backtest.slippage.validate import BOOKDEPTH, BookSource, open_source, validate
from shared.adapters.books.errors import BooksError
from shared.adapters.books.files import HeardBook
from shared.adapters.books.recorder import BookRecorder
from shared.adapters.klines.columns import RecordingError
from shared.domain.plan import Costs, SizingPlan
from shared.domain.timeframes import DAY_NS, MINUTE_NS
from tests.samples import T0, book

COSTS = Costs()
SIGMA = 0.04


def observations(
    symbol: str, adv_usdt: float, *, factor: float = 0.5, count: int = 300, jump: float = 0.0
) -> list[Observation]:
    """Books that the law made, with a factor of their own; with ``jump`` the price leaps halfway."""
    return [
        Observation(
            symbol,
            T0 + minute * MINUTE_NS,
            100.0 * (1.0 + jump if minute >= count // 2 else 1.0),
            tuple(COSTS.half_spread + factor * SIGMA * sqrt(size / adv_usdt) for size in SIZES_USDT),
            adv_usdt,
            SIGMA,
            {"bids": minute},
        )
        for minute in range(count)
    ]


def report(*parts: list[Observation], about: str = "binance") -> SlippageReport:
    return validate([BookSource("a test", about, "0" * 64, chain.from_iterable(parts))], COSTS)


# --- the comparison ---------------------------------------------------------------------------------------------------


def test_a_model_that_asks_twice_what_books_cost_is_never_too_cheap_and_its_factor_is_halved() -> None:
    found = report(observations("BTC/USDT", 1e9), observations("GMX/USDT", 5e6))
    assert [(row.group, row.too_cheap) for row in found.pairs if row.moments == "all"] == [
        (symbol, 0.0) for symbol in ("BTC/USDT", "GMX/USDT") for _ in SIZES_USDT
    ]
    assert {fit.liquidity: fit.fitted for fit in found.fits} == {
        "liquid": pytest.approx(0.5), "thin": pytest.approx(0.5)
    }  # fmt: skip
    assert all(fit.over_after_bp == pytest.approx(0.0, abs=0.01) for fit in found.fits)


def test_a_model_that_asks_too_little_is_too_cheap_in_every_sample_of_every_size() -> None:
    found = report(observations("BTC/USDT", 1e9, factor=2.0))
    assert {row.too_cheap for row in found.classes} == {1.0}
    [row] = [row for row in found.pairs if row.size_usdt == 100_000.0 and row.moments == "all"]
    lacking_bp = -SIGMA * sqrt(100_000.0 / 1e9) * 1e4
    assert row.p50_bp == row.p99_bp == pytest.approx(lacking_bp, abs=1e-3)
    assert row.walked_p50_bp is not None
    assert row.model_p50_bp == pytest.approx(row.walked_p50_bp + lacking_bp, abs=1e-3)


def test_calm_and_stress_stand_apart_and_add_up() -> None:
    found = report(observations("BTC/USDT", 1e9, jump=0.05))
    counts = {row.moments: row.samples for row in found.pairs if row.size_usdt == 1_000.0}
    assert counts == {"all": 300, "calm": 240, "stress": 60}


def test_books_that_are_too_thin_count_as_dearer_than_the_model() -> None:
    thin = [structs.replace(each, walked=(0.0, 0.0, 0.0, float("inf"))) for each in observations("BTC/USDT", 1e9)]
    found = report(thin)
    [row] = [row for row in found.pairs if row.size_usdt == 100_000.0 and row.moments == "all"]
    assert (row.too_cheap, row.too_thin, row.walked_p50_bp, row.p50_bp) == (1.0, 1.0, None, None)
    assert found.fits[0].fitted is None


def test_of_very_many_samples_some_are_judged_evenly_over_the_time() -> None:
    series = PairSeries("BTC/USDT", "a test", len(SIZES_USDT))
    for each in observations("BTC/USDT", 1e9, count=2 * MOST_JUDGED + 1):
        series.add(each)
    costs = judged(series, SIZES_USDT).costs[1_000.0]
    assert MOST_JUDGED // 2 < len(costs) <= MOST_JUDGED
    assert {later.time_ns - earlier.time_ns for earlier, later in pairwise(costs)} == {3 * MINUTE_NS}


def test_the_same_samples_give_the_same_report() -> None:
    parts = observations("BTC/USDT", 1e9), observations("ETH/USDT", 9e8, jump=0.1)
    assert report(*parts) == report(*parts)


# --- what is not shown ------------------------------------------------------------------------------------------------


def test_classes_and_moments_without_samples_are_said_to_prove_nothing() -> None:
    notes = " ".join(report(observations("BTC/USDT", 1e9)).notes)
    assert "No sample of a mid-sized pair: nothing is shown for this class." in notes
    assert "No sample of a thin pair: nothing is shown for this class." in notes
    assert "No moment of stress in the samples of liquid pairs: nothing is shown for stress." in notes
    assert "Y of liquid pairs was fitted on calm moments alone." in notes


def test_simulated_books_and_buckets_are_not_taken_for_a_market() -> None:
    part = observations("BTC/USDT", 1e9)
    assert "nothing of a real market" in report(part, about="sim 12ab").notes[0]
    assert "is not measured" in report(part, about=BOOKDEPTH).notes[0]
    assert not any("simulated" in note for note in report(part).notes)


def test_the_share_that_was_refused_is_said() -> None:
    stuck = [
        structs.replace(each, prints={"bids": max(each.prints["bids"], 75)}) for each in observations("BTC/USDT", 1e9)
    ]
    found = report(stuck)
    assert found.sources[0].kept == 224
    assert "a test: 25% of the samples were refused, so that what happened then is not judged." in found.notes


# --- sources ----------------------------------------------------------------------------------------------------------


def test_a_folder_of_recorded_books_is_a_source(tmp_path: Path) -> None:
    with BookRecorder(tmp_path, "binance") as recorder:
        for minute in range(3):
            time_ns = T0 + minute * MINUTE_NS
            asks = ((20_501.0, 100.0 + minute),)
            recorder.take(HeardBook(book=book(time_ns=time_ns, asks=asks), adv_usdt=1e9, sigma_day=0.03))
    found = validate([open_source(tmp_path)], COSTS)
    assert (found.sources[0].about, found.sources[0].samples, found.sources[0].kept) == ("binance", 3, 3)
    assert found.pairs[0].too_thin == 0.0


def test_the_day_of_the_crash_proves_nothing_about_the_crash(data_dir: Path) -> None:
    figures = FiguresOfDays(data_dir / "daily.parquet", SizingPlan())
    found = validate([open_source(data_dir / "bookdepth_um_futures_BTCUSDT_2025-10-10.parquet", figures.at)], COSTS)
    assert {row.liquidity for row in found.pairs} == {"liquid"}
    assert {row.too_cheap for row in found.pairs} == {0.0}
    last_kept_ns = 1_760_110_206_000_000_000  # 15:30:06 UTC; the crash came at 21:15
    assert min(each.first_ns for each in found.refused) > last_kept_ns
    assert any("35% of the samples were refused" in note for note in found.notes)
    assert found.fits[0].fitted == 0.0


def test_daily_figures_are_those_of_the_days_that_had_closed_and_none_when_they_are_old(data_dir: Path) -> None:
    figures = FiguresOfDays(data_dir / "daily.parquet", SizingPlan())
    start_ns = 1_760_054_400_000_000_000  # 2025-10-10
    adv, sigma = figures.at("BTC/USDT", start_ns)
    assert adv is not None
    assert sigma is not None
    assert 1e9 < adv < 5e9
    assert 0.005 < sigma < 0.05
    assert figures.at("BTC/USDT", start_ns + DAY_NS - 1_000_000_000) == (adv, sigma)
    assert figures.at("BTC/USDT", start_ns + DAY_NS) != (adv, sigma)
    assert figures.at("BTC/USDT", 0) == figures.at("BTC/USDT", 2_000_000_000_000_000_000) == (None, None)
    assert figures.at("NONE/USDT", start_ns) == (None, None)


def test_what_is_no_source_is_named_with_the_way_to_get_one(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(BooksError, match="there is nothing; heatsink data record-books records books"):
        open_source(tmp_path / "none")
    with pytest.raises(BooksError, match="neither a folder of recorded books nor a file of bookDepth"):
        open_source(tmp_path)
    depth = data_dir / "bookdepth_um_futures_BTCUSDT_2025-10-10.parquet"
    with pytest.raises(BooksError, match="name a file of daily bars with --daily"):
        open_source(depth)
    with pytest.raises(RecordingError, match="its bars are 1 hours long; daily ones are needed"):
        FiguresOfDays(data_dir / "hourly_um_futures.parquet", SizingPlan())


def test_a_spread_that_the_model_does_not_know_is_told_apart_from_a_law_that_asks_too_little() -> None:
    """Half a spread of 20 bp where the model takes 5: too cheap as a whole, and right beyond the touch."""
    wide = [
        structs.replace(each, touch=0.002, walked=tuple(0.002 + (cost - COSTS.half_spread) for cost in each.walked))
        for each in observations("GMX/USDT", 5e9, factor=1.0)
    ]
    [row] = [row for row in report(wide).classes if row.size_usdt == 1_000.0 and row.moments == "all"]
    assert (row.too_cheap, row.too_cheap_beyond, row.half_spread_p50_bp) == (1.0, 0.0, 20.0)
