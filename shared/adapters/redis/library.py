"""Whether the functions on the server are heatsink's: whoever replaces them can answer any commit with ``OK``.

Versions may run side by side for a while, and each loads its own library in place of the other's. So every process
notes at ``hs:library`` which library it loads, signed where keys are configured. Another one is believed if somebody
noted it whose signature holds. On a server with users the owner alone loads functions, and notes them.
"""

import asyncio
from contextlib import suppress

from shared.adapters.redis.client import Client, bus_errors, hash_of_library, library_hash
from shared.adapters.redis.keys import LIBRARY_KEY
from shared.ports.errors import AccessRefusedError, BusLostError, CorruptStateError
from shared.ports.signatures import NotSignedError, Signatures

LOOKS, NOTED_SECONDS = 2, 1.0  # who loads another version notes it a moment later


async def note_library(client: Client, signatures: Signatures) -> None:
    """Say which library this process loads, unless that is said. Who may not write here may not load one either."""
    known = library_hash()
    with suppress(AccessRefusedError):
        if await _is_noted(client, signatures, known):
            return  # as the owner did at the start: nothing is refused to a service then
        async with bus_errors(LIBRARY_KEY):
            signature = signatures.sign(LIBRARY_KEY, known.encode())
            await client.fcall("hs_write", 1, LIBRARY_KEY, "HSET", known, signature)  # also into a full memory


async def check_library(client: Client, signatures: Signatures) -> None:
    """Raises ``CorruptStateError`` when somebody replaced the functions. A user that may not ask is not told."""
    for _ in range(LOOKS):
        try:
            found = await _library_on(client)
        except AccessRefusedError:
            return
        if found == library_hash() or await _is_noted(client, signatures, found):
            return
        await asyncio.sleep(NOTED_SECONDS)
    raise CorruptStateError(
        "the functions on the server are not heatsink's of any version that was started here: find out who may "
        "replace them. Starting again loads ours"
    )


async def _library_on(client: Client) -> str:
    """A hash of the functions there. Raises ``BusLostError`` where there are none: starting over loads them."""
    async with bus_errors():
        rows = await client.execute_command("FUNCTION", "LIST", "LIBRARYNAME", "heatsink", "WITHCODE")
    codes = _codes(rows)
    if not codes:
        raise BusLostError("the function library is gone from the server")
    return hash_of_library(codes[0])


async def _is_noted(client: Client, signatures: Signatures, library: str) -> bool:
    async with bus_errors(LIBRARY_KEY):
        signature = await client.hget(LIBRARY_KEY, library)
    if signature is None:
        return False
    try:
        signatures.read(LIBRARY_KEY, library.encode(), signature)
    except NotSignedError:
        return False
    return True


def _codes(rows: object) -> list[bytes]:
    """The code of each library in the reply: maps by RESP3, names and values in turns by RESP2."""
    found = []
    for row in rows if isinstance(rows, list) else ():
        fields = row if isinstance(row, dict) else dict(zip(row[::2], row[1::2], strict=True))
        found.append(fields[b"library_code"])
    return found
