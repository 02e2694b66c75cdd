"""Reads a recording: the samples of many pairs in the order of their times, holding little of each pair."""

from collections.abc import Collection, Iterator
from heapq import merge
from itertools import groupby, takewhile
from pathlib import Path

from shared.adapters.books.errors import BooksError
from shared.adapters.books.files import HeardBook, read_books
from shared.adapters.books.manifest import BookFile, found_file, read_manifest
from shared.adapters.klines.manifest import NAME
from shared.domain.universe import exchange_symbol
from shared.messages.base import LAST_NS
from shared.messages.market import BookSampled


def is_recording(path: Path) -> bool:
    """Whether a folder has recorded books."""
    return path.is_dir() and (path / NAME).is_file()


class RecordedBooks:
    """The books in one folder, as they were when it was opened.

    symbols: pairs such as ``BTC/USDT``, and names such as ``BTCUSDT``, are taken alike.
    Raises ``BooksError`` for a folder without a recording, and where a file is not as the manifest says.
    """

    def __init__(self, path: Path) -> None:
        manifest = read_manifest(path)
        if manifest is None:
            raise BooksError(f"{path}: no recorded books there; heatsink data record-books records some")
        self.path = path
        self.manifest = manifest

    @property
    def source(self) -> str:
        """Whose books they are: ``binance``, or the name of a simulated market's data."""
        return self.manifest.source

    @property
    def symbols(self) -> tuple[str, ...]:
        """The pairs that it has, sorted."""
        return tuple(sorted({file.symbol for file in self.manifest.files}))

    @property
    def samples(self) -> int:
        """How many samples there are of all pairs."""
        return sum(file.samples for file in self.manifest.files)

    def spans(self) -> dict[str, tuple[int, int]]:
        """Market times of the first and the last sample of each pair."""
        spans: dict[str, tuple[int, int]] = {}
        for file in self.manifest.files:  # by day
            first_ns, _ = spans.get(file.symbol, (file.first_ns, 0))
            spans[file.symbol] = (first_ns, file.last_ns)
        return spans

    def digest(self) -> str:
        """One hash of everything that is recorded here."""
        return self.manifest.digest

    def between(
        self, symbols: Collection[str] | None = None, start_ns: int = 0, end_ns: int = LAST_NS
    ) -> Iterator[BookSampled]:
        """The samples with start_ns <= time < end_ns in the order of times, then of pairs; of all pairs for None."""
        return (heard.book for heard in self.heard_between(symbols, start_ns, end_ns))

    def heard_between(
        self, symbols: Collection[str] | None = None, start_ns: int = 0, end_ns: int = LAST_NS
    ) -> Iterator[HeardBook]:
        """The same samples, with the figures of the pairs' days as they were known then."""
        wanted = None if symbols is None else {exchange_symbol(symbol) for symbol in symbols}
        files = [
            file
            for file in self.manifest.files
            if (wanted is None or exchange_symbol(file.symbol) in wanted)
            and file.first_ns < end_ns
            and file.last_ns >= start_ns
        ]
        for _, of_day in groupby(files, key=lambda file: file.day):
            for heard in merge(*map(self._read, of_day), key=_place):
                if start_ns <= heard.book.time_ns < end_ns:
                    yield heard

    def _read(self, file: BookFile) -> Iterator[HeardBook]:
        try:
            path = found_file(self.path, file)
        except BooksError:
            path = self._grown(file)
        return takewhile(lambda heard: heard.book.time_ns <= file.last_ns, read_books(path))

    def _grown(self, file: BookFile) -> Path:
        """The file as a recorder that runs has made it since: its first samples are those of before."""
        now = read_manifest(self.path) or self.manifest
        newer = next((other for other in now.files if other.path == file.path and other.samples > file.samples), file)
        return found_file(self.path, newer)


def _place(heard: HeardBook) -> tuple[int, str]:
    return heard.book.time_ns, heard.book.symbol
