"""How much of everything strangers may take of an HTTP server of ours."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Beside these, a line and a field have at most 8 kB, by aiohttp.

    connections: at most, in all.
    a_peer: at most, of one address. On this machine all have the same.
    backlog: that may wait to be taken; fewer than ``a_peer``, for those that come together not to push each other out.
    header_seconds: from a connection, or the answer before, until all headers of a request are there.
    body_seconds: from there until its body is.
    headers: of one request.
    body_bytes: of one request.
    """

    connections: int = 512
    a_peer: int = 384
    backlog: int = 128
    header_seconds: float = 10.0
    body_seconds: float = 10.0
    headers: int = 64
    body_bytes: int = 64 * 1024
