"""Units of time, and arithmetic on bar timeframes such as ``1h``."""

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def timeframe_ns(timeframe: str) -> int:
    """The length of a bar in nanoseconds. Raises ``ValueError`` for a timeframe of no fixed length, or none at all."""
    count, unit = timeframe[:-1], timeframe[-1:]
    if unit not in _UNIT_SECONDS or not count.isdigit() or int(count) == 0:
        raise ValueError(f"timeframe {timeframe!r}: expected a number and one of s, m, h, d, such as 15m or 1h")
    return int(count) * _UNIT_SECONDS[unit] * SECOND_NS
