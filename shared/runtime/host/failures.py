"""What a machine failed at. It outlives the host, because a machine that raised has to be begun anew.

A machine that raises may have changed half of its state, so nothing of that step counts: the host ends, and the next
one goes on from the last commit. It comes to what was pending one by one (``careful``), so that a neighbour that
spoiled the state shows, and so that neighbours are committed apart. What fails ``TRIES`` times is *settled*: it is
passed over, and set aside (``set_aside``).

An entry does not come again once the cursor is past it. What comes by a channel does, in another shape: the next mark
of the pair, the next question. So those are settled by where they come from, for the next ``PASSED_OVER`` of them; then
one is tried again.

What kills the process leaves no exception. So every start is noted on the server, and after ``TRIES`` of them that came
to nothing each entry is noted as well before it is handed over, be it pending or history (``WriterLease.begin_try``).
A process makes each note once, so that it is processes which are counted. What ended ``TRIES`` of them is *condemned*:
its note stays, and so does that of the start. So the next process looks for it, and does not take it in again.
"""

from msgspec import Struct

from shared.messages.base import truncate
from shared.messages.market import BookSampled, MarkChanged
from shared.ports.streams import Entry
from shared.ports.writer_lease import WriterLease

TRIES = 2
PASSED_OVER = 500
REMEMBERED = 1_000
START = "start"  # what the note of a start is called; those of entries are called by stream and id


class ProcessEndedError(RuntimeError):
    """The process died of something: it ran for ever, or out of memory, and was killed."""


class Failure(Struct, kw_only=True):
    """One thing that a machine failed at.

    tries: how often. reason: the last exception.
    announced: it stands on ``hs:set-aside`` that this is passed over.
    passed: how many of the same origin were passed over.
    """

    tries: int = 0
    reason: str = ""
    announced: bool = False
    passed: int = 0


class Failures:
    """See the module. Bounded: the oldest is forgotten.

    careful: hand the machine one thing at a time, with a commit each, until all that was pending is done.
    died_before: the processes before this one died while they started, so each entry of this start is noted.
    """

    def __init__(self) -> None:
        self.careful, self.died_before = False, False
        self._all: dict[tuple[str, str], Failure] = {}
        self._begun: set[str] = set()  # what this process noted, and did not come to the end of
        self._condemned: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._all)

    def note(self, item: Entry, error: BaseException, *, tries: int = 1) -> Failure:
        """The machine failed at this. tries: as how often that counts."""
        self.careful = True
        failure = self._all.setdefault(_origin(item), Failure())
        failure.tries += tries
        failure.reason = truncate(f"{type(error).__name__}: {error}")
        if len(self._all) > REMEMBERED:
            del self._all[next(iter(self._all))]
        return failure

    def settled(self, item: Entry) -> Failure | None:
        """What is known of a thing that is to be passed over; None for one that is to be handled."""
        failure = self._all.get(_origin(item))
        if failure is None or failure.tries < TRIES:
            return None
        if not item.id and failure.passed >= PASSED_OVER:
            failure.tries, failure.announced, failure.passed = TRIES - 1, False, 0
            return None
        failure.passed += 1
        return failure

    # --- what ends the process ------------------------------------------------------------------------------------

    async def begin_start(self, lease: WriterLease) -> None:
        """Note that a host starts."""
        if await self._ended_others(START, lease):
            self.died_before = True

    async def end_start(self, lease: WriterLease) -> None:
        """All that was history or pending is done."""
        if not self._condemned:
            await self._survived(START, lease)
            self.died_before = False

    async def begin(self, entry: Entry, lease: WriterLease) -> None:
        """Note that the machine is handed this. It is settled if that ended the process too often."""
        name = _name(entry)
        if await self._ended_others(name, lease):
            self._condemned.add(name)
            self.note(entry, ProcessEndedError("the process ended while it handled this"), tries=TRIES)

    async def end(self, entry: Entry, lease: WriterLease) -> None:
        """The process lives, so it was not this that ends it."""
        if (name := _name(entry)) not in self._condemned:
            await self._survived(name, lease)

    async def _ended_others(self, what: str, lease: WriterLease) -> bool:
        """Note it, once. Whether too many processes ended since they noted the same."""
        if what in self._begun:
            return False
        self._begun.add(what)  # before: a note that may not have been made is not made twice
        return await lease.begin_try(what) > TRIES

    async def _survived(self, what: str, lease: WriterLease) -> None:
        await lease.end_try(what)
        self._begun.discard(what)


def _name(entry: Entry) -> str:
    return f"{entry.stream} {entry.id}"


def _origin(item: Entry) -> tuple[str, str]:
    """What stands for the same thing when it comes again."""
    message = item.message
    if item.id or message is None:
        return item.stream, item.id
    return item.stream, message.symbol if isinstance(message, MarkChanged | BookSampled) else type(message).__name__
