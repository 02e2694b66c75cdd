"""The writer lease: of all processes that could run a machine, one may write, and everybody can tell which.

What it is for. A portfolio's risk is one sum, so one process decides. A second one may stand by, may be started by
mistake, or may wake up after a pause in which it was taken for dead. A lease alone cannot help against the last case:
the sleeper still believes that it holds it. So two things are handed out together:

- the *lease*, which runs out by itself. It keeps others waiting while its holder is alive, and lets the next one in
  when it is not. It is about who gets on with the work: losing it early costs time, not correctness.
- the *epoch*, a number that grows by one with every holder: a fencing token. Every read and every commit carries it,
  and the store refuses all but the newest. It is what makes two writers impossible, however late a message arrives.

The order of steps. ``acquire`` waits for the lease, takes the next epoch, and shuts out whoever came before, readers
included: reading has an effect too, because what one process was given is not given to another. ``load`` returns what
the last commit left; ``history`` and ``pending`` return what has to be seen again. From then on ``read`` and ``commit``
take turns, and ``renew`` says every second that the holder is alive. ``release`` lets a successor in at once.

Why it is safe wherever a process dies:

- while it waits or loads: it has written nothing, and the lease runs out.
- after it read and before it committed: what it had read is pending; the successor's ``pending`` returns it.
- within the commit: the store does all of it or nothing.
- after the commit, before the reply: the cursors are part of the commit, so the successor sees that the entries were
  handled, and passes over them.
- not at all, it only slept: its epoch is over. ``read``, ``renew`` and ``commit`` raise ``FencedError``, and it ends.

See docs/decisions/0001 (state as records) and 0002 (cursors are the truth).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct

from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.ports.streams import Entry


class Commit(Struct, kw_only=True):
    """All that follows from a batch of messages; it happens together or not at all.

    seq: the number of this commit, one more than that of the last.
    outputs: messages to append to their streams and to publish.
    records: the rows of the state that changed, by key; None for one that is deleted.
    cursors: the id of the last entry handled, by stream, for the streams that this commit moves on in.
    handled: stream and id of the entries to acknowledge.
    digest: of all records as they are after this commit.
    reservation_checks: the steps by which reserved risk changes, for the store's own sum.
    letters: messages about what was refused among these entries, for ``hs:dead``.
    seal: what vouches for all that the commit leaves (``runtime.host.seal``).
    """

    seq: int
    outputs: Sequence[Message]
    records: Mapping[str, bytes | None]
    cursors: Mapping[str, str]
    handled: Sequence[tuple[str, str]]
    digest: int
    reservation_checks: Sequence[ReservationCheck] = ()
    letters: Sequence[Message] = ()
    seal: str = ""


class Snapshot(Struct, kw_only=True):
    """What the last commit left.

    seq: the number of that commit; 0 before the first.
    records: all rows of the state, by key.
    cursors: the id of the last entry handled, by stream.
    digest: of the records, as that commit gave it.
    reserved: the risk that the store counts for every open order, by its id, as text; of all machines at this home.
    reserved_usdt: the store's own sum of it, as text; empty where nothing was ever reserved.
    seal: as that commit gave it; empty before the first, and from a version that had none.
    """

    seq: int
    records: Mapping[str, bytes]
    cursors: Mapping[str, str]
    digest: int
    reserved: Mapping[str, str] = {}
    reserved_usdt: str = ""
    seal: str = ""


class LastCommit(NamedTuple):
    """The number of a machine's last commit, 0 before the first, and the digest that it left."""

    seq: int
    digest: int


class WriterLease(Protocol):
    """One machine's right to be the one reader of its inputs and the one writer of its state.

    losses: how many entries of a stream were gone before anybody handled them, as ``acquire`` found them.
    library: a hash of the functions that commits are made by.
    takes_letters: whether a commit may have letters: one call reaches their stream together with the state.
    """

    losses: Mapping[str, int]
    library: str
    takes_letters: bool

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Inputs that hold something else than a stream, each with what it is, as ``acquire`` found them.

        They are left out of what is read; ``renew`` raises ``BusLostError`` once one can be read.
        """
        ...

    async def last_commit(self) -> LastCommit:
        """What the store says was committed last, whoever holds the lease."""
        ...

    async def digest_of(self, seq: int) -> int | None:
        """The digest that an earlier commit left; None where that is not known any more."""
        ...

    async def acquire(self) -> int:
        """Become the one writer, and return the epoch. Waits while another holder is alive.

        Whoever held the lease before can neither commit nor read from then on.
        """
        ...

    async def release(self) -> None:
        """Give the lease back, so that a successor need not wait until it runs out."""
        ...

    async def renew(self) -> None:
        """Say that this writer is alive.

        Raises ``FencedError`` when another one took over, ``StateGoneError`` when the store knows of no epoch at all.
        """
        ...

    async def load(self) -> Snapshot:
        """What the last commit left."""
        ...

    async def look(self) -> Snapshot:
        """What the last commit left, as it is now, without the records."""
        ...

    def history(self, stream: str, up_to: str) -> AsyncIterator[Entry]:
        """The retained entries of a stream, oldest first, up to and including an id."""
        ...

    async def pending(self) -> Sequence[Entry]:
        """Entries that an earlier holder was given and did not handle."""
        ...

    async def begin_try(self, what: str) -> int:
        """Note that something begins which may end this process; returns how often it was noted and not ended.

        A note outlives the process, for a day. It is no part of the state.
        """
        ...

    async def end_try(self, what: str) -> None:
        """It did not end the process: forget the notes of it."""
        ...

    async def read(self, wait_ms: int) -> Sequence[Entry]:
        """New entries of all inputs, in the inputs' order, a bounded number of each; all of what is read whole.

        Waits for something to come, at most ``wait_ms`` milliseconds. Raises ``FencedError`` when the epoch is over.
        """
        ...

    async def commit(self, commit: Commit) -> bool:
        """Write all of it, or nothing. Returns whether the letters are there: no commit is refused for want of a place.

        Raises ``FencedError``, ``StateGoneError``, ``CommitRefusedError`` or ``AlreadyDecidedError`` when nothing was
        written, and ``BusLostError`` when nobody knows.
        """
        ...
