"""Tables of cases of which ``make test`` runs a sample, and ``make wide`` all."""

from collections.abc import Iterable
from typing import Any

import pytest


def sampled(cases: Iterable[Any], *, every: int, since: int = 0) -> list[Any]:
    """Cases for ``parametrize``: one of ``every``, from number ``since`` on; the others are ``wide``."""
    return [
        case if number % every == since else pytest.param(*_values(case), marks=pytest.mark.wide)
        for number, case in enumerate(cases)
    ]


def _values(case: Any) -> tuple[Any, ...]:
    return case if isinstance(case, tuple) else (case,)
