"""One GET over HTTP that answers with JSON: for what is asked of an exchange beside its own protocol."""

from typing import Any

import aiohttp


class HttpError(Exception):
    """There was no usable answer."""


class HttpLateError(HttpError):
    """The answer did not come in time."""


class HttpUnreachableError(HttpError):
    """Nobody could be reached; the text says why."""


class HttpUnreadableError(HttpError):
    """What answered does not speak HTTP, or its answer is no JSON; the text says why."""


class HttpStatusError(HttpError):
    """The answer was a refusal. status, reason: as HTTP has them."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status, self.reason = status, reason


async def get_json(url: str, *, timeout_seconds: float, proxies: bool) -> Any:
    """The JSON at ``url``. Raises ``HttpError``.

    proxies: whether to go through the proxies that the environment names.
    """
    timeout = aiohttp.ClientTimeout(total=timeout_seconds)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=proxies) as session,
            session.get(url) as answer,
        ):
            if answer.status != 200:
                raise HttpStatusError(answer.status, answer.reason or "")
            return await answer.json()
    except TimeoutError:
        raise HttpLateError from None
    except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, OSError) as error:
        raise HttpUnreachableError(_reason(error)) from None
    except (aiohttp.ClientError, ValueError) as error:
        raise HttpUnreadableError(_reason(error)) from None


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or error
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__
