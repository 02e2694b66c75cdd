"""Books on disk: what goes in comes out in order, whoever was killed when; what was changed is not believed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from shared.adapters.books.errors import BooksError
from shared.adapters.books.files import HeardBook
from shared.adapters.books.manifest import read_manifest
from shared.adapters.books.recorded import RecordedBooks
from shared.adapters.books.recorder import JOURNAL, BookRecorder
from shared.adapters.whole_files import NEW
from shared.domain.timeframes import DAY_NS, MINUTE_NS
from shared.messages.market import BookSampled
from tests.examples import examples
from tests.samples import T0, book

PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def sample(symbol: str = "BTC/USDT", minute: int = 0, **changes: object) -> BookSampled:
    time_ns = T0 + minute * MINUTE_NS
    return book(f"book-{symbol.replace('/', '')}-{time_ns}", symbol=symbol, time_ns=time_ns, **changes)


def heard(*books: BookSampled) -> list[HeardBook]:
    return [HeardBook(book=each, adv_usdt=2e9, sigma_day=0.03) for each in books]


def record(folder: Path, *books: BookSampled, source: str = "binance") -> None:
    with BookRecorder(folder, source) as recorder:
        for each in heard(*books):
            recorder.take(each)


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


# --- writing and reading ----------------------------------------------------------------------------------------------


def test_what_was_recorded_comes_back_the_same_in_the_order_of_time(tmp_path: Path) -> None:
    books = [sample(symbol, minute) for minute in range(5) for symbol in PAIRS]
    record(tmp_path, *books)
    found = RecordedBooks(tmp_path)
    assert list(found.between()) == books
    assert [each.sigma_day for each in found.heard_between()] == [0.03] * 15
    assert (found.source, found.symbols, found.samples) == ("binance", PAIRS, 15)
    assert found.spans()["ETH/USDT"] == (T0, T0 + 4 * MINUTE_NS)


def test_a_book_without_a_side_or_a_spread_is_kept_as_it_is(tmp_path: Path) -> None:
    thin = sample(bids=(), spread=None, median_spread=None, samples=1, cause="c-1", trace="t-1")
    record(tmp_path, thin)
    assert list(RecordedBooks(tmp_path).between()) == [thin]


def test_pairs_and_times_are_chosen_the_end_is_left_out_and_both_ways_to_write_a_pair_are_taken(tmp_path: Path) -> None:
    record(tmp_path, *(sample(symbol, minute) for minute in range(9) for symbol in PAIRS))
    found = RecordedBooks(tmp_path).between({"BTCUSDT", "SOL/USDT"}, T0 + 2 * MINUTE_NS, T0 + 4 * MINUTE_NS)
    assert [(each.symbol, (each.time_ns - T0) // MINUTE_NS) for each in found] == [
        ("BTC/USDT", 2), ("SOL/USDT", 2), ("BTC/USDT", 3), ("SOL/USDT", 3)
    ]  # fmt: skip


def test_each_pair_and_day_has_a_file_of_its_own(tmp_path: Path) -> None:
    record(tmp_path, sample(minute=0), sample(minute=1439), sample(minute=1440), sample("ETH/USDT"))
    assert sorted(bytes_of(tmp_path)) == [
        "symbol=BTCUSDT/2022-11-01.parquet", "symbol=BTCUSDT/2022-11-02.parquet", "symbol=ETHUSDT/2022-11-01.parquet"
    ]  # fmt: skip
    assert [each.time_ns for each in RecordedBooks(tmp_path).between({"BTCUSDT"})] == [
        T0, T0 + 1439 * MINUTE_NS, T0 + DAY_NS
    ]  # fmt: skip


@examples(30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_the_same_samples_give_the_same_bytes_and_digest_in_however_many_parts(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int]
) -> None:
    books = [sample(minute=minute) for minute in range(sum(parts))]
    whole, pieces = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("pieces")
    record(whole, *books)
    for part in parts:
        record(pieces, *books[:part])
        books = books[part:]
    assert bytes_of(whole) == bytes_of(pieces)
    assert RecordedBooks(whole).digest() == RecordedBooks(pieces).digest()


# --- what is not taken ------------------------------------------------------------------------------------------------


def test_a_sample_that_comes_again_is_taken_once_and_one_from_before_is_counted(tmp_path: Path) -> None:
    with BookRecorder(tmp_path, "binance") as recorder:
        taken = [recorder.take(each) for each in heard(sample(), sample(minute=2), sample(minute=2), sample(minute=1))]
    assert taken == [True, True, False, False]
    assert RecordedBooks(tmp_path).manifest.refused == {"time_back": 1}


def test_books_of_another_market_do_not_go_into_the_same_folder(tmp_path: Path) -> None:
    record(tmp_path, sample(), source="sim one")
    with pytest.raises(BooksError, match='it has books of "sim one", and these are of "binance"; name another folder'):
        record(tmp_path, sample(minute=1))


def test_only_one_process_records_into_a_folder(tmp_path: Path) -> None:
    with (
        BookRecorder(tmp_path, "binance"),
        pytest.raises(BooksError, match="another process records books there; name another folder"),
    ):
        BookRecorder(tmp_path, "binance")


# --- killed at any moment ---------------------------------------------------------------------------------------------


def killed(folder: Path, *books: BookSampled) -> BookRecorder:
    """A recorder that took these and was not ended; its lock is gone with it."""
    recorder = BookRecorder(folder, "binance")
    for each in heard(*books):
        recorder.take(each)
    recorder._journal.close()
    return recorder


def test_what_a_killed_recorder_took_is_there_after_the_next_one(tmp_path: Path) -> None:
    killed(tmp_path, sample(), sample(minute=1))
    assert read_manifest(tmp_path) is None
    record(tmp_path, sample(minute=1), sample(minute=2))
    assert list(RecordedBooks(tmp_path).between()) == [sample(minute=minute) for minute in range(3)]


@examples(40)
@given(st.integers(0, 400))
def test_a_frame_that_was_torn_is_cut_off_and_the_whole_ones_before_it_are_kept(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    killed(folder, sample(), sample(minute=1))
    journal = folder / JOURNAL
    size = journal.stat().st_size
    os.truncate(journal, max(size // 2, size - cut))
    record(folder, sample(minute=2))
    minutes = [(each.time_ns - T0) // MINUTE_NS for each in RecordedBooks(folder).between()]
    assert minutes == ([0, 1, 2] if cut == 0 else [0, 2])


def test_a_kill_between_the_manifest_and_the_journals_end_doubles_nothing(tmp_path: Path) -> None:
    killed(tmp_path, sample(), sample(minute=1))
    journal = (tmp_path / JOURNAL).read_bytes()
    record(tmp_path)
    (tmp_path / JOURNAL).write_bytes(journal)
    record(tmp_path, sample(minute=2))
    assert [each.time_ns for each in RecordedBooks(tmp_path).between()] == [T0 + n * MINUTE_NS for n in range(3)]


def test_a_file_that_was_left_under_its_new_name_is_read_and_put_in_its_place(tmp_path: Path) -> None:
    record(tmp_path, sample())
    path = tmp_path / "symbol=BTCUSDT/2022-11-01.parquet"
    path.rename(f"{path}{NEW}")
    assert list(RecordedBooks(tmp_path).between()) == [sample()]
    record(tmp_path)
    assert path.is_file()


def test_a_file_that_was_begun_and_not_named_is_removed(tmp_path: Path) -> None:
    record(tmp_path, sample())
    (tmp_path / f"symbol=BTCUSDT/2022-11-02.parquet{NEW}").write_bytes(b"half")
    record(tmp_path)
    assert not list(tmp_path.rglob(f"*{NEW}"))


# --- changed, damaged, or not there -----------------------------------------------------------------------------------


def test_a_folder_without_a_recording_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BooksError, match="no recorded books there; heatsink data record-books records some"):
        RecordedBooks(tmp_path)


def test_a_file_that_was_changed_is_not_read(tmp_path: Path) -> None:
    record(tmp_path, sample())
    with (tmp_path / "symbol=BTCUSDT/2022-11-01.parquet").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BooksError, match="it is not the file that the manifest names"):
        list(RecordedBooks(tmp_path).between())


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    record(tmp_path, sample())
    (tmp_path / "symbol=BTCUSDT/2022-11-01.parquet").unlink()
    with pytest.raises(BooksError, match=r"2022-11-01\.parquet: it is gone"):
        list(RecordedBooks(tmp_path).between())


@pytest.mark.parametrize("text", ["", "{", '{"files": [{"path": "../../secret.parquet"}]}', '{"version": "one"}'])
def test_a_manifest_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(BooksError, match=r"manifest\.json: not a readable manifest of recorded books"):
        RecordedBooks(tmp_path)


def test_what_was_opened_before_the_recorder_went_on_reads_what_there_was_then(tmp_path: Path) -> None:
    record(tmp_path, sample(), sample(minute=1))
    found = RecordedBooks(tmp_path)
    record(tmp_path, sample(minute=2))
    assert [each.time_ns for each in found.between()] == [T0, T0 + MINUTE_NS]


def test_absences_are_written_down(tmp_path: Path) -> None:
    with BookRecorder(tmp_path, "binance") as recorder:
        recorder.was_away(T0, T0 + DAY_NS)
    [absence] = RecordedBooks(tmp_path).manifest.absences
    assert replace(absence, to_ns=0).from_ns == T0
    assert absence.to_ns == T0 + DAY_NS
