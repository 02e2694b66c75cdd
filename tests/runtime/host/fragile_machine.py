"""A real machine with a bug: it fails at messages that are marked. And such a message for every stream."""

import os
import signal
from collections.abc import Sequence
from decimal import Decimal

from msgspec import structs

from shared.domain.machine import Machine
from shared.messages.base import Message
from shared.messages.catalogue import topic_of_key
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided
from tests.samples import samples

POISON = "poison"  # how the id of a message begins at which the machine raises,
DEADLY = "deadly"  # and of one that ends the process


class Fragile:
    """A machine that fails at what is marked, after it has changed its state."""

    def __init__(self, machine: Machine) -> None:
        self.machine, self.records, self.restored = machine, machine.records, machine.restored

    def handle(self, message: Message) -> Sequence[Message]:
        made = self.machine.handle(message)
        _fail_at(message)
        return made

    def warm(self, message: Message) -> None:
        self.machine.warm(message)
        _fail_at(message)


def _fail_at(message: Message) -> None:
    if message.id.startswith(POISON):
        raise AttributeError(f"{type(message).__name__} has no attribute 'spam'")
    if message.id.startswith(DEADLY):
        os.kill(os.getpid(), signal.SIGKILL)


def poison_of(stream: str, symbol: str, now_ns: int, mark: str = POISON) -> Message:
    """A message as it stands on the stream, marked. symbol: of a bar."""
    topic = topic_of_key(stream)
    assert topic is not None
    sample = next(each for each in samples() if type(each) is topic.messages[0])
    changes: dict[str, object] = {"id": f"{mark}-{topic.name}", "time_ns": now_ns}
    if isinstance(sample, BarClosed):
        changes |= {"timeframe": stream.rpartition(":")[2], "symbol": symbol}
    if hasattr(sample, "order_id"):
        changes |= {"order_id": f"{mark}-{topic.name}"}
    if isinstance(sample, OrderDecided):  # one that approves nothing: any other needs a reservation to be handed over
        changes |= {"verdict": "reject", "quantity_approved": Decimal(0)}
    return structs.replace(sample, **changes)
