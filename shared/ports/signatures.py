"""Signatures: what a service decides by was written by whom it should have been, and is no copy of an earlier word.

A signature is a field of the stream entry beside the message, never part of it. It names its writer, the key, and a
*place*, and binds all of them to the stream and the bytes:

- what a commit writes has its place in the order of that writer's words: ``17-4``, the fourth output of commit 17.
- a command names the last entry of its stream that its writer saw: ``>1764385200123-0``.
- what may come in any order has none.

The reader keeps the last place that it believed with its cursors (``runtime.host.signed_entries``). So a word that was
true once is not believed twice.
"""

from collections.abc import Iterable
from typing import NamedTuple, Protocol

SIGNATURE_FIELD = b"s"
AFTER = ">"  # how the place of a command begins


class NotSignedError(ValueError):
    """An entry without a signature that can be believed; the text says what is wrong with it."""


class Signed(NamedTuple):
    """A signature that holds: who wrote the entry, and where in the order of the writer's words."""

    writer: str
    place: str


class Seal(NamedTuple):
    """A statement that holds only for who has the key. key: its id, empty without keys. mac: the proof, as text."""

    key: str
    mac: str


class ClientSignatures(Protocol):
    """Keys of clients, for what they put into their queues (docs/decisions/0035): each has one of its own, or none."""

    def sign(self, client: str, stream: str, body: bytes, at_ms: int) -> bytes:
        """The signature of what is put into a queue at a time of the wall clock; empty without a key of the client."""
        ...

    def check(self, client: str, stream: str, body: bytes, signature: bytes, at_ms: int) -> None:
        """Raises ``NotSignedError``, unless the client signed this for this queue, about when it came there."""
        ...

    def missing(self, clients: Iterable[str]) -> list[str]:
        """Those of these clients who have no key here that can be used."""
        ...

    def refresh(self) -> None:
        """Look for keys that were changed or taken away."""
        ...


class Signatures(Protocol):
    """The keys of one process, as it uses them.

    writer: under which name it signs.
    are_checked: whether keys are configured; without, nothing is signed and everything is believed, as it is.
    clients: the keys of clients, where this process has them.
    """

    writer: str
    are_checked: bool
    clients: ClientSignatures

    def sign(self, stream: str, body: bytes, place: str = "") -> bytes:
        """The signature of a message on a stream; empty where nothing is signed."""
        ...

    def read(self, stream: str, body: bytes, signature: bytes) -> Signed:
        """Who signed it. Raises ``NotSignedError``."""
        ...

    def seal(self, statement: bytes) -> Seal:
        """Vouch for a statement about this process's own state."""
        ...

    def holds(self, statement: bytes, seal: Seal) -> bool:
        """Whether this process, or one before it under the same name, vouched for the statement."""
        ...

    def secret(self, key: str) -> bytes:
        """What only this process's seals of that key depend on; empty without keys."""
        ...

    def refresh(self) -> bool:
        """Look for keys that were changed. Says whether this process has another key to sign with than before."""
        ...

    def missing(self, writers: frozenset[str]) -> list[str]:
        """The keys that are not there, of those without which these writers cannot be checked."""
        ...
