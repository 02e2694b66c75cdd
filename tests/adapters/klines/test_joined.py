"""A renamed pair is one pair for whoever asks for that; the store has each symbol as the exchange wrote it."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.klines.columns import Columns
from shared.adapters.klines.joined import JoinedStore
from shared.adapters.klines.store import KlineStore
from shared.domain.universe import Pair, Rename, Universe
from tests.adapters.klines.kline_samples import SOURCE, START_MS, equal, hourly
from tests.examples import examples

CUTOVER_MS = START_MS + 48 * 3_600_000
EVER = (0, 1 << 62)


def universe(ratio: str = "1") -> Universe:
    rename = Rename(old="LEND", new="AAVE", cutover=date(2023, 12, 30), ratio=Decimal(ratio))
    pairs = (Pair(base="BTC", quote="USDT", sector="majors"), Pair(base="AAVE", quote="USDT", sector="defi"))
    return Universe(pairs=pairs, renames=(rename,))


def stored(folder: Path, old: list[int], new: list[int]) -> KlineStore:
    store = KlineStore(folder)
    for symbol, hours, seed in (("LENDUSDT", old, 1), ("AAVEUSDT", new, 2), ("BTCUSDT", [1, 2], 3)):
        if hours:
            store.write("1h", symbol, hourly(hours, seed), SOURCE)
    return store


def test_old_bars_count_before_the_date_in_new_units_and_new_ones_from_it_on(tmp_path: Path) -> None:
    joined = JoinedStore(stored(tmp_path, list(range(60)), list(range(40, 100))), universe("0.01"))
    bars = joined.read("1h", {"AAVEUSDT", "BTCUSDT"}, *EVER)
    old, new = hourly(list(range(48)), 1), hourly(list(range(48, 100)), 2)
    assert np.array_equal(bars["AAVEUSDT"].open_ms, [*old.open_ms, *new.open_ms])
    assert np.allclose(bars["AAVEUSDT"].close, [*old.close * 100, *new.close])
    assert np.allclose(bars["AAVEUSDT"].volume, [*old.volume / 100, *new.volume])
    assert np.array_equal(bars["AAVEUSDT"].quote_volume, [*old.quote_volume, *new.quote_volume])
    assert equal(bars["BTCUSDT"], hourly([1, 2], 3))
    assert joined.spans("1h")["AAVEUSDT"] == (old.open_ms[0], new.open_ms[-1])
    assert sorted(joined.spans("1h")) == ["AAVEUSDT", "BTCUSDT"]


def test_what_is_missing_between_the_names_is_a_hole(tmp_path: Path) -> None:
    joined = JoinedStore(stored(tmp_path, [0, 1, 5, *range(10, 40)], [*range(50, 60), 62]), universe())
    hour = 3_600_000
    assert joined.holes("1h")["AAVEUSDT"] == [
        (START_MS + 2 * hour, 3), (START_MS + 6 * hour, 4), (START_MS + 40 * hour, 10), (START_MS + 60 * hour, 2)
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "new"), [([1, 2], []), ([], [50, 51]), ([], [])])
def test_a_pair_of_which_one_name_is_there_has_the_bars_of_that_one(
    tmp_path: Path, old: list[int], new: list[int]
) -> None:
    joined = JoinedStore(stored(tmp_path, old, new), universe())
    bars = joined.read("1h", {"AAVEUSDT"}, *EVER)
    assert (len(bars["AAVEUSDT"]) == 2) if old or new else not bars
    assert ("AAVEUSDT" in joined.spans("1h")) == bool(old or new)
    assert not joined.holes("1h").get("AAVEUSDT")


def test_the_digest_says_how_it_was_joined(tmp_path: Path) -> None:
    store = stored(tmp_path, [1], [50])
    digests = {store.digest(), JoinedStore(store, universe()).digest(), JoinedStore(store, universe("2")).digest()}
    assert len(digests) == 3


@given(
    window=st.tuples(st.integers(0, 120), st.integers(0, 120)).map(sorted),
    old=st.sets(st.integers(0, 100)),
    new=st.sets(st.integers(0, 100)),
)
@examples(60)
def test_any_window_is_the_same_part_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, window: list[int], old: set[int], new: set[int]
) -> None:
    joined = JoinedStore(stored(tmp_path_factory.mktemp("store"), sorted(old), sorted(new)), universe("3"))
    start_ms, end_ms = (START_MS + hour * 3_600_000 for hour in window)
    whole = joined.read("1h", {"AAVEUSDT"}, *EVER).get("AAVEUSDT", Columns(*[np.empty(0)] * 7))
    wanted = whole.between(start_ms, end_ms)
    part = joined.read("1h", {"AAVEUSDT"}, start_ms, end_ms)
    assert equal(part["AAVEUSDT"], wanted) if len(wanted) else not part
    assert set(whole.open_ms) == {
        START_MS + hour * 3_600_000 for hour in ({h for h in old if h < 48} | {h for h in new if h >= 48})
    }
