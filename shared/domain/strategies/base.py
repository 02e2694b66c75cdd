"""What a strategy is, and how its parameters are described and checked."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from shared.messages.market import BarClosed


class Strategy(Protocol):
    """One strategy on one pair and timeframe. It sees closed bars only, each once and in order."""

    @property
    def warmup_bars(self) -> int:
        """Bars of history after which its strength no longer depends on where the history happened to begin."""
        ...

    def on_bar(self, bar: BarClosed) -> float | None:
        """The strength after this bar: 0 (flat) to 1 (a full position); None while there is too little history."""
        ...


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a setting: its name, its value, and what to do about it.

    problem: what is wrong, where the remedy does not say so.
    """

    name: str
    value: object
    remedy: str
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.name} = {self.value!r}: {'; '.join(filter(None, (self.problem, self.remedy)))}"


class ParameterError(ValueError):
    """Parameters that a strategy cannot be built from; ``faults`` holds all of them."""

    def __init__(self, owner: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(f"strategy {owner!r}: " + "; ".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Bars:
    """A parameter that counts bars: a whole number from ``least`` to ``most``."""

    name: str
    default: int
    about: str
    least: int = 1
    most: int = 1000

    def fault(self, value: float) -> Fault | None:
        """What is wrong with a value for it; None when nothing is."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            return Fault(self.name, value, f"set a whole number of bars, such as {self.default} ({self.about})")
        if not self.least <= value <= self.most:
            return Fault(
                self.name, value, f"set {self.least} to {self.most} bars, such as {self.default} ({self.about})"
            )
        return None


@dataclass(frozen=True, slots=True)
class Amount:
    """A parameter that is any number from ``least`` to ``most``."""

    name: str
    default: float
    about: str
    least: float
    most: float

    def fault(self, value: float) -> Fault | None:
        """What is wrong with a value for it; None when nothing is."""
        if not isinstance(value, bool) and isinstance(value, int | float) and self.least <= value <= self.most:
            return None
        remedy = f"set a number from {self.least:g} to {self.most:g}, such as {self.default:g} ({self.about})"
        return Fault(self.name, value, remedy)


class Parameters:
    """The parameters of a strategy, checked and complete."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = values

    def bars(self, name: str) -> int:
        """A parameter that counts bars."""
        return int(self._values[name])

    def amount(self, name: str) -> float:
        """A parameter that is any number."""
        return float(self._values[name])


Check = Callable[[Parameters], Fault | None]


def anything_goes(_values: Parameters) -> Fault | None:
    """The check of a kind whose parameters do not depend on each other."""
    return None


@dataclass(frozen=True, slots=True)
class StrategyKind:
    """A row of the registry.

    name: the ``kind`` of a strategy in ``strategies.toml``.
    about: what it does, in a line.
    parameters: what it can be given.
    build: makes a fresh strategy from checked parameters.
    together: checks what the parameters must keep jointly.
    """

    name: str
    about: str
    parameters: tuple[Bars | Amount, ...]
    build: Callable[[Parameters], Strategy]
    together: Check = anything_goes

    def faults(self, given: Mapping[str, float]) -> tuple[Fault, ...]:
        """Everything that is wrong with the parameters given; those left out take their defaults."""
        known = {parameter.name: parameter for parameter in self.parameters}
        faults = [
            Fault(name, value, f"remove it; {self.name} knows {', '.join(known)}")
            for name, value in given.items()
            if name not in known
        ]
        faults += [
            fault for name, parameter in known.items() if name in given and (fault := parameter.fault(given[name]))
        ]
        if not faults and (fault := self.together(self.completed(given))):
            faults.append(fault)
        return tuple(faults)

    def completed(self, given: Mapping[str, float]) -> Parameters:
        """The parameters with defaults filled in."""
        return Parameters({each.name: given.get(each.name, each.default) for each in self.parameters})
