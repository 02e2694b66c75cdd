"""Parameters of requests, read as Binance reads them: what is wrong is an error with its code, and none of ours."""

import re
from collections.abc import Mapping
from decimal import Decimal

Query = Mapping[str, str]
AMOUNT = r"^([0-9]{1,20})(\.[0-9]{1,20})?$"
_INTEGER, _AMOUNT = re.compile(r"[0-9]{1,20}"), re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
_CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
RECEIVE_WINDOW_MS, LONGEST_WINDOW_MS, AHEAD_MS = 5_000, 60_000, 1_000  # of wall time
MOST_ROWS = 1_000  # of an answer
LATEST_MS = 2**63 // 1_000_000  # what our own times, in nanoseconds, hold


class BinanceError(Exception):
    """An error as Binance writes it: ``{"code": ..., "msg": ...}``. status: of HTTP."""

    def __init__(self, code: int, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def malformed(name: str) -> BinanceError:
    return BinanceError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def illegal(name: str, legal: str) -> BinanceError:
    return BinanceError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal}'.")


def integer(query: Query, name: str) -> int | None:
    """A whole number from 0 on; None where there is none. Raises ``BinanceError``."""
    if (text := query.get(name)) is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise illegal(name, "^[0-9]{1,20}$")
    return int(text)


def time_ms(query: Query, name: str) -> int | None:
    """The same of a time, at most the last one that there is."""
    time = integer(query, name)
    return None if time is None else min(time, LATEST_MS)


def amount(query: Query, name: str) -> Decimal:
    """A price or a quantity, which has to be there. Raises ``BinanceError``."""
    if not (text := query.get(name)):
        raise malformed(name)
    if not _AMOUNT.fullmatch(text):
        raise illegal(name, AMOUNT)
    if not (found := Decimal(text)):
        raise malformed(name)
    return found


def client_id(query: Query) -> str:
    """The id that a client gives its order; empty for none. Raises ``BinanceError``."""
    text = query.get("newClientOrderId") or ""
    if text and not _CLIENT_ID.fullmatch(text):
        raise illegal("newClientOrderId", r"^[\.A-Z\:/a-z0-9_-]{1,36}$")
    return text


def how_many(query: Query) -> int:
    """How many rows are asked for, by ``limit``. Raises ``BinanceError``."""
    limit = integer(query, "limit")
    if limit == 0:
        raise BinanceError(-1130, "Data sent for parameter 'limit' is not valid.")
    return MOST_ROWS if limit is None else min(limit, MOST_ROWS)


def check_time(query: Query, now_ms: int, speed: float) -> None:
    """Whether a signed question was asked a moment ago, of wall time. Raises ``BinanceError``."""
    if not query.get("timestamp"):
        raise malformed("timestamp")
    sent_ms, window_ms = integer(query, "timestamp") or 0, integer(query, "recvWindow")
    window_ms = RECEIVE_WINDOW_MS if window_ms is None else window_ms
    if window_ms > LONGEST_WINDOW_MS:
        raise BinanceError(-1131, "recvWindow must be less than 60000")
    late_ms, scale = now_ms - sent_ms, max(1.0, speed)
    if late_ms < -AHEAD_MS * scale:
        raise BinanceError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if late_ms > window_ms * scale:
        raise BinanceError(-1021, "Timestamp for this request is outside of the recvWindow.")
