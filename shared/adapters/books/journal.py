"""What was heard and is in no file yet: appended to one file, frame by frame, so that a kill loses nothing.

A frame is its length, its CRC-32, and its bytes. A torn last frame, of a process that was killed while it wrote, is cut
off when the journal is opened again.
"""

import fcntl
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

from shared.adapters.books.errors import BooksError

_HEAD = struct.Struct("<II")
MOST_BYTES = 1 << 20  # of a frame; a sample has a thousand


class Journal:
    """The journal of one folder, which nobody else may write while this one is open.

    Raises ``BooksError`` where another process records into the folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise BooksError(f"{path.parent}: another process records books there; name another folder") from None
        self._file.truncate(sum(_HEAD.size + len(body) for body in self.frames()))
        self.count = sum(1 for _ in self.frames())

    def append(self, body: bytes) -> None:
        """Add a frame; it is with the operating system when this returns."""
        self._file.write(_HEAD.pack(len(body), crc32(body)) + body)
        self._file.flush()
        self.count += 1

    def frames(self) -> Iterator[bytes]:
        """All sound frames from the first on; the first one that is not whole ends it."""
        with self._path.open("rb") as file:
            while len(head := file.read(_HEAD.size)) == _HEAD.size:
                length, checksum = _HEAD.unpack(head)
                body = file.read(length) if length <= MOST_BYTES else b""
                if len(body) != length or crc32(body) != checksum:
                    return
                yield body

    def clear(self) -> None:
        """Forget all frames: they are in files now."""
        self._file.truncate(0)
        os.fsync(self._file.fileno())
        self.count = 0

    def close(self) -> None:
        """Let others write."""
        self._file.close()
