"""How connections are made: nothing is ever repeated by the Redis client itself, and every call has a bound."""

from typing import Any

from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError

CALL_SECONDS = 2.0  # for one round trip; longer than any read waits
LOST = (RedisError, TimeoutError, OSError)  # what a server refuses of a command is an answer, and taken before


def options(retry: Any) -> dict[str, Any]:
    """Of a client. retry: the class for it, plain or asynchronous.

    By default redis-py sends a command again when its connection breaks, up to ten times. The first one may have been
    carried out, so that an order would stand on its stream more than once.
    """
    return {
        "decode_responses": False,
        "protocol": 2,  # the shape of replies is the same whatever the server speaks
        "retry": retry(NoBackoff(), 0),
        "socket_timeout": CALL_SECONDS,
        "socket_connect_timeout": CALL_SECONDS,
        "health_check_interval": 0,
    }


def reason_of(error: BaseException) -> str:
    """What to tell of a broken connection."""
    said = str(error) or type(error).__name__
    if isinstance(error, AuthenticationError):
        return f"{said.rstrip('.')}; heatsink url prints an address with a name and a password that it takes"
    return said
