"""The witness: the last commit that a machine saw, kept in a small file outside of the server.

A server that lost the end of its append-only file, a replica that was promoted too early and a server that was
exchanged all look whole from within. So what was committed is written down where none of that reaches, and held against
the server at every start and takeover (``runtime.host.witnessing``).

The commit does not wait for it. The file follows what the server has acknowledged, at most every ``PAUSE_SECONDS``, by
a thread; at an orderly end it has all. When a machine is killed, its last moment is unwitnessed: that it was lost too
would go unnoticed, and with ``appendfsync always`` a server does not lose it. The witness is never ahead of the server.

The file has two lines of a fixed length, written in turns, each with a check sum: whichever is torn by a loss of power,
the other one is whole. Several processes of one machine may share the file: it never goes back.
"""

import asyncio
import fcntl
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from shared.adapters.private_files import FILE_MODE
from shared.adapters.whole_files import flush
from shared.ports.errors import StateGoneError

PAUSE_SECONDS = 0.1
LINE_BYTES = 512
MOST_DATA = 128


class Seen(Struct, frozen=True, kw_only=True):
    """A commit that was seen.

    data: the identity of the server's data (``hs:identity``); of a very long one, or one of odd signs, its check sum.
    seq: its number. digest: what it left, as text: it is more than JSON's numbers hold for everybody.
    """

    data: str
    seq: int
    digest: str


class _Line(Struct, frozen=True, kw_only=True):
    """A line of the file. check: the CRC-32 of the other fields."""

    data: str
    seq: int
    digest: str
    check: int


def witness_path(folder: Path, service: str, portfolio: str) -> Path:
    """The file of a machine. portfolio: whose it is; empty for one that serves all of a server."""
    return folder / f"{'-'.join(filter(None, (service, portfolio)))}.json"


def known_as(identity: str) -> str:
    """An identity as it stands in the file: whatever it is made of, a line has room for it."""
    return identity if len(identity) <= MOST_DATA and identity.isascii() and identity.isprintable() else _crc(identity)


def _crc(text: str) -> str:
    return f"crc-{zlib.crc32(text.encode(errors='replace'))}"


class Witness:
    """Remembers the highest commit that was seen, and keeps it in a file from ``open`` on.

    seen: that commit; None before the first. path: the file; None while it is kept in memory alone.
    """

    def __init__(self) -> None:
        self.seen: Seen | None = None
        self.path: Path | None = None
        self._written: Seen | None = None
        self._news: asyncio.Event | None = None
        self._is_refused = False

    def open(self, path: Path) -> None:
        """Keep it in this file from now on, and begin with what stands there. Raises ``StateGoneError``."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.look()

    def look(self) -> None:
        """Take in what the file says by now: another process of the machine may have written it."""
        if self.path is None:
            return
        kept = read(self.path)
        if kept is not None and (self.seen is None or kept.seq > self.seen.seq):
            self.seen = self._written = kept

    def note(self, data: str, seq: int, digest: int) -> None:
        """A commit was acknowledged, or stands on the server."""
        if seq and (self.seen is None or seq > self.seen.seq):
            self.seen = Seen(data=known_as(data), seq=seq, digest=str(digest))
            if self._news is not None:
                self._news.set()

    async def run(self, log: Any) -> None:
        """Write what is new into the file, if it has one, until cancelled; once more then."""
        if self.path is None:
            return
        news = self._news = asyncio.Event()
        news.set()
        try:
            while True:
                await news.wait()
                news.clear()
                await asyncio.to_thread(self._write, log)
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            self._write(log)

    def _write(self, log: Any) -> None:
        """A file that cannot be written stops nobody: it is told of, and the machine goes on."""
        seen = self.seen
        if self.path is None or seen is None or seen == self._written:
            return
        try:
            write(self.path, seen)
        except OSError as error:
            if not self._is_refused:
                reason = f"{self.path}: {error.strerror}: what is committed from now on is not witnessed"
                log.error("witness_not_written", reason=reason)
            self._is_refused = True
        else:
            self._written, self._is_refused = seen, False


def read(path: Path) -> Seen | None:
    """What a file says; None where there is none. Raises ``StateGoneError`` for one that nobody can read."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateGoneError(f"the witness {path} cannot be read: {error.strerror}") from error
    lines = [line for _, line in _lines(content)]
    if content and not lines:
        raise StateGoneError(
            f"the witness {path} is damaged, so nobody can tell what was committed: heatsink accept-loss"
        )
    return max(lines, key=lambda line: line.seq, default=None)


def write(path: Path, seen: Seen, *, back: bool = False) -> None:
    """Write it down, lasting, unless the file knows of a later commit. back: also then, for it was accepted as lost."""
    with _held(path) as file:
        content = os.pread(file, 2 * LINE_BYTES, 0)
        lines = dict(_lines(content))
        if not back and any(line.seq >= seen.seq for line in lines.values()):
            return
        place = min((0, 1), key=lambda each: lines[each].seq if each in lines else -1)
        if back:
            os.ftruncate(file, 0)
            place = 0
        os.pwrite(file, _line(seen), place * LINE_BYTES)
        os.fdatasync(file)
    if not content:
        flush(path.parent)


@contextmanager
def _held(path: Path) -> Iterator[int]:
    """The file, open, and no other process writes it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, FILE_MODE)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _line(seen: Seen) -> bytes:
    line = _Line(data=seen.data, seq=seen.seq, digest=seen.digest, check=_check(seen))
    body = msgspec.json.encode(line)
    assert len(body) < LINE_BYTES, "the identity is cut before"
    return body.ljust(LINE_BYTES - 1) + b"\n"


def _lines(content: bytes) -> Iterator[tuple[int, Seen]]:
    """The lines that are whole, by their place."""
    for place in (0, 1):
        try:
            line = msgspec.json.decode(content[place * LINE_BYTES : (place + 1) * LINE_BYTES], type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        seen = Seen(data=line.data, seq=line.seq, digest=line.digest)
        if line.check == _check(seen):
            yield place, seen


def _check(seen: Seen) -> int:
    return zlib.crc32(f"{seen.data}\n{seen.seq}\n{seen.digest}".encode())
