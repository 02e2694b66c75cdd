"""Units of time, dates as they are written in settings, and arithmetic on bar timeframes such as ``1h``."""

from datetime import UTC, datetime
from functools import lru_cache

MS_NS = 1_000_000
SECOND_NS = 1_000 * MS_NS
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
MINUTE_MS, HOUR_MS, DAY_MS = MINUTE_NS // MS_NS, HOUR_NS // MS_NS, DAY_NS // MS_NS
DAILY = "1d"
# The dates between which a market may begin: nanoseconds of later ones soon pass what 64 bits hold.
FIRST_DATE, LAST_DATE = "1971-01-01", "2100-01-01"
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
# Every timeframe of a fixed length for which Binance has klines.
LISTED_TIMEFRAMES = ("1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", DAILY, "3d")
# Every interval in which Binance has klines, with its length; a month counts as its longest.
KLINE_INTERVALS_MS = {name: int(name[:-1]) * _UNIT_SECONDS[name[-1]] * 1_000 for name in LISTED_TIMEFRAMES} | {
    "1w": 7 * DAY_MS,
    "1M": 31 * DAY_MS,
}


def iso_ns(text: str) -> int:
    """Nanoseconds since 1970 of an ISO date or time, in UTC unless it says otherwise. Raises ``ValueError``."""
    time = datetime.fromisoformat(text)
    return int(time.replace(tzinfo=time.tzinfo or UTC).timestamp()) * SECOND_NS


@lru_cache(maxsize=1_024)
def timeframe_ns(timeframe: str) -> int:
    """The length of a bar in nanoseconds. Raises ``ValueError`` for a timeframe of no fixed length, or none at all."""
    count, unit = timeframe[:-1], timeframe[-1:]
    if unit not in _UNIT_SECONDS or not count.isdigit() or int(count) == 0:
        raise ValueError(f"timeframe {timeframe!r}: expected a number and one of s, m, h, d, such as 15m or 1h")
    return int(count) * _UNIT_SECONDS[unit] * SECOND_NS


def kline_interval(length_ms: int) -> str:
    """The kline interval of bars that are ``length_ms`` apart; ValueError where there is none."""
    for name, known_ms in KLINE_INTERVALS_MS.items():
        if known_ms == length_ms:
            return name
    known = ", ".join(KLINE_INTERVALS_MS)
    raise ValueError(f"bars {length_ms} ms apart have no kline interval; expected one of {known}")
