"""Breakers halt trading by themselves. Such a halt ends by time, by its condition, or by an operator.

Each breaker has a file of its own.
"""

from shared.domain.risk.breakers.registry import BREAKER_RECORDS, BREAKERS, Breakers

__all__ = ["BREAKERS", "BREAKER_RECORDS", "Breakers"]
