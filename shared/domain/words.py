"""Figures inside the sentences of the domain: no exponent, no false plural. Amounts are written by ``numbers.plain``.

What front ends show is shorter, and is written by ``application/wording/formats.py``.
"""

from decimal import Decimal

from shared.domain.numbers import plain


def figure(value: float, digits: int = 8) -> str:
    """So many significant digits, without an exponent or zeros at the end: ``0.0000123``."""
    return plain(Decimal(f"{value:.{digits}g}"))


def counted(number: int, noun: str) -> str:
    """``1 order``, ``2 orders``."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
