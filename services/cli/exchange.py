"""The exchange as ``up`` and ``doctor`` look at it: can it be reached, what time is it there, what does it list?"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from shared.application.errors import UserError

BINANCE = "https://api.binance.com"
TIMEOUT_SECONDS = 8.0


class ExchangeAwayError(UserError):
    """The exchange does not answer as it should; the text names the host, the reason and a remedy."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """Public REST of Binance, or of the simulated exchange at ``url``."""

    url: str

    async def server_time_ns(self) -> int:
        reply = await self._get("/api/v3/time")
        return int(reply["serverTime"]) * 1_000_000

    async def statuses(self) -> dict[str, str]:
        """The exchange's own word (``TRADING``, ``BREAK``) for every pair, as ``BTC/USDT``."""
        reply = await self._get("/api/v3/exchangeInfo")
        return {f"{row['baseAsset']}/{row['quoteAsset']}": str(row["status"]) for row in reply["symbols"]}

    async def _get(self, path: str) -> Any:
        host = urlsplit(self.url).netloc
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
                session.get(self.url + path) as got,
            ):
                if got.status != 200:
                    raise ExchangeAwayError(f"{host} answered {got.status} {got.reason}: {_remedy(got.status)}")
                return await got.json()
        except TimeoutError:
            raise ExchangeAwayError(f"{host} did not answer within {TIMEOUT_SECONDS:g} s: {_remedy(0)}") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise ExchangeAwayError(f"{host} can't be reached ({_reason(error)}): {_remedy(0)}") from None


def _reason(error: BaseException) -> str:
    inner = getattr(error, "os_error", None) or error
    return str(getattr(inner, "strerror", None) or inner) or type(inner).__name__


def _remedy(status: int) -> str:
    match status:
        case 403:
            return "its firewall refuses this address; wait some minutes, or use another network"
        case 418 | 429:
            return "too many requests came from this address; wait as long as it says in Retry-After"
        case 451:
            return "it does not serve this country; use heatsink up --exchange sim"
        case 0:
            return "check the network, DNS and proxy (HTTPS_PROXY), or use heatsink up --exchange sim"
        case _:
            return "try again in a minute, or use heatsink up --exchange sim"
