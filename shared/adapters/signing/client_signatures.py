"""Signatures of clients, by HMAC-SHA256, which every language has in its standard library (docs/decisions/0035).

A signature is text: ``hmac-sha256``, the id of the key, the wall clock in milliseconds, and the digest in hexadecimal.
What is signed is everything before the digest, the key of the client's queue, a line feed, and the message.
"""

import hmac
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from shared.adapters.signing.key_files import Key, KeyFolder
from shared.config.faults import ConfigError
from shared.ports.signatures import ClientSignatures, NotSignedError

FOLDER = "clients"  # within that of the keys of services: a client may be called risk
ALGORITHM = "hmac-sha256"
APART_MS = 300_000  # between signing and arrival; clocks of machines differ, and a copy of an old message is none
_SIGNATURE = re.compile(rb"([a-z0-9-]{1,32}) ([A-Za-z0-9_-]{1,32}) ([0-9]{1,16}) ([0-9a-f]{16,128})")
_FORM = f"{ALGORITHM}, the id of the key, milliseconds and 64 hexadecimal digits (docs/join.md)"


class ClientKeys(ClientSignatures):
    """See ``ports.signatures.ClientSignatures``. folder: of the keys of services; None where nothing is signed."""

    def __init__(self, folder: Path | None) -> None:
        self._keys = KeyFolder(folder / FOLDER) if folder is not None else None
        self._known: dict[str, tuple[Key, ...]] = {}

    def sign(self, client: str, stream: str, body: bytes, at_ms: int) -> bytes:
        keys = self._look(client)
        return _signature(keys[0], stream, body, at_ms) if keys else b""

    def check(self, client: str, stream: str, body: bytes, signature: bytes, at_ms: int) -> None:
        if not signature:
            make = f"sign with its key, which the owner makes: heatsink keys new --client {client}"
            raise NotSignedError(f"client {client} has to sign here, and this is not signed: {make}")
        parts = _SIGNATURE.fullmatch(signature)
        if parts is None or parts[1].decode() != ALGORITHM:
            raise NotSignedError(f"{_shown(signature)} is no signature of a client: write {_FORM}")
        key = self._find(client, parts[2].decode())
        signed_ms = int(parts[3])
        if not hmac.compare_digest(_signature(key, stream, body, signed_ms), signature):
            whose = f"the signature is not client {client}'s for this message in {stream}"
            raise NotSignedError(f"{whose}: it was changed, or signed for another queue, or by another key {key.id}")
        if abs(apart := at_ms - signed_ms) > APART_MS:
            when = f"{abs(apart) // 1000} s {'before' if apart > 0 else 'after'} it came, and {APART_MS // 1000} may be"
            raise NotSignedError(f"it was signed {when}: set the clock of that machine, and sign anew when you send")

    def missing(self, clients: Iterable[str]) -> list[str]:
        return [client for client in sorted(clients) if not self._look(client)]

    def refresh(self) -> None:
        for client in tuple(self._known):
            self._look(client)

    def _look(self, client: str) -> tuple[Key, ...]:
        """A client's keys as they are now; none where they cannot be read, which is that client's trouble alone."""
        found: tuple[Key, ...] = ()
        with suppress(ConfigError):
            found = self._keys.refreshed(client) if self._keys is not None else ()
        self._known[client] = found
        return found

    def _find(self, client: str, key_id: str) -> Key:
        """One of a client's keys. One that is not known may be new, so its file is looked at once more."""
        keys = self._known.get(client, ())
        if all(key.id != key_id for key in keys):
            keys = self._look(client)
        for key in keys:
            if key.id == key_id:
                return key
        if not keys:
            raise NotSignedError(f"the gate has no key of client {client}: its owner looks with heatsink doctor")
        raise NotSignedError(f"client {client} has no key {key_id} here (any more): sign with the first in its file")


def _signature(key: Key, stream: str, body: bytes, at_ms: int) -> bytes:
    head = f"{ALGORITHM} {key.id} {at_ms} ".encode()
    return head + hmac.digest(key.secret, b"%b%b\n%b" % (head, stream.encode(), body), "sha256").hex().encode()


def _shown(signature: bytes) -> str:
    """No more of it than tells somebody what he sent."""
    return repr(signature[:24])[1:]
