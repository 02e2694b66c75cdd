"""A dedicated connection, for the commands that every decision waits for.

redis-py's ordinary way of a command (a connection from the pool, a retry loop, a parser for each command) takes as long
as the command itself. Reading a batch and committing it are on the path of every order. So these two commands go to a
connection of their own, and their replies are handed on as the server gave them.
"""

from typing import Any

from redis._parsers.resp2 import _AsyncRESP2Parser
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError

from shared.adapters.redis.client import Client, bus_errors

MOST_BYTES_KEPT = 8 * 1024 * 1024  # of one value in a reply; twice as long as any message may be
BEGINNING_BYTES = 4096
CHUNK_BYTES = 65_536


class Cut(bytes):
    """The beginning of a value that was too long to be kept. size: how long it was."""

    size = 0


class BoundedParser(_AsyncRESP2Parser):
    """Reads replies, and of a value over ``MOST_BYTES_KEPT`` keeps the beginning: the rest is passed over unseen.

    A blocking read comes with whatever was just written, so its size cannot be asked for before.
    """

    async def _read(self, length: int) -> bytes:
        if length <= MOST_BYTES_KEPT:
            return bytes(await super()._read(length))
        if self._stream is None:
            raise RedisConnectionError("the server closed the connection")
        want = length + 2
        beginning = self._buffer[self._pos : self._pos + want]
        left = want - len(beginning)
        try:
            while left:
                chunk = await self._stream.readexactly(min(left, CHUNK_BYTES))
                left -= len(chunk)
                if len(beginning) < BEGINNING_BYTES:
                    beginning += chunk
        except EOFError as error:
            raise RedisConnectionError("the server closed the connection") from error
        self._pos += want
        cut = Cut(beginning[:BEGINNING_BYTES])
        cut.size = length
        return cut


class DedicatedConnection:
    """Sends one command at a time. It takes a connection from the client's pool at the first call, and keeps it.

    bounded: what is too long to be kept comes as ``Cut``; such a connection is not of the pool.
    """

    def __init__(self, client: Client, *, bounded: bool = False) -> None:
        self._pool, self._bounded = client.connection_pool, bounded
        self._connection: Any = None

    async def call(self, *command: str | bytes | int) -> Any:
        """Send a command and return its reply: bytes, numbers or lists; maps where the client speaks RESP3.

        Raises ``BusLostError`` when no reply came in time, ``ResponseError`` for a reply that is an error.
        """
        async with bus_errors():
            if self._connection is None:
                self._connection = await (self._open() if self._bounded else self._pool.get_connection())
            try:
                await self._connection.send_command(*command, check_health=False)
                return await self._connection.read_response()
            except ResponseError:
                raise
            except BaseException:  # its reply may still come: nobody must take it for that of another command
                await self.close()
                raise

    async def _open(self) -> Any:
        own = {"parser_class": BoundedParser, "protocol": 2, "maint_notifications_config": None}
        connection = self._pool.connection_class(**{**self._pool.connection_kwargs, **own})
        await connection.connect()
        return connection

    async def close(self) -> None:
        """Disconnect, and give the connection back to the pool. The next call takes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            if not self._bounded:
                await self._pool.release(connection)
