"""Output that never waits for whoever reads it: a full pipe, a stopped terminal or a full disk holds nothing up.

``heatsink up | sleep 600`` would stand still once the pipe is full, and with it whoever writes to the supervisor: a
gate would decide nothing for want of a reader of its warnings. So a thread writes, and what it has no room for is
dropped, the oldest first. How much was dropped is told in its place, and counted.
"""

import atexit
import io
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

MOST_BYTES = 256 * 1024
END_SECONDS = 1.0  # that a reader is given for the last words


def _plain_note(lines: int) -> str:
    return f"... {lines:,} lines were dropped here: nobody read them in time\n"


class UnreadOutput(io.TextIOBase):
    """Text for a file descriptor. What is written takes effect with its line's end, with ``flush``, or once the line is
    as long as all that may wait.

    most_bytes: that wait to be written, however long a line is; but what is written at once is not broken up.
    note: what stands in place of lines that were dropped, given how many.
    dropped: lines dropped so far.
    """

    def __init__(self, descriptor: int, *, most_bytes: int = MOST_BYTES) -> None:
        super().__init__()
        self.note: Callable[[int], str] = _plain_note
        self.dropped = 0
        self._descriptor, self._most_bytes = descriptor, most_bytes
        self._isatty = os.isatty(descriptor)
        self._begun: list[str] = []
        self._begun_length = 0
        self._waiting: deque[bytes] = deque()
        self._size = self._untold = 0
        self._writing = False
        self._changed = threading.Condition()
        threading.Thread(target=self._write_on, name=f"output {descriptor}", daemon=True).start()

    @property
    def is_behind(self) -> bool:
        """Whether something that was written before has not been taken yet."""
        return self._writing or bool(self._waiting)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def isatty(self) -> bool:
        return self._isatty

    def fileno(self) -> int:
        return self._descriptor

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        with self._changed:
            self._begun.append(text)
            self._begun_length += len(text)
            if text.endswith("\n") or (self._begun_length >= self._most_bytes and len(self._begun) > 1):
                self._hand_over()
        return len(text)

    def flush(self) -> None:
        """Hand over what was written; whether it was taken is not waited for."""
        with self._changed:
            self._hand_over()

    def drain(self, seconds: float = END_SECONDS) -> None:
        """Wait until all of it was taken, but not for long."""
        self.flush()
        with self._changed:
            self._changed.wait_for(lambda: not self.is_behind, seconds)

    def _hand_over(self) -> None:
        if not self._begun_length:
            return
        chunk = "".join(self._begun).encode(errors="backslashreplace")
        self._begun_length = 0
        self._begun.clear()
        self._waiting.append(chunk)
        self._size += len(chunk)
        while self._size > self._most_bytes and len(self._waiting) > 1:
            oldest = self._waiting.popleft()
            self._size -= len(oldest)
            self._count(oldest)
        self._changed.notify_all()

    def _count(self, chunk: bytes) -> None:
        lines = max(1, chunk.count(b"\n"))
        self.dropped += lines
        self._untold += lines

    def _write_on(self) -> None:
        """The thread: it may wait for a reader as long as it takes."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting)
                chunk = self._waiting.popleft()
                self._size -= len(chunk)
                untold, self._untold = self._untold, 0
                self._writing = True
            told = self.note(untold).encode(errors="backslashreplace") if untold else b""
            is_written = self._write_all(told + chunk)
            with self._changed:
                if not is_written:  # a full disk, a reader that is gone: said when there is one again
                    self._untold += untold
                    self._count(chunk)
                self._writing = False
                self._changed.notify_all()

    def _write_all(self, chunk: bytes) -> bool:
        left = memoryview(chunk)
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except BlockingIOError:  # somebody else made the terminal so
                select.select([], [self._descriptor], [])
            except OSError:
                return False
        return True


_outputs: dict[int, UnreadOutput] = {}


def never_wait_for_readers() -> None:
    """From here on, standard output and standard error of this process wait for nobody. What stands in for them in a
    test stays as it is.
    """
    sys.stdout, sys.stderr = _unwaiting(sys.stdout, 1), _unwaiting(sys.stderr, 2)


def lines_dropped() -> int:
    """How many lines of this process nobody read in time."""
    return sum(output.dropped for output in _outputs.values())


def _unwaiting(stream: TextIO, descriptor: int) -> TextIO:
    try:
        if stream is None or stream.fileno() != descriptor:
            return stream
    except (OSError, ValueError):
        return stream
    if descriptor not in _outputs:
        stream.flush()
        _outputs[descriptor] = UnreadOutput(descriptor)
        atexit.register(_outputs[descriptor].drain)
    return _outputs[descriptor]  # type: ignore[return-value]
