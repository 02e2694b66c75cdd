"""The host without a bus: the same machines in a loop, for backtests and for proving that both hosts agree.

A round lets every machine in turn take all that waits for it, in the order of its inputs, exactly as a host's step
reads a batch. Rounds go on until nothing is left for any of them. So a replay gives what hosts on Redis give when they
are stepped in the same order.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from shared.domain.machine import ReservationCheck
from shared.messages.base import Message, TimePassed
from shared.messages.keys import Keys
from shared.messages.market import BarClosed
from shared.runtime.bar_order import in_closing_order
from shared.runtime.columns import Block, Instant, Prices, bars_at, instants, mark_at, seen
from shared.runtime.machine_spec import MachineSpec


class Played(NamedTuple):
    """An instant of a market that was played, and what the machines made of it, in order.

    close_ns: market time.
    """

    close_ns: int
    messages: list[Message]


class Mailbox:
    """What waits for a machine.

    mail: with the number of the input by which each message came.
    """

    __slots__ = ("machine", "mail", "spec", "states_checks")

    def __init__(self, spec: MachineSpec) -> None:
        self.spec, self.machine = spec, spec.machine
        self.mail: list[tuple[int, Message]] = []
        self.states_checks = spec.reservation_checks is not tuple

    def take(self) -> Sequence[tuple[int, Message]]:
        """All that waits, in the order of the inputs."""
        taken, self.mail = self.mail, []
        if len(taken) > 1:
            taken.sort(key=_input)
        return taken


NO_BLOCK = Block((), {})
Route = tuple[tuple[Mailbox, int], ...]


class Replay:
    """Machines in a loop. Feed it messages from outside; it returns what the machines made of them, in order.

    specs: the machines, in the order in which they take turns.
    keys: by which messages find the machines that read them.
    reservation_checks: all that were made so far, which a store would have counted.

        replay = Replay([risk_spec(settings, clock), execution_spec(settings, clock)], settings.keys)
        outputs = replay.feed(bars)
    """

    def __init__(self, specs: Sequence[MachineSpec], keys: Keys) -> None:
        self._keys = keys
        self._mailboxes = tuple(Mailbox(spec) for spec in specs)
        self._routes: dict[type[Message] | str, Route] = {}  # by type; of bars, by timeframe
        self._now_ns = -1
        self._block = NO_BLOCK
        self.reservation_checks: list[ReservationCheck] = []

    def feed(self, messages: Iterable[Message]) -> list[Message]:
        """Tell the machines the time of the first message, then hand all messages in. They settle after each."""
        outputs: list[Message] = []
        for number, message in enumerate(messages):
            if number == 0:
                self.advance_clock(message.time_ns, outputs)
            self._route(message)
        self._settle(outputs)
        return outputs

    def play(self, block: Block) -> Iterator[Played]:
        """Feed it a stretch of market, instant by instant. In between other messages may be fed."""
        self.enter(block)
        try:
            for instant in instants(block):
                yield Played(instant.close_ns, self.meet(instant))
        finally:
            self.leave()

    def enter(self, block: Block) -> None:
        """The market goes on in this block, until ``leave``."""
        self._block = block

    def meet(self, instant: Instant) -> list[Message]:
        """Feed the bars of one instant of the block. Instants are met in order."""
        return self.feed(bars_at(self._block, instant))

    def see(self, prices: Prices) -> list[Message]:
        """Feed prices between the closes of bars, in the order of the pairs of the block that was entered."""
        return self.feed([mark_at(self._block, prices, column) for column in seen(prices)])

    def refresh(self, _symbol: str) -> None:
        """For whoever looks at the state of risk: it has the last price of this pair. Here it always has."""

    def leave(self) -> None:
        """The block is over, or enough of it was met."""
        self._block = NO_BLOCK

    def advance_clock(self, now_ns: int, outputs: list[Message]) -> None:
        """Let market time pass, if it is later than what the machines know."""
        if now_ns <= self._now_ns:
            return
        self._now_ns = now_ns
        time = TimePassed(id=f"time-{now_ns}", time_ns=now_ns)
        for box in self._mailboxes:
            self._emit(box, box.machine.handle(time), outputs)
        self._settle(outputs)

    def _settle(self, outputs: list[Message]) -> None:
        busy = True
        while busy:
            busy = False
            for box in self._mailboxes:
                if box.mail:
                    busy = True
                    self._turn(box, outputs)

    def _turn(self, box: Mailbox, outputs: list[Message]) -> None:
        """Let a machine take all that waits for it, bars as they closed."""
        made: list[Message] = []
        handle = box.machine.handle
        for message in in_closing_order([message for _, message in box.take()], _itself):
            made += handle(message)
        self._emit(box, made, outputs)

    def _emit(self, box: Mailbox, made: Sequence[Message], outputs: list[Message]) -> None:
        box.machine.records.forget_changes()
        if box.states_checks:
            self.reservation_checks += box.spec.reservation_checks()
        for message in made:
            self._route(message)
        outputs += made

    def _route(self, message: Message) -> None:
        kind = message.timeframe if type(message) is BarClosed else type(message)
        route = self._routes.get(kind)
        if route is None:
            route = self._routes[kind] = self._route_of(message)
        for box, number in route:
            box.mail.append((number, message))

    def _route_of(self, message: Message) -> Route:
        """Where messages of this kind wait: the topics of a type, and of bars the timeframe, say it."""
        keys = [key for _, key in self._keys.places_of(message)]
        return tuple(
            (box, number)
            for key in keys
            for box in self._mailboxes
            for number, source in enumerate(box.spec.sources)
            if source == key
        )


def _input(mail: tuple[int, Message]) -> int:
    return mail[0]


def _itself(message: Message) -> Message:
    return message
