"""A recording of books that runs: it says how it goes, and ends in order at Ctrl-C or SIGTERM."""

import asyncio
import signal
from pathlib import Path

from services.cli.printing import say
from shared.application.record_books import RecordingRefusedError, open_recorder, record_books
from shared.application.stack import StackLocator
from shared.application.wording.formats import clock

SENTENCES = {
    "sealed": "{pairs} pairs, {samples:,} samples since the start",
    "server_away": "the server is away ({reason}); the next try in {retry_seconds} s",
    "absent": "nobody listened for {seconds:,} s of market time: it is written down",
}


async def run_recording(stack: StackLocator, store: Path, seconds: float) -> None:
    """Record until a signal, or for so many seconds (0: without end). Raises ``BooksError`` in a sentence."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, stop.set)
    recorder = await open_recorder(stack, store)
    if seconds:
        loop.call_later(seconds, stop.set)
    try:
        with recorder:
            say(f"Recording books to {recorder.folder}; Ctrl-C ends it, and nothing is lost")
            await record_books(stack, recorder, stop, _tell)
    except* OSError as errors:
        reason = f"cannot be written: {errors.exceptions[0]}; what was taken before is kept"
        raise RecordingRefusedError(f"{recorder.folder}: {reason}") from None
    newest = clock(recorder.last_ns) if recorder.last_ns else "none"
    say(f"{recorder.pairs} pairs, {recorder.taken:,} samples in this run; the newest is of {newest}")


def _tell(event: str, /, **facts: int | str) -> None:
    say(SENTENCES[event].format(**facts))
