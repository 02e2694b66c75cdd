"""Samples that do not move as a market does are refused by name, and no others are."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from services.backtest.slippage.observations import Observation
from services.backtest.slippage.results import Refused
from services.backtest.slippage.series import PairSeries
from services.backtest.slippage.stuck import AMID_NS, BLOCK, LEAST_DISTINCT, REPEATS, amid, of_few_values, repeated
from services.backtest.slippage.validate import open_source
from shared.domain.timeframes import MINUTE_NS
from tests.examples import examples

MINUTES = list(range(0, 1_000 * MINUTE_NS, MINUTE_NS))


def one(minute: int, prints: dict[str, int] | None = None, **changes: object) -> Observation:
    fields: dict[str, object] = {
        "symbol": "BTC/USDT",
        "time_ns": minute * MINUTE_NS,
        "mid": 100.0,
        "walked": (0.001, 0.002, 0.003, 0.004),
        "adv_usdt": 1e9,
        "sigma_day": 0.03,
        "prints": prints or {"bids": minute, "asks": -minute},
    }
    return Observation(**(fields | changes))  # type: ignore[arg-type]


def sifted(*observations: Observation) -> tuple[PairSeries, dict[tuple[str, str], Refused]]:
    series = PairSeries("BTC/USDT", "a test", 4)
    for each in observations:
        series.add(each)
    series.sift()
    return series, {(each.kind, each.place): each for each in series.refused()}


# --- one value again and again ----------------------------------------------------------------------------------------


def test_a_value_that_comes_ten_times_is_stuck_and_nine_times_is_not() -> None:
    prints = [7] * REPEATS + [8] * (REPEATS - 1) + [1, 2, 3]
    assert repeated(prints, MINUTES[: len(prints)]) == [value == 7 for value in prints]


def test_a_value_that_comes_often_within_minutes_only_is_a_quiet_market() -> None:
    seconds = [number * 1_000_000_000 for number in range(20)]
    assert not any(repeated([7] * 20, seconds))


def test_a_value_that_comes_back_again_and_again_is_stuck_wherever_it_comes() -> None:
    prints = [7 if number % 5 == 0 else number for number in range(100, 200)]
    assert sum(repeated(prints, MINUTES[:100])) == 20


@examples(100)
@given(st.lists(st.integers(), min_size=1, max_size=300, unique=True))
def test_a_market_that_never_repeats_itself_is_never_stuck(prints: list[int]) -> None:
    assert not any(repeated(prints, MINUTES[: len(prints)]))
    assert not any(of_few_values(prints))


def test_a_block_of_few_different_values_is_stuck_at_just_under_the_least() -> None:
    assert all(of_few_values([number % (LEAST_DISTINCT - 1) for number in range(BLOCK)]))
    assert not any(of_few_values([number % LEAST_DISTINCT for number in range(BLOCK)]))


def test_what_lies_between_stuck_samples_is_not_believed_unless_they_are_far_apart() -> None:
    flags = [True, False, False, True, False, True, False]
    times = [0, 1, 2, 3, 4, 3 + AMID_NS + 1, 3 + AMID_NS + 2]
    assert amid(flags, times) == [False, True, True, False, False, False, False]
    times[5] -= 1
    assert amid(flags, times) == [False, True, True, False, True, False, False]


# --- a series ---------------------------------------------------------------------------------------------------------


def test_each_refused_sample_counts_once_by_kind_and_place_with_its_times() -> None:
    stuck = [one(minute, {"bids": 1_000, "asks": minute}) for minute in range(100, 112)]
    series, refused = sifted(*map(one, range(50)), *stuck, *map(one, range(200, 210)))
    assert list(refused) == [("repeated", "bids")]
    found = refused["repeated", "bids"]
    assert (found.samples, found.of) == (12, 72)
    assert (found.first_ns, found.last_ns) == (100 * MINUTE_NS, 111 * MINUTE_NS)
    assert found.note == "the most frequent value comes 12 times"
    assert len(series.times_ns) == len(series.mids) == len(series.walked[3]) == 60


def test_a_time_that_does_not_go_on_is_refused_also_when_it_is_the_same() -> None:
    series, refused = sifted(one(1), one(2), one(2), one(1), one(3))
    assert refused["time_back", ""].samples == 2
    assert list(series.times_ns) == [1 * MINUTE_NS, 2 * MINUTE_NS, 3 * MINUTE_NS]


def test_faults_of_a_book_and_missing_figures_are_named() -> None:
    odd = (
        one(2, fault="crossed"),
        one(3, adv_usdt=None),
        one(4, sigma_day=None),
        one(5, adv_usdt=0.0),
        one(6, mid=0.0),
    )
    series, refused = sifted(one(1), *odd)
    assert {kind: each.samples for (kind, _), each in refused.items()} == {"crossed": 1, "no_figures": 3, "no_price": 1}
    assert len(series.times_ns) == 1


def test_a_bucket_that_is_missing_at_times_does_not_shift_the_others() -> None:
    near = [one(minute, {"-1 %": 7, "+1 %": minute} if minute % 2 else {"+1 %": minute}) for minute in range(40)]
    _, refused = sifted(*near)
    assert refused["repeated", "-1 %"].samples == 40  # half show 7, the others show that nothing is there


# --- the file at hand -------------------------------------------------------------------------------------------------


def test_the_stuck_bucket_of_the_crash_day_is_found(data_dir: Path) -> None:
    """Binance's bookDepth of 10 October 2025: from 15:30 UTC on the bids within 1 % are not those of the market.

    952 samples have two values. 16 more are under 2 % of the usual depth; they lie in between, as 51 others do.
    """
    path = data_dir / "bookdepth_um_futures_BTCUSDT_2025-10-10.parquet"
    series = PairSeries("BTC/USDT", path.name, 4)
    for each in open_source(path, lambda _symbol, _time_ns: (2e9, 0.02)).observations:
        series.add(each)
    series.sift()
    refused = {(each.kind, each.place): each for each in series.refused()}
    assert refused["repeated", "-1 %"].samples == 952
    assert refused["repeated", "-1 %"].note == "the most frequent value comes 512 times"
    assert sum(each.samples for each in refused.values()) == 1_019
    assert (series.seen, len(series.times_ns)) == (2_879, 1_860)
