"""A machine's place on the bus, as both hosts (``host`` on the bus, ``replay`` in a loop) need to know it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.machine import Machine, ReservationCheck
from shared.messages.base import Message
from shared.messages.catalogue import BOOKS, MARKS
from shared.ports.bus import Bus
from shared.ports.streams import Entry


class Idempotency(Protocol):
    """What makes a machine answer a message once, however often and by whichever way it comes.

    channel: where such messages may come by PUBLISH.
    """

    channel: str

    async def load(self, bus: Bus) -> None:
        """Let the machine remember what was answered before. Called once, when its records are loaded."""
        ...

    async def recall(self, bus: Bus, entries: Sequence[Entry]) -> None:
        """Ask the store which of these were answered before, for a machine that may have forgotten."""
        ...

    async def take_in(self, bus: Bus, message: Message) -> None:
        """Make a message that came by PUBLISH durable, or answer it when it came before."""
        ...

    async def answer_repeats(self, bus: Bus) -> None:
        """Answer what the machine recognised as repeats since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine and its place on the bus.

    inputs: stream keys, in order of priority. warm: those whose history rebuilds what is not in the records.
    home: key prefix with the hash tag of the machine's state. marks, books: whether it wants them.
    ask: the channel of questions; what the machine gives out on a topic that is not durable is published for who asked
    and kept nowhere. vital: inputs of which no entry may be missing. writes: a stream that this machine alone writes;
    when it has entries and the machine has no state, the state was lost. reservation_checks: takes those since the last
    call. idempotency: what makes it answer a message once, if it has to. check: called when the records are loaded;
    raises ``ConfigError`` when they and the configuration do not go together.
    """

    service: str
    machine: Machine
    inputs: tuple[str, ...]
    home: str
    warm: tuple[str, ...] = ()
    marks: bool = False
    books: bool = False
    ask: str = ""
    vital: tuple[str, ...] = ()
    writes: str = ""
    reservation_checks: Callable[[], Sequence[ReservationCheck]] = field(default=tuple)
    idempotency: Idempotency | None = None
    check: Callable[[], None] = field(default=lambda: None)

    @property
    def market(self) -> tuple[str, ...]:
        """The channels of which only the latest of each pair counts."""
        return tuple(key for key, wanted in ((MARKS.key, self.marks), (BOOKS.key, self.books)) if wanted)

    @property
    def heard(self) -> tuple[str, ...]:
        """All that it takes in, in the order of a step: the market as it is, entries, questions."""
        return (*self.market, *self.inputs, *filter(None, (self.ask,)))
