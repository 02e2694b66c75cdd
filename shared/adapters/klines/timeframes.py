"""The timeframes of which a store has bars: those of a fixed length."""

from shared.domain.timeframes import KLINE_INTERVALS_MS

STORED = {name: length_ms for name, length_ms in KLINE_INTERVALS_MS.items() if name != "1M"}


def bar_ms_of(timeframe: str) -> int:
    """How long a bar is, in milliseconds. Raises ``ValueError`` for what no store has."""
    if timeframe not in STORED:
        raise ValueError(f"timeframe {timeframe!r}: expected one of {', '.join(STORED)}")
    return STORED[timeframe]
