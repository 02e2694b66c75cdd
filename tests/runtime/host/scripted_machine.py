"""A machine that does with each message what a test says: the host must stand whatever a machine does."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from shared.domain.machine import Records
from shared.messages.base import Message, TimePassed
from shared.messages.catalogue import PROPOSED
from shared.messages.halts import Alerted
from shared.messages.orders import OrderProposed
from shared.runtime.machine_spec import MachineSpec
from tests.keys import MAIN

Script = Callable[[Message], Sequence[Message]]
PROPOSALS = MAIN.of(PROPOSED)


class Seen(Struct, frozen=True):
    """How often a message was handled."""

    times: int


class ScriptedMachine:
    """Remembers every proposal by a record and tells of it by an ``Alerted``; ``script`` has the first word."""

    def __init__(self, script: Script = lambda _: ()) -> None:
        self.records = Records({"seen": Seen})
        self._script = script

    def handle(self, message: Message) -> Sequence[Message]:
        if isinstance(message, TimePassed):
            return self._script(message)
        before = self.records.get("seen", message.id, Seen)
        self.records.put("seen", message.id, Seen((before.times if before else 0) + 1))
        if said := self._script(message):
            return said
        if not isinstance(message, OrderProposed):
            return ()
        return [Alerted(id=f"alert-{message.id}", time_ns=message.time_ns, cause=message.id, trigger="heat", reason="")]

    def warm(self, message: Message) -> None:
        self._script(message)

    def restored(self) -> None:
        pass

    @property
    def seen(self) -> dict[str, int]:
        return {name: row.times for name, row in self.records.rows("seen", Seen)}


def scripted_spec(script: Script = lambda _: ()) -> MachineSpec:
    return MachineSpec(service="risk", machine=ScriptedMachine(script), home=MAIN.home, inputs=(PROPOSALS,))
