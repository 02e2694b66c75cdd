"""Ports on this machine: which one is free, and whether somebody listens there."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"
POLL_SECONDS = 0.05
PORTS_TRIED = 20


def free_port(preferred: int = 0) -> int:
    """The preferred port when nobody has it, otherwise any free one. It is free now, and perhaps not for long.

    ``claimed_port`` keeps it. Raises ``OSError`` when there is none.
    """
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            number: int = probe.getsockname()[1]
            return number
    raise OSError(f"no free port on {HOST}")


@contextmanager
def claimed_port(preferred: int = 0) -> Iterator[int]:
    """``free_port``, which nobody else gets from here, in any process on this machine, while the block lasts.

    A port that was found free stays free for everybody until its program listens, which takes a second; and once more
    while a program that died is started again. The claim is the UDP port of the same number: one process can bind it,
    and it is given back with the process, however that ends.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        for number in (free_port(preferred), *(free_port() for _ in range(PORTS_TRIED))):
            if _bound(claim, number):
                break
        else:
            raise OSError(f"no free port on {HOST}")
        yield number


def _bound(claim: socket.socket, number: int) -> bool:
    try:
        claim.bind((HOST, number))
    except OSError:
        return False
    return True


async def wait_for_listener(port: int, seconds: float) -> bool:
    """Whether something accepts connections on the port within ``seconds``."""
    try:
        async with asyncio.timeout(seconds):
            while True:
                try:
                    _, writer = await asyncio.open_connection(HOST, port)
                except OSError:
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                writer.close()
                return True
    except TimeoutError:
        return False
