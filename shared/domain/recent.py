"""A bounded memory of the latest things by name; the oldest go first."""

from collections import OrderedDict
from typing import Generic, TypeVar

V = TypeVar("V")


class Recent(Generic[V]):
    """Remembers up to ``most`` values by key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[str, V] = OrderedDict()  # a plain dict finds its oldest key ever more slowly

    def add(self, key: str, value: V) -> bool:
        """Remember a value; False (and nothing changes) when the key is known already."""
        if key in self._values:
            return False
        if len(self._values) >= self._most:
            self._values.popitem(last=False)
        self._values[key] = value
        return True

    def renew(self, key: str, value: V) -> None:
        """Remember a value as the newest, whether it was known or not."""
        self._values.pop(key, None)
        self.add(key, value)

    def get(self, key: str) -> V | None:
        """The value of a key; None when it is not known, or not any more."""
        return self._values.get(key)
