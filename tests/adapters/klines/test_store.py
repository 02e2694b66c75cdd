"""The store gives back what was put in, and never half of it."""

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.klines.columns import Columns, RecordingError
from shared.adapters.klines.manifest import Source, load_manifest
from shared.adapters.klines.merging import ConflictError
from shared.adapters.klines.store import KlineStore, is_store
from shared.adapters.klines.store_writer import Written, writing_lock
from shared.adapters.klines.verifying import verify
from shared.adapters.klines.year_file import read_file, write_file
from shared.adapters.whole_files import NEW
from tests.adapters.klines.kline_samples import SOURCE, START_MS, any_columns, equal, hourly
from tests.examples import examples
from tests.exchange_sim.sim_stage import ms

ROOT = Path(__file__).parents[3]
EVER = (0, 1 << 62)
HOUR_MS = 3_600_000
TIMEFRAMES = st.sampled_from(["1m", "1h", "1d", "3d", "1w"])


def all_of(store: KlineStore, timeframe: str = "1h", symbol: str = "BTCUSDT") -> Columns:
    return store.read(timeframe, {symbol}, *EVER)[symbol]


@given(data=st.data(), timeframe=TIMEFRAMES)
@examples(100)
def test_any_bars_written_are_read_back_to_the_last_bit(data: st.DataObject, timeframe: str) -> None:
    columns = data.draw(any_columns(timeframe))
    with tempfile.TemporaryDirectory() as folder:
        KlineStore(Path(folder)).write(timeframe, "BTCUSDT", columns, SOURCE)
        store = KlineStore(Path(folder))
        assert equal(all_of(store, timeframe), columns.filled())
        assert store.spans(timeframe) == {"BTCUSDT": (columns.open_ms[0], columns.open_ms[-1])}
        start_ms, end_ms = sorted(data.draw(st.tuples(*[st.integers(START_MS, START_MS + 10**9)] * 2)))
        window = store.read(timeframe, {"BTCUSDT"}, start_ms, end_ms)
        wanted = columns.between(start_ms, end_ms).filled()
        assert equal(window["BTCUSDT"], wanted) if len(wanted) else not window


@given(st.lists(st.sets(st.integers(0, 200), min_size=1, max_size=40), min_size=1, max_size=5), st.randoms())
@examples(60)
def test_parts_in_any_order_make_the_same_store_as_all_at_once(parts: list[set[int]], random: object) -> None:
    whole = hourly([hour for part in parts for hour in part])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        at_once, in_parts = KlineStore(Path(one)), KlineStore(Path(other))
        at_once.write("1h", "BTCUSDT", whole, SOURCE)
        random.shuffle(parts)  # type: ignore[attr-defined]
        for part in parts:
            in_parts.write("1h", "BTCUSDT", _some(whole, part), SOURCE)
        assert equal(all_of(in_parts), all_of(at_once))
        assert in_parts.digest() == at_once.digest()
        assert in_parts.holes("1h") == at_once.holes("1h")
        missing = set(range(int(max(map(max, parts)))))
        lacking = {
            (open_ms - START_MS) // HOUR_MS + n for open_ms, bars in at_once.holes("1h")["BTCUSDT"] for n in range(bars)
        }
        first = min(min(part) for part in parts)
        assert lacking == {hour for hour in missing - {h for part in parts for h in part} if hour > first}


