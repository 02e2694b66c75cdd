"""A machine's place on the bus, as both hosts (``host`` on Redis, ``replay`` in a loop) need to know it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.domain.machine import Machine, ReservationCheck
from shared.messages.catalogue import BOOKS, MARKS
from shared.messages.orders import OrderDecided


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """A machine and its place on the bus.

    inputs: stream keys, in order of priority. warm: those whose history rebuilds what is not in the records.
    home: key prefix with the hash tag of the machine's state. marks, books: whether it wants them. intake: the channel
    where proposals may come by PUBLISH. ask: the channel of questions; what the machine gives out on a topic that is
    not durable is published for who asked and kept nowhere. vital: inputs of which no entry may be missing. writes: a
    stream that this machine alone writes; when it has entries and the machine has no state, the state was lost.
    reservation_checks: takes those since the last call. recall: the stream of past decisions, remembered at start.
    remember: told of each. repeats: takes the orders whose stored decision was asked for once more. check:
    called when the records are loaded; raises ``ConfigError`` when they and the configuration do not go together.
    """

    service: str
    machine: Machine
    inputs: tuple[str, ...]
    home: str
    warm: tuple[str, ...] = ()
    marks: bool = False
    books: bool = False
    intake: str = ""
    ask: str = ""
    vital: tuple[str, ...] = ()
    writes: str = ""
    reservation_checks: Callable[[], Sequence[ReservationCheck]] = field(default=tuple)
    recall: str = ""
    remember: Callable[[OrderDecided], None] = field(default=lambda _: None)
    repeats: Callable[[], Sequence[str]] = field(default=tuple)
    check: Callable[[], None] = field(default=lambda: None)

    @property
    def market(self) -> tuple[str, ...]:
        """The channels of which only the latest of each pair counts."""
        return tuple(key for key, wanted in ((MARKS.key, self.marks), (BOOKS.key, self.books)) if wanted)

    @property
    def heard(self) -> tuple[str, ...]:
        """All that it takes in, in the order of a step: the market as it is, entries, questions."""
        return (*self.market, *self.inputs, *filter(None, (self.ask,)))
