"""How amounts, times and names are written for people. Amounts in USDT, times in UTC."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from shared.domain.numbers import plain
from shared.domain.safe_text import safe
from shared.domain.timeframes import SECOND_NS
from shared.domain.words import counted

LEAST_USD = 0.00005  # under it, four digits say nothing


def clock(time_ns: int) -> str:
    """``2022-11-01 14:00:00``, UTC; ``no time`` for 0, with which a message says that it has none."""
    if not time_ns:
        return "no time"
    return datetime.fromtimestamp(time_ns // SECOND_NS, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def usd(amount: float | Decimal) -> str:
    """``$4,210`` from a thousand on, cents below, more digits where cents would say nothing. A zero has no sign."""
    size = abs(float(amount))
    digits = 0 if size >= 1000 else 4 if LEAST_USD <= size < 0.1 else 2
    text = f"{amount:z,.{digits}f}"
    return f"-${text[1:]}" if text.startswith("-") else f"${text}"


def price(value: float | Decimal) -> str:
    """Six significant digits, without an exponent. What rounding left of a zero is a zero."""
    number = float(value)
    digits = max(0, 5 - _exponent(number)) if number else 0
    return _without_trailing_zeros(f"{number:z,.{min(digits, 12)}f}")


def _exponent(number: float) -> int:
    return int(f"{abs(number):e}".partition("e")[2])


def quantity(value: Decimal | float) -> str:
    """Base units without trailing zeros or exponent; what is only estimated, to the exchange's finest step."""
    return plain(value) if isinstance(value, Decimal) else _without_trailing_zeros(f"{value:z.8f}")


def _without_trailing_zeros(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(fraction: float, digits: int = 2, *, signed: bool = False) -> str:
    """``8.00 %``; signed: a gain has its plus."""
    return f"{fraction * 100:{'+' if signed else ''}z.{digits}f} %"


def share(part: float, whole: float) -> float:
    """The part as a fraction; 0 of nothing."""
    return part / whole if whole else 0.0


def duration(seconds: float) -> str:
    """``42 s``, ``3 min 20 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s" if seconds >= 10 or seconds == whole else f"{seconds:.1f} s"
    for size, name, smaller, smaller_name in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size} {name}" + (f" {rest} {smaller_name}" if rest else "")
    return f"{whole} s"


def base(symbol: str) -> str:
    """``ETH`` of ``ETH/USDT``."""
    return symbol.partition("/")[0]


def named_values(values: Mapping[str, float]) -> str:
    """``heat 0.06, drawdown 0.1``"""
    return ", ".join(f"{name} {value:g}" for name, value in values.items())


def rehearsed(phase: str, *, rehearsal: bool) -> str:
    """A phase's name, with the mark of a rehearsal where it is one."""
    return f"{phase} (rehearsal)" if rehearsal else phase


def scope(symbol: str) -> str:
    """A pair's name, or what no name stands for."""
    return symbol or "the portfolio"


def because(text: str, reason: str) -> str:
    """``text: reason``, without a colon where there is no reason."""
    return f"{text}: {reason}" if reason else text


def sentence(text: str) -> str:
    """One line with one mark at its end: what somebody answered, as it is shown."""
    text = safe(text)
    return text if text[-1:] in (".", "?", "!") else f"{text}."


count = counted  # ``1 order``, ``2 orders``: as in the reasons that the domain gives


def some(names: Sequence[str], most: int = 3) -> str:
    """``35 (BNB, SOL, ADA, ...)``; whole where there are no more than ``most``."""
    if len(names) <= most:
        return ", ".join(names)
    return f"{len(names)} ({', '.join(names[:most])}, ...)"
