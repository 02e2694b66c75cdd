"""What is wrong with one key, and of which stack it is."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from shared.adapters.redis.client import Client
from shared.adapters.redis.keys import machine_keys
from shared.messages.keys import Keys

Mend = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine whose state stands on the server. home: how the keys of its state begin. service: its name."""

    service: str
    home: str

    def key(self, kind: str) -> str:
        """A name of ``MachineKeys``."""
        return str(getattr(machine_keys(self.home, self.service), kind))


@dataclass(frozen=True, slots=True)
class Stack:
    """What is looked at.

    keys: of the portfolio. streams: the keys of all topics' streams. timeframes: those of the bars in use.
    machines: all that commit. reserves: the one of them that reserves risk.
    """

    client: Client
    keys: Keys
    streams: Sequence[str]
    timeframes: Sequence[str]
    machines: Sequence[Machine]
    reserves: Machine


@dataclass(frozen=True, slots=True)
class KeyFault:
    """One thing that is wrong.

    key: where. problem: what, in words. remedy: what mending does, in words.
    mend: does it; None where nothing here can, and then the remedy says what does.
    """

    key: str
    problem: str
    remedy: str
    mend: Mend | None = None


def aside(key: str, what: str) -> str:
    """A name beside a key, in the same slot of a Redis Cluster. what: to tell several of them apart."""
    tagged = key if "{" in key else "{" + key + "}"
    return f"{tagged}:aside:{what}"
