"""Which entries are signed, and with what place: for both buses."""

from shared.messages.base import Message
from shared.messages.signers import SIGNERS
from shared.ports.signatures import Signatures


def signature_of(signatures: Signatures, message: Message, stream: str, body: bytes, place: str) -> bytes:
    """The signature of an entry; empty for a message that is not signed, or not by this process."""
    if not signatures.are_checked or signatures.writer not in SIGNERS.get(type(message), ()):
        return b""
    return signatures.sign(stream, body, place)
