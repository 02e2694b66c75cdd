"""Ports on this machine: which one is free, and whether somebody listens there."""

import asyncio
import socket

HOST = "127.0.0.1"
POLL_SECONDS = 0.05


def free_port(preferred: int = 0) -> int:
    """``preferred`` when nobody has it, otherwise any free port."""
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
