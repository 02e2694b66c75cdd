"""What outlives a host within one process."""

from collections import deque
from dataclasses import dataclass, field

from shared.adapters.witness import Witness
from shared.messages.base import Message
from shared.runtime.host.failures import Failures


@dataclass(slots=True)
class ProcessMemory:
    """What outlives a host when its process starts over.

    witness: the last commit that was seen made; a server that has fewer lost some.
    ask_first: the store is asked about every message before it is handled, because the machine forgets too soon.
    failures: what the machine failed at, so that it does not fail at it for ever.
    questions: what came by channels and waits for an answer, or to be told that it has none.
    """

    witness: Witness = field(default_factory=Witness)
    ask_first: bool = False
    failures: Failures = field(default_factory=Failures)
    questions: deque[Message] = field(default_factory=deque)
