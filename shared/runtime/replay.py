"""The host without a bus: the same machines in a loop, for backtests and for proving that both hosts agree.

A round lets every machine in turn take all that waits for it, in the order of its inputs, exactly as a host's step
reads a batch. Rounds go on until nothing is left for any of them. So a replay gives what hosts on Redis give when they
are stepped in the same order.
"""

from collections.abc import Iterable, Sequence

from shared.domain.machine import ReservationCheck
from shared.messages.base import Message, TimePassed
from shared.messages.keys import Keys
from shared.runtime.bar_order import in_closing_order
from shared.runtime.machine_spec import MachineSpec


class Replay:
    """Machines in a loop. Feed it messages from outside; it returns what the machines made of them, in order.

    specs: the machines, in the order in which they take turns.
    keys: by which messages find the machines that read them.
    reservation_checks: all that were made so far, which a store would have counted.

        replay = Replay([risk_spec(settings, clock), execution_spec(settings, clock)], settings.keys)
        outputs = replay.feed(bars)
    """

    def __init__(self, specs: Sequence[MachineSpec], keys: Keys) -> None:
        self._specs = tuple(specs)
        self._keys = keys
        sources = [spec.sources for spec in specs]
        self._inboxes: list[list[list[Message]]] = [[[] for _ in streams] for streams in sources]
        self._routes: dict[str, list[list[Message]]] = {}
        for streams, inbox in zip(sources, self._inboxes, strict=True):
            for key, waiting in zip(streams, inbox, strict=True):
                self._routes.setdefault(key, []).append(waiting)
        self._now_ns = -1
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

    def advance_clock(self, now_ns: int, outputs: list[Message]) -> None:
        """Let market time pass, if it is later than what the machines know."""
        if now_ns <= self._now_ns:
            return
        self._now_ns = now_ns
        time = TimePassed(id=f"time-{now_ns}", time_ns=now_ns)
        for spec in self._specs:
            self._emit(spec, spec.machine.handle(time), outputs)
        self._settle(outputs)

    def _settle(self, outputs: list[Message]) -> None:
        busy = True
        while busy:
            busy = False
            for spec, inbox in zip(self._specs, self._inboxes, strict=True):
                taken = in_closing_order([message for waiting in inbox for message in waiting], _itself)
                if not taken:
                    continue
                busy = True
                for waiting in inbox:
                    waiting.clear()
                made: list[Message] = []
                for message in taken:
                    made += spec.machine.handle(message)
                self._emit(spec, made, outputs)

    def _emit(self, spec: MachineSpec, made: Sequence[Message], outputs: list[Message]) -> None:
        spec.machine.records.drain()
        self.reservation_checks += spec.reservation_checks()
        for message in made:
            self._route(message)
        outputs += made

    def _route(self, message: Message) -> None:
        for _, key in self._keys.places_of(message):
            for waiting in self._routes.get(key, ()):
                waiting.append(message)


def _itself(message: Message) -> Message:
    return message
