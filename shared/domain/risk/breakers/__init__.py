"""Breakers: halts that set themselves off, and end by time, by their condition, or by an operator.

One file for each.
"""

from shared.domain.risk.breakers.registry import BREAKER_RECORDS, BREAKERS, Breakers

__all__ = ["BREAKERS", "BREAKER_RECORDS", "Breakers"]
