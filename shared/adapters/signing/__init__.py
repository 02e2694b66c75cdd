"""Keys in files, and what is signed with them. The one place that knows how a signature is made."""

from shared.adapters.signing.client_signatures import FOLDER as CLIENTS_FOLDER
from shared.adapters.signing.client_signatures import ClientKeys
from shared.adapters.signing.key_files import KeyFolder, forget_old, rotate, write_new_keys
from shared.adapters.signing.signatures import UNSIGNED, KeyedSignatures, Unsigned, signatures_of

__all__ = [
    "CLIENTS_FOLDER",
    "UNSIGNED",
    "ClientKeys",
    "KeyFolder",
    "KeyedSignatures",
    "Unsigned",
    "forget_old",
    "rotate",
    "signatures_of",
    "write_new_keys",
]
