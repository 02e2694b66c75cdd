"""Recorded order books, as the gate would have had them: of every pair the newest sample of each instant."""

import hashlib
from pathlib import Path

from shared.adapters.books.recorded import RecordedBooks
from shared.domain.timeframes import HOUR_NS
from shared.messages.market import BookSampled

BEFORE_NS = HOUR_NS  # so that there is a book at the first instant


class BookFeed:
    """The samples of one folder between two market times, in their order; none at all without a folder."""

    def __init__(self, path: Path | None, start_ns: int, end_ns: int) -> None:
        self._books = RecordedBooks(path) if path is not None else None
        self._samples = iter(()) if self._books is None else self._books.between(None, start_ns - BEFORE_NS, end_ns)
        self._next = next(self._samples, None)

    def until(self, now_ns: int) -> list[BookSampled]:
        """What was sampled since the last call, of each pair the newest."""
        newest: dict[str, BookSampled] = {}
        while self._next is not None and self._next.time_ns <= now_ns:
            newest[self._next.symbol] = self._next
            self._next = next(self._samples, None)
        return list(newest.values())

    def digest_with(self, bars: str) -> str:
        """The digest of the bars; with recorded books, SHA-256 of both."""
        return bars if self._books is None else hashlib.sha256(f"{bars} {self._books.digest()}".encode()).hexdigest()
