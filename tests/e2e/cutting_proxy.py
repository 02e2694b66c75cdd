"""A TCP proxy in front of the server that cuts a connection between a command, such as a commit, and its reply."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

COMMIT = b"hs_commit"
CHUNK = 65_536


class CuttingProxy:
    """``cut_next``: how many of the next commands lose their reply, of those with ``marker``. cuts: how many did."""

    def __init__(self, port: int, *, marker: bytes = COMMIT) -> None:
        self._port, self._marker = port, marker
        self.url = ""
        self.cut_next = 0
        self.cuts = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CuttingProxy"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.close()
            return
        cut = asyncio.Event()
        with suppress(OSError, asyncio.CancelledError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(reader, there, cut))
                group.create_task(self._answer(there_reader, writer, cut))
        for each in (writer, there):
            each.close()

    async def _ask(self, reader: asyncio.StreamReader, there: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.cut_next and self._marker in chunk:
                    self.cut_next -= 1
                    cut.set()
                there.write(chunk)
                await there.drain()
        there.close()

    async def _answer(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event) -> None:
        """Once a command's reply has come, it was carried out; who asked does not hear of it."""
        with suppress(OSError):
            while chunk := await there.read(CHUNK):
                if cut.is_set():
                    self.cuts += 1
                    break
                writer.write(chunk)
                await writer.drain()
        writer.transport.abort()
