"""A dedicated connection, for the commands that every decision waits for.

redis-py's ordinary way of a command (a connection from the pool, a retry loop, a parser for each command) takes as long
as the command itself. Reading a batch and committing it are on the path of every order. So these two commands go to a
connection of their own, and their replies are handed on as the server gave them.
"""

from typing import Any

from redis.exceptions import ResponseError

from shared.adapters.redis.client import Client, bus_errors


class DedicatedConnection:
    """Sends one command at a time. It takes a connection from the client's pool at the first call, and keeps it."""

    def __init__(self, client: Client) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None

    async def call(self, *command: str | bytes | int) -> Any:
        """Send a command and return its reply: bytes, numbers or lists; maps where the client speaks RESP3.

        Raises ``BusLostError`` when no reply came in time, ``ResponseError`` for a reply that is an error.
        """
        async with bus_errors():
            if self._connection is None:
                self._connection = await self._pool.get_connection()
            try:
                await self._connection.send_command(*command, check_health=False)
                return await self._connection.read_response()
            except ResponseError:
                raise
            except BaseException:  # its reply may still come: nobody must take it for that of another command
                await self.close()
                raise

    async def close(self) -> None:
        """Disconnect, and give the connection back to the pool. The next call takes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
