"""A connection of one's own, for the commands that every decision waits for.

The client's ordinary way of a command (pool, retries, a parser for each command) takes as long as the command itself.
"""

from typing import Any

from redis.exceptions import ResponseError

from shared.adapters.redis.client import Client, bus_errors


class RedisLine:
    """One command at a time: sent, and its reply as the server gave it (bytes, numbers, lists; maps with RESP3)."""

    def __init__(self, client: Client) -> None:
        self._pool = client.connection_pool
        self._connection: Any = None

    async def call(self, *command: str | bytes | int) -> Any:
        """Raises ``BusLostError`` when no reply came in time, ``ResponseError`` for one that is an error."""
        async with bus_errors():
            if self._connection is None:
                self._connection = await self._pool.get_connection()
            try:
                await self._connection.send_command(*command, check_health=False)
                return await self._connection.read_response()
            except ResponseError:
                raise
            except BaseException:  # its reply may still come: nobody must take it for that of another command
                await self.hang_up()
                raise

    async def hang_up(self) -> None:
        """Give the connection back; the next call takes another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)
            await self._pool.release(connection)
