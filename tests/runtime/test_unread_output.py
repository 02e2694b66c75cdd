"""Output that nobody reads: who writes goes on, and what was dropped is counted and told."""

import fcntl
import os
import sys
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from shared.runtime.unread_output import UnreadOutput
from tests.patience import PATIENCE_SECONDS

PIPE_BYTES = 4096
FILLS_THE_PIPE = "x" * 10 * PIPE_BYTES


@dataclass
class Pipe:
    output: UnreadOutput
    reader: int

    def fill(self) -> None:
        """Until whoever writes has to wait."""
        print(FILLS_THE_PIPE, file=self.output)
        for _ in range(int(PATIENCE_SECONDS / 0.01)):
            held = fcntl.ioctl(self.reader, termios.FIONREAD, bytes(4))
            if int.from_bytes(held, sys.byteorder) >= PIPE_BYTES:
                return
            time.sleep(0.01)
        raise AssertionError("the pipe does not fill")

    def read(self, end: bytes) -> str:
        """All that comes, up to what ends so."""
        found = b""
        while not found.endswith(end):
            found += os.read(self.reader, 1 << 16)
        return found.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    yield Pipe(UnreadOutput(writer, most_bytes=2_000), reader)
    os.close(reader)


def test_what_is_written_is_read_as_it_was(pipe: Pipe) -> None:
    print("one", file=pipe.output)
    print("tw", end="", file=pipe.output, flush=True)
    print("o é\ud800", file=pipe.output)
    assert pipe.read(b"\\ud800\n") == "one\ntwo é\\ud800\n"
    pipe.output.drain(PATIENCE_SECONDS)
    assert not pipe.output.is_behind
    assert pipe.output.dropped == 0


def test_a_writer_goes_on_without_a_reader_and_the_oldest_lines_are_dropped_counted_and_told(pipe: Pipe) -> None:
    pipe.fill()
    for number in range(2_000):
        print(f"line {number:04}", file=pipe.output)
    assert pipe.output.is_behind
    assert pipe.output.dropped >= 1_800
    lines = pipe.read(b"line 1999\n").replace(FILLS_THE_PIPE, "...").splitlines()
    notes = [line for line in lines if "dropped" in line]
    kept = [line for line in lines if line.startswith("line")]
    assert kept == sorted(kept)
    assert len(kept) + pipe.output.dropped == 2_000
    assert sum(int(note.split()[1].replace(",", "")) for note in notes) == pipe.output.dropped
    number = int(kept[-100].split()[1])
    assert number == 1_900, "the newest are the last to go"


def test_a_line_beyond_every_bound_still_passes_alone(pipe: Pipe) -> None:
    print("x" * 50_000, file=pipe.output)
    assert len(pipe.read(b"x\n")) == 50_001


def test_the_end_is_not_held_up_by_a_reader_that_does_not_read(pipe: Pipe) -> None:
    pipe.fill()
    ended = threading.Thread(target=lambda: pipe.output.drain(0.05))
    ended.start()
    ended.join(PATIENCE_SECONDS)
    assert not ended.is_alive()
    assert pipe.output.is_behind


def test_a_reader_that_is_gone_and_a_full_disk_end_nobody() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open("/dev/full", "wb", buffering=0) as full:
        with pytest.raises(OSError, match="No space left"):
            full.write(b"x")
        for descriptor in (writer, full.fileno()):
            output = UnreadOutput(descriptor)
            for _ in range(10):
                print("line", file=output)
                output.drain(PATIENCE_SECONDS)
            assert output.dropped == 10
    os.close(writer)


def test_a_line_without_an_end_takes_no_more_room_than_what_may_wait(pipe: Pipe) -> None:
    """A progress bar without a reader, for days."""
    pipe.fill()
    for _ in range(20_001):
        pipe.output.write("\r50 %")
    assert sum(map(len, pipe.output._waiting)) + pipe.output._begun_length <= 2 * 2_000
    assert pipe.output.dropped > 0
    print(file=pipe.output)
    assert pipe.read(b"50 %\n")
