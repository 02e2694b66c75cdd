"""Asks an exchange for its time and its pairs, to see whether it can be reached."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from shared.adapters.http import HttpError, HttpLateError, HttpStatusError, get_json
from shared.application.errors import UserError
from shared.domain.timeframes import MS_NS

BINANCE = "https://api.binance.com"
TIMEOUT_SECONDS = 8.0


class ExchangeAwayError(UserError):
    """The exchange does not answer as it should.

    problem: the host, and what is wrong with it.
    remedy: what to do about it, where nobody knows better.
    """

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem}: {remedy}")
        self.problem, self.remedy = problem, remedy


@dataclass(frozen=True, slots=True)
class Exchange:
    """Public REST of Binance, or of the simulated exchange at ``url``."""

    url: str

    async def server_time_ns(self) -> int:
        """The exchange's own time. Raises ``ExchangeAwayError``."""
        reply = await self._get("/api/v3/time")
        return int(reply["serverTime"]) * MS_NS

    async def statuses(self) -> dict[str, str]:
        """The exchange's own word (``TRADING``, ``BREAK``) for every pair, as ``BTC/USDT``.

        Raises ``ExchangeAwayError``.
        """
        reply = await self._get("/api/v3/exchangeInfo")
        return {f"{row['baseAsset']}/{row['quoteAsset']}": str(row["status"]) for row in reply["symbols"]}

    async def _get(self, path: str) -> Any:
        host = urlsplit(self.url).netloc
        try:
            return await get_json(self.url + path, timeout_seconds=TIMEOUT_SECONDS, proxies=True)
        except HttpStatusError as error:
            raise ExchangeAwayError(f"{host} answered {error}", _remedy(error.status)) from None
        except HttpLateError:
            raise ExchangeAwayError(f"{host} did not answer within {TIMEOUT_SECONDS:g} s", _remedy(0)) from None
        except HttpError as error:
            raise ExchangeAwayError(f"{host} can't be reached ({error})", _remedy(0)) from None


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
