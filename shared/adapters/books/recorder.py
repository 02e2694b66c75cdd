"""Writes what is heard of books: at once into the journal, and from time to time into files.

Memory does not grow with the recording: of each pair only the last sample's time is kept. Ending at any moment, a kill
included, loses nothing that was taken, and the next recorder of the folder goes on from it.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import structs

from shared.adapters.books.errors import BooksError
from shared.adapters.books.files import HeardBook, write_books
from shared.adapters.books.journal import Journal
from shared.adapters.books.manifest import (
    MOST_ABSENCES,
    Absence,
    BookFile,
    BookManifest,
    found_file,
    path_of,
    read_manifest,
    write_manifest,
)
from shared.adapters.whole_files import NEW, hash_of
from shared.domain.timeframes import SECOND_NS

JOURNAL = "journal"
SEAL_AT = 5_000  # samples in the journal; some 4 MB
TIME_BACK = "time_back"

_encoder = msgspec.msgpack.Encoder(decimal_format="string")
_decoder = msgspec.msgpack.Decoder(HeardBook)


class BookRecorder:
    """Records into one folder, as its only writer: ``with BookRecorder(folder, source) as recorder: ...``.

    folder: where.
    source: whose books they are. A folder has one, for times of two markets would mix.
    taken: samples that were taken since it was opened.
    Raises ``BooksError`` for a folder that another recorder writes, that has other books, or that is damaged.
    """

    def __init__(self, folder: Path, source: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._journal = Journal(folder / JOURNAL)
        try:
            self._manifest = self._resumed(source)
        except BaseException:
            self._journal.close()
            raise
        self.taken = 0
        self._last_ns = {file.symbol: file.last_ns for file in sorted(self._manifest.files, key=lambda file: file.day)}
        for heard in self._heard():
            self._last_ns[heard.book.symbol] = max(heard.book.time_ns, self.last_of(heard.book.symbol))

    def _resumed(self, source: str) -> BookManifest:
        """What the folder holds; files of a writer that was killed are put in their place, or removed."""
        manifest = read_manifest(self.folder) or BookManifest(source=source)
        if manifest.source != source:
            problem = f'it has books of "{manifest.source}", and these are of "{source}"'
            raise BooksError(f"{self.folder}: {problem}; name another folder")
        for file in manifest.files:
            place, target = found_file(self.folder, file), self.folder / file.path
            if place != target:
                place.replace(target)
        for left in self.folder.glob(f"symbol=*/*{NEW}"):
            left.unlink()
        return manifest

    @property
    def pairs(self) -> int:
        """How many pairs were ever recorded."""
        return len(self._last_ns)

    @property
    def last_ns(self) -> int:
        """Market time of the newest sample; 0 before the first."""
        return max(self._last_ns.values(), default=0)

    def last_of(self, symbol: str) -> int:
        """Market time of a pair's newest sample; -1 before its first."""
        return self._last_ns.get(symbol, -1)

    def take(self, heard: HeardBook) -> bool:
        """Keep a sample; False for one that is here already, or is older than the pair's last, which is counted."""
        book = heard.book
        last_ns = self.last_of(book.symbol)
        if book.time_ns <= last_ns:
            if book.time_ns < last_ns:
                self.refuse(TIME_BACK)
            return False
        self._journal.append(_encoder.encode(heard))
        self._last_ns[book.symbol] = book.time_ns
        self.taken += 1
        if self._journal.count >= SEAL_AT:
            self.seal()
        return True

    def refuse(self, kind: str) -> None:
        """Count something that was heard and is not recorded; it is written down with the next seal."""
        refused = self._manifest.refused | {kind: self._manifest.refused.get(kind, 0) + 1}
        self._manifest = structs.replace(self._manifest, refused=refused)

    def was_away(self, from_ns: int, to_ns: int) -> None:
        """Write down that nobody listened in between."""
        absences = (*self._manifest.absences, Absence(from_ns=from_ns, to_ns=to_ns))[-MOST_ABSENCES:]
        self._manifest = structs.replace(self._manifest, absences=absences)

    def seal(self) -> None:
        """Move the journal into files, and put them down in the manifest: from then on readers see them."""
        parts: dict[tuple[str, str], list[HeardBook]] = defaultdict(list)
        for heard in self._heard():
            parts[day_of(heard.book.time_ns), heard.book.symbol].append(heard)
        files = {(file.day, file.symbol): file for file in self._manifest.files}
        written: list[Path] = []
        for (day, symbol), samples in parts.items():
            before = files.get((day, symbol))
            if file := self._write(day, symbol, before, samples):
                files[day, symbol] = file
                written.append(self.folder / file.path)
        self._manifest = structs.replace(self._manifest, files=tuple(files[place] for place in sorted(files)))
        write_manifest(self.folder, self._manifest)
        for path in written:
            Path(f"{path}{NEW}").replace(path)
        self._journal.clear()

    def _write(self, day: str, symbol: str, before: BookFile | None, samples: list[HeardBook]) -> BookFile | None:
        """The file with these samples behind those that it has; None where it has them all, after a kill."""
        last_ns = before.last_ns if before else -1
        fresh = [heard for heard in samples if heard.book.time_ns > last_ns]
        if not fresh:
            return None
        path = path_of(symbol, day)
        place = self.folder / f"{path}{NEW}"
        write_books(place, found_file(self.folder, before) if before else None, fresh)
        return BookFile(
            symbol=symbol,
            day=day,
            path=path,
            sha256=hash_of(place),
            samples=len(fresh) + (before.samples if before else 0),
            first_ns=before.first_ns if before else fresh[0].book.time_ns,
            last_ns=fresh[-1].book.time_ns,
        )

    def _heard(self) -> Iterator[HeardBook]:
        return map(_decoder.decode, self._journal.frames())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.seal()
        finally:
            self._journal.close()


def day_of(time_ns: int) -> str:
    """The UTC day of a time, such as ``2025-10-10``."""
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).date().isoformat()