def _some(whole: Columns, hours: set[int]) -> Columns:
    return whole.at(np.isin((whole.open_ms - START_MS) // HOUR_MS, list(hours)))


def test_a_file_holds_one_year_and_a_row_group_one_month(tmp_path: Path) -> None:
    KlineStore(tmp_path).write("1h", "BTCUSDT", hourly(list(range(24 * 40))), SOURCE)
    folder = tmp_path / "timeframe=1h" / "symbol=BTCUSDT"
    assert sorted(path.name for path in folder.iterdir()) == ["2023.parquet", "2024.parquet"]
    assert pq.ParquetFile(folder / "2024.parquet").num_row_groups == 2
    assert is_store(tmp_path)


def test_a_month_is_read_without_the_others(tmp_path: Path) -> None:
    """Only its own row group is sound: whoever touched another one would fail."""
    path, bars = tmp_path / "2024.parquet", hourly(list(range(24 * 90)), start_ms=ms("2024-01-01"))
    write_file(path, bars)
    group = pq.ParquetFile(path).metadata.row_group(1)
    first = min(group.column(place).data_page_offset for place in range(group.num_columns))
    end = first + sum(group.column(place).total_compressed_size for place in range(group.num_columns))
    content = path.read_bytes()
    footer = pq.ParquetFile(path).metadata.serialized_size + 8
    path.write_bytes(
        b"PAR1" + b"x" * (first - 4) + content[first:end] + b"x" * (len(content) - footer - end) + content[-footer:]
    )
    (found,) = read_file(path, ms("2024-02-03"), ms("2024-02-10"))
    assert equal(found, bars.between(ms("2024-02-03"), ms("2024-02-10")))
    with pytest.raises(RecordingError):
        list(read_file(path, ms("2024-01-03"), ms("2024-01-10")))


WRITER = """
import sys
from pathlib import Path
from shared.adapters.klines.store import KlineStore
from shared.adapters.klines.verifying import verify
from shared.adapters.klines.year_file import read_file, write_file
from tests.adapters.klines.kline_samples import SOURCE, hourly

store = KlineStore(Path(sys.argv[1]))
for end in range(2, 400):
    for symbol in ("BTCUSDT", "ETHUSDT"):
        store.write("1h", symbol, hourly(list(range((end - 1) * 50, end * 50))), SOURCE)
    print(end, flush=True)
"""


@pytest.mark.processes
@pytest.mark.parametrize("seed", range(4))
def test_a_writer_that_is_killed_at_any_moment_leaves_a_sound_store(tmp_path: Path, seed: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    try:
        assert process.stdout is not None
        for _ in range(3 + seed):
            last = int(process.stdout.readline())
        time.sleep(np.random.default_rng(seed).random() / 20)  # somewhere within a write
    finally:
        process.kill()
        process.communicate()
    assert [
        finding for finding in verify(KlineStore(tmp_path)) if finding.wrong and "quote" not in finding.problem
    ] == []
    whole = all_of(KlineStore(tmp_path))
    assert len(whole) >= (last - 1) * 50
    assert len(whole) % 50 == 0
    assert equal(whole, hourly(list(range(50, 50 + len(whole)))))
    KlineStore(tmp_path).write("1h", "BTCUSDT", hourly([*range(50)]), SOURCE)
    assert not list(tmp_path.rglob(f"*{NEW}"))


def test_a_second_import_of_the_same_bars_changes_nothing(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    assert store.write("1h", "BTCUSDT", hourly(list(range(200))), SOURCE) == Written(200, 0, 0)
    before = (tmp_path / "manifest.json").read_bytes()
    assert store.write("1h", "BTCUSDT", hourly(list(range(200))), Source(name="again")) == Written(0, 0, 200)
    assert (tmp_path / "manifest.json").read_bytes() == before


def test_a_bar_that_differs_is_refused_by_name_and_nothing_of_the_rest_is_written(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    store.write("1h", "BTCUSDT", hourly(list(range(100))), SOURCE)
    new = hourly(list(range(80, 200)))
    new.close[5] = new.high[5]
    with pytest.raises(ConflictError, match=r"BTCUSDT 1h at 2023-12-31T13:00: close is .* \(the only one\)\. Nothing"):
        store.write("1h", "BTCUSDT", new, SOURCE)
    assert equal(all_of(KlineStore(tmp_path)), hourly(list(range(100))))
    assert not list(tmp_path.rglob(f"*{NEW}"))


@pytest.mark.parametrize("on_conflict", ["keep", "replace"])
def test_of_bars_that_differ_the_one_counts_that_was_asked_for(tmp_path: Path, on_conflict: str) -> None:
    store, old, new = KlineStore(tmp_path), hourly([1, 2, 3]), hourly([2, 3, 4])
    new.close[0] = new.high[0]
    store.write("1h", "BTCUSDT", old, SOURCE)
    written = store.write("1h", "BTCUSDT", new, SOURCE, on_conflict)  # type: ignore[arg-type]
    assert written == (Written(1, 1, 1) if on_conflict == "replace" else Written(1, 0, 2))
    kept = new.close[0] if on_conflict == "replace" else old.close[1]
    assert all_of(store).close[1] == kept


def test_a_quote_volume_that_nobody_knew_is_estimated_until_somebody_does(tmp_path: Path) -> None:
    store, exact = KlineStore(tmp_path), hourly([1, 2, 3])
    unknown = Columns(exact.open_ms, *exact.values[:5], np.full(3, np.nan))
    store.write("1h", "BTCUSDT", unknown, SOURCE)
    assert np.array_equal(all_of(store).quote_volume, exact.close * exact.volume)
    assert next(iter(store.manifest.files.values())).unknown_quote_volume == 3
    assert store.write("1h", "BTCUSDT", exact, SOURCE) == Written(0, 3, 0)
    assert equal(all_of(store), exact)


@pytest.mark.parametrize(
    ("name", "place", "value", "problem"),
    [
        ("close", 3, float("nan"), "column close: nan of BTCUSDT at 2023-12-28T03:00 is no price"),
        ("high", 3, 1.0, "column high: 1.0 of BTCUSDT at 2023-12-28T03:00 is under its open or close"),
        ("volume", 3, -1.0, "column volume: -1.0 of BTCUSDT"),
        ("open_ms", 3, START_MS + 5, "is not on the grid of 1h bars"),
        ("open_ms", 3, START_MS * 1000, "is not in milliseconds since 1970, but microseconds"),
        ("open_ms", 3, START_MS, "is a second row of one bar"),
    ],
)
def test_bars_that_cannot_be_are_refused_by_name(
    tmp_path: Path, name: str, place: int, value: float, problem: str
) -> None:
    columns = hourly(list(range(10)))
    getattr(columns, name)[place] = value
    with pytest.raises(RecordingError, match=problem):
        KlineStore(tmp_path).write("1h", "BTCUSDT", columns, SOURCE)
    assert not KlineStore(tmp_path).timeframes


def test_two_symbols_in_one_commit_are_both_there_or_neither(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    broken = hourly([1, 2])
    broken.close[1] = -1

    def write_both() -> None:
        with store.writing() as writer:
            writer.write("1h", "BTCUSDT", hourly([1, 2]), SOURCE)
            writer.write("1h", "ETHUSDT", broken, SOURCE)

    with pytest.raises(RecordingError, match="column close"):
        write_both()
    assert not load_manifest(tmp_path).files
    assert not list(tmp_path.rglob("*.parquet*"))


@pytest.mark.parametrize("placed", [0, 1, 2])
def test_a_writer_killed_after_its_commit_leaves_the_new_bars_whole(tmp_path: Path, placed: int) -> None:
    """The manifest is there, and of two files so many are in their place."""
    before, after = tmp_path / "before", tmp_path / "after"
    KlineStore(before).write("1h", "BTCUSDT", hourly(list(range(50))), SOURCE)
    shutil.copytree(before, after)
    KlineStore(after).write("1h", "BTCUSDT", hourly(list(range(200))), SOURCE)
    _die(before, after, placed)
    assert equal(all_of(KlineStore(before)), hourly(list(range(200))))
    KlineStore(before).write("1h", "BTCUSDT", hourly([201]), SOURCE)  # the next writer clears up
    assert not list(before.rglob(f"*{NEW}"))
    assert equal(all_of(KlineStore(before)), hourly([*range(200), 201]))


def _die(before: Path, after: Path, placed: int) -> None:
    """Bring one store to where a writer would have left it that died between the manifest and the files."""
    shutil.copy(after / "manifest.json", before / "manifest.json")
    for number, file in enumerate(sorted(after.rglob("*.parquet"))):
        target = before / file.relative_to(after)
        shutil.copy(file, target if number < placed else f"{target}{NEW}")


def test_a_writer_killed_before_its_commit_leaves_the_old_bars_whole(tmp_path: Path) -> None:
    KlineStore(tmp_path).write("1h", "BTCUSDT", hourly(list(range(50))), SOURCE)
    half = tmp_path / "timeframe=1h" / "symbol=BTCUSDT" / f"2023.parquet{NEW}"
    half.write_bytes(b"PAR1 half of a file")
    assert equal(all_of(KlineStore(tmp_path)), hourly(list(range(50))))
    KlineStore(tmp_path).write("1h", "BTCUSDT", hourly([60]), SOURCE)
    assert not half.exists()
    assert equal(all_of(KlineStore(tmp_path)), hourly([*range(50), 60]))


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with writing_lock(tmp_path), pytest.raises(RecordingError, match="another heatsink is writing"):
        KlineStore(tmp_path).write("1h", "BTCUSDT", hourly([1]), SOURCE)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()  # whoever runs the tests may be root, who may write anywhere
    with pytest.raises(RecordingError, match="it cannot be written: "):
        KlineStore(tmp_path).write("1h", "BTCUSDT", hourly([1]), SOURCE)


def test_a_file_that_is_not_the_manifests_is_neither_read_nor_added_to(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    store.write("1h", "BTCUSDT", hourly(list(range(50))), SOURCE)
    file = tmp_path / "timeframe=1h" / "symbol=BTCUSDT" / "2023.parquet"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    for use in (lambda: all_of(KlineStore(tmp_path)), lambda: store.write("1h", "BTCUSDT", hourly([60]), SOURCE)):
        with pytest.raises(RecordingError, match="not the file that the manifest names"):
            use()
    file.unlink()
    with pytest.raises(RecordingError, match="it is gone"):
        all_of(KlineStore(tmp_path))


def test_a_timeframe_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    with pytest.raises(RecordingError, match="no klines of 1h: nothing was imported into it yet"):
        store.read("1h", {"BTCUSDT"}, *EVER)
    store.write("1h", "BTCUSDT", hourly([1]), SOURCE)
    with pytest.raises(RecordingError, match="no klines of 1m: it has 1h"):
        store.read("1m", {"BTCUSDT"}, *EVER)


@pytest.mark.parametrize("timeframe", ["1M", "7m", "../1h", ""])
def test_a_timeframe_that_no_store_has_is_refused(tmp_path: Path, timeframe: str) -> None:
    with pytest.raises(ValueError, match="timeframe"):
        KlineStore(tmp_path).write(timeframe, "BTCUSDT", hourly([1]), SOURCE)


@pytest.mark.parametrize("symbol", ["", "BTC/USDT", "btcusdt", "../../X", "BTC USDT"])
def test_a_symbol_that_would_leave_the_store_is_refused(tmp_path: Path, symbol: str) -> None:
    with pytest.raises(RecordingError, match="no symbol"):
        KlineStore(tmp_path).write("1h", symbol, hourly([1]), SOURCE)


@pytest.mark.parametrize(
    "text", ["", "{", '{"files": {"../x/2024.parquet": {}}}', '{"version": 2, "files": {}}', '{"files": 3}']
)
def test_a_manifest_that_cannot_be_read_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(RecordingError, match=r"manifest\.json: "):
        KlineStore(tmp_path)


def test_the_digest_changes_with_any_bar(tmp_path: Path) -> None:
    store = KlineStore(tmp_path)
    digests = {store.digest()}
    for hour in range(5):
        store.write("1h", "BTCUSDT", hourly([hour]), SOURCE)
        digests.add(store.digest())
    store.write("1h", "ETHUSDT", hourly([1]), SOURCE)
    assert len(digests | {store.digest()}) == 7
