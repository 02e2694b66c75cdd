"""How many examples a property is tried on: as many as it says, or a share of them under another profile.

``make quick`` runs under the profile ``quick``, which tries a tenth, and ``make test`` under ``some``, which tries a
fifth. ``make wide`` tries all.
"""

from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

T = TypeVar("T")
USUAL = 100  # what hypothesis tries by default
LEAST = 5

settings.register_profile("quick", max_examples=USUAL // 10, deadline=None)
settings.register_profile("some", max_examples=USUAL // 5, deadline=None)


def examples(count: int, *, steps: int = 50) -> settings:
    """Settings of a property that is worth ``count`` examples. steps: of a stateful test."""
    profile = settings.get_profile(settings.get_current_profile_name())
    tried = max(LEAST, count * profile.max_examples // USUAL)
    return settings(max_examples=tried, stateful_step_count=steps, deadline=None)


def mostly(usual: st.SearchStrategy[T], odd: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """Four of five times the usual: so that what is made of many such values is not refused nearly every time."""
    return st.integers(0, 4).flatmap(lambda number: usual if number else odd)
