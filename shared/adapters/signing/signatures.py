"""Signatures by keyed BLAKE2b: a writer and its readers share the writer's key (docs/decisions/0024)."""

import re
from hashlib import blake2b
from hmac import compare_digest
from pathlib import Path

from shared.adapters.signing.client_signatures import ClientKeys
from shared.adapters.signing.key_files import MAKE_THEM, Key, KeyFolder, key_path
from shared.config.faults import ConfigError, Fault
from shared.config.model import NO_KEYS
from shared.ports.signatures import NotSignedError, Seal, Signatures, Signed

MAC_BYTES = 16
_SIGNATURE = re.compile(rb"1 ([a-z_]{1,32}) ([A-Za-z0-9_-]{1,32}) (\S{0,48}) ([0-9a-f]{32})")


def signatures_of(folder: str, writer: str) -> Signatures:
    """What a process signs and checks with, by the setting ``signing.keys``. Raises ``ConfigError``."""
    if folder in ("", NO_KEYS):
        return Unsigned(writer)
    if not Path(folder).is_dir():
        problem = "there is no such folder of keys"
        raise ConfigError([Fault("", "signing.keys", folder, problem, f"{MAKE_THEM} Leave it empty to sign nothing.")])
    return KeyedSignatures(KeyFolder(Path(folder)), writer)


class Unsigned(Signatures):
    """No keys are configured. A seal still shows what was changed by accident, but nobody vouches for it."""

    are_checked = False

    def __init__(self, writer: str = "") -> None:
        self.writer, self.clients = writer, ClientKeys(None)

    def sign(self, stream: str, body: bytes, place: str = "") -> bytes:
        return b""

    def read(self, stream: str, body: bytes, signature: bytes) -> Signed:
        return Signed("", "")

    def seal(self, statement: bytes) -> Seal:
        return Seal("", _mac(b"", b"seal", statement))

    def holds(self, statement: bytes, seal: Seal) -> bool:
        return not seal.key and compare_digest(seal.mac, _mac(b"", b"seal", statement))

    def secret(self, key: str) -> bytes:
        return b""

    def refresh(self) -> bool:
        return False

    def missing(self, writers: frozenset[str]) -> list[str]:
        return []


UNSIGNED = Unsigned()


class KeyedSignatures(Signatures):
    """See ``ports.signatures.Signatures``. Keys are looked up when they are first needed."""

    are_checked = True

    def __init__(self, keys: KeyFolder, writer: str) -> None:
        self._keys, self.writer, self.clients = keys, writer, ClientKeys(keys.folder)

    def sign(self, stream: str, body: bytes, place: str = "") -> bytes:
        key = self._own()
        head = f"1 {self.writer} {key.id} {place}".encode()
        return head + b" " + _mac(key.secret, head, stream.encode(), body).encode()

    def read(self, stream: str, body: bytes, signature: bytes) -> Signed:
        if not signature:
            raise NotSignedError("it is not signed, and here only what is signed counts")
        if (parts := _SIGNATURE.fullmatch(signature)) is None:
            raise NotSignedError("its signature cannot be read")
        writer = parts[1].decode()
        key = self._find(writer, parts[2].decode())
        head = signature[: -2 * MAC_BYTES - 1]
        if not compare_digest(_mac(key.secret, head, stream.encode(), body).encode(), parts[4]):
            raise NotSignedError(f"its signature is not {writer}'s: the message was changed, moved here, or made up")
        return Signed(writer, parts[3].decode())

    def seal(self, statement: bytes) -> Seal:
        key = self._own()
        return Seal(key.id, _mac(key.secret, b"seal", statement))

    def holds(self, statement: bytes, seal: Seal) -> bool:
        key = next((key for key in self._keys.of(self.writer) if key.id == seal.key), None)
        return key is not None and compare_digest(seal.mac, _mac(key.secret, b"seal", statement))

    def secret(self, key: str) -> bytes:
        found = [each.secret for each in self._keys.of(self.writer) if each.id == key]
        return found[0] if found else b""

    def refresh(self) -> bool:
        before = self._own()
        for writer in self._keys.known:  # whose words were believed: a key that was taken away is void from now on
            self._key_of(writer, self._keys.refreshed(writer))
        self.clients.refresh()
        return self._own() != before

    def missing(self, writers: frozenset[str]) -> list[str]:
        needed = sorted({self.writer, *writers})
        return [str(key_path(self._keys.folder, writer)) for writer in needed if not self._keys.refreshed(writer)]

    def _own(self) -> Key:
        return self._key_of(self.writer, self._keys.of(self.writer) or self._keys.refreshed(self.writer))

    def _key_of(self, writer: str, keys: tuple[Key, ...]) -> Key:
        """The one that signs. Raises ``ConfigError`` where there is none: its writer would not be believed."""
        if not keys:
            path = key_path(self._keys.folder, writer)
            raise ConfigError([Fault(str(path), "", "", f"the key of {writer} is missing", MAKE_THEM)])
        return keys[0]

    def _find(self, writer: str, key_id: str) -> Key:
        """One of a writer's keys. One that is not known may be new, so its file is looked at once more."""
        for keys in (self._keys.of, self._keys.refreshed):
            for key in keys(writer):
                if key.id == key_id:
                    return key
        raise NotSignedError(f"its signature is by a key of {writer} that is not known here: {key_id}")


def _mac(secret: bytes, *parts: bytes) -> str:
    """Each part with its length before it, so that no two lists of parts are the same bytes."""
    mac = blake2b(key=secret, digest_size=MAC_BYTES, person=b"heatsink")
    for part in parts:
        mac.update(len(part).to_bytes(8))
        mac.update(part)
    return mac.hexdigest()
