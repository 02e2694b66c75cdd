"""Signatures of proposals and reports, for a client that has to sign (``[clients.NAME]``): by HMAC-SHA256."""

import hmac
import os
import re
import time
from pathlib import Path
from typing import NamedTuple

from heatsink_client.errors import GateError

VARIABLE = "HEATSINK_CLIENT_KEY"
ALGORITHM = "hmac-sha256"
_LINE = re.compile(r"([A-Za-z0-9_-]{1,32})\s+([0-9a-fA-F]{64})")


class ClientKey(NamedTuple):
    """id: its name, which stands in every signature. secret: the key itself."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"ClientKey({self.id})"

    def signature(self, stream: str, body: bytes, at_ms: int = 0) -> bytes:
        """Of a message for a queue. at_ms: milliseconds since 1970; left out, now."""
        at_ms = at_ms or time.time_ns() // 1_000_000  # noqa: TID251 - the gate compares it with the server's clock
        head = f"{ALGORITHM} {self.id} {at_ms} "
        signed = f"{head}{stream}\n".encode() + body
        return head.encode() + hmac.digest(self.secret, signed, "sha256").hex().encode()


def client_key(given: str) -> ClientKey | None:
    """The key in a file that ``heatsink keys new --client`` made: its first, or one that is given itself, as its line.

    given: empty for what the environment says, in ``HEATSINK_CLIENT_KEY``; None where that is empty too. Raises
    ``GateError``, and never tells what stands in the file.
    """
    place = given or os.environ.get(VARIABLE, "")  # noqa: TID251 - no setting of heatsink's
    if not place:
        return None
    if itself := _LINE.fullmatch(place.strip()):
        return ClientKey(itself[1], bytes.fromhex(itself[2]))
    remedy = "give the file that heatsink keys new --client NAME made"
    try:
        lines = Path(place).read_text(encoding="utf-8", errors="replace").splitlines()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "no name of a file"
        raise GateError(f"the key of this client cannot be read ({place[:100]!r}: {reason}): {remedy}") from None
    for line in lines:
        if found := _LINE.fullmatch(line.partition("#")[0].strip()):
            return ClientKey(found[1], bytes.fromhex(found[2]))
    raise GateError(f"there is no key in {place[:100]!r}: {remedy}")
