"""A machine's place on the bus, as both hosts (``host`` on the bus, ``replay`` in a loop) need to know it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain.machine import Machine, ReservationCheck
from shared.messages.base import Message
from shared.messages.catalogue import Topic
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

    async def take_in(self, bus: Bus, message: Message) -> Message | None:
        """Make a message that came by PUBLISH durable, or answer it when it came before.

        Gives it back where only the machine can answer: it is not the one that came before under its id.
        """
        ...

    async def answer_repeats(self, bus: Bus) -> None:
        """Answer what the machine recognised as repeats since the last call."""
        ...


class Vouching(Protocol):
    """What holds messages against the store before a machine acts on them."""

    async def checked(self, bus: Bus, items: Sequence[Entry]) -> Sequence[Entry]:
        """The same, in which a message that the store does not bear out has given way to the reason."""
        ...


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine and its place on the bus.

    service: the name of the service that it is; it stands in the keys of its state.
    machine: the machine itself, new.
    home: how the keys of its state begin; the part in braces is their hash tag.
    inputs: the keys of the streams that it reads, in order of priority.
    whole: those of the streams on which what stands on others builds: they are read to their end in every step.
    in_turns: the stream beside which clients have queues of their own: all of them are read in turns.
    signed_clients: clients that have to sign what they put into those queues.
    warm: those of the streams whose history rebuilds what is not in the records.
    latest: topics of which it wants the newest message of each pair, and no other: marks, books.
    follows: whether a pair is one of those, by its name: of names that nobody trades there is no end.
    questions: the channel of questions, empty for none. What the machine gives out on a topic that is not durable is
        published for who asked, and kept nowhere.
    vital: inputs of which no entry may be missing; where one is, the service does not start.
    watches_memory: whether it is told how full the memory of the server is.
    writes: a stream that this machine alone writes. When it has entries and the machine has no state, that was lost.
    reservation_checks: takes those that the machine made since the last call.
    idempotency: what makes it answer a message once; None where nothing has to.
    vouching: what asks the store whether it knows of what is said; None where nothing has to.
    verify: called when the records are loaded. It raises ``ConfigError`` when they and the configuration do not go
        together.
    """

    service: str
    machine: Machine
    home: str
    inputs: tuple[str, ...]
    whole: tuple[str, ...] = ()
    in_turns: str = ""
    signed_clients: frozenset[str] = frozenset()
    warm: tuple[str, ...] = ()
    latest: tuple[Topic, ...] = ()
    follows: Callable[[str], bool] = field(default=lambda _: True)
    questions: str = ""
    vital: tuple[str, ...] = ()
    watches_memory: bool = False
    writes: str = ""
    reservation_checks: Callable[[], Sequence[ReservationCheck]] = field(default=tuple)
    idempotency: Idempotency | None = None
    vouching: Vouching | None = None
    verify: Callable[[], None] = field(default=lambda: None)

    @property
    def reserves(self) -> bool:
        """Whether it reserves risk, which the store counts too."""
        return self.reservation_checks is not tuple

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that it listens to."""
        published = (self.idempotency.channel,) if self.idempotency is not None else ()
        return tuple(filter(None, (*(topic.key for topic in self.latest), *published, self.questions)))

    @property
    def sources(self) -> tuple[str, ...]:
        """All that it takes in, in the order of a step: the market as it is, entries, questions."""
        return tuple(filter(None, (*(topic.key for topic in self.latest), *self.inputs, self.questions)))
