"""The guard round a strategy of a file: what it does wrong on a bar stops it, and nobody else."""

from typing import Protocol

from shared.domain.plan import StrategyPlan
from shared.messages.base import truncate
from shared.messages.market import BarClosed

ANYTHING = (Exception, SystemExit)  # that foreign code may raise; an interrupt is the operator's
SHOWN = 80
CORRECT = "correct the file and start signals again; until then it says nothing for this pair"


class Foreign(Protocol):
    """A strategy that somebody else wrote. It may return anything, and raise."""

    def on_bar(self, bar: BarClosed) -> object:
        """See ``Strategy``."""
        ...


class GuardedStrategy:
    """A strategy of a file on one pair.

    warmup_bars: as it said when it was built.
    failure: why it was stopped, for people; empty while it works. What it knows of the past is in doubt from there on,
        so it is asked no more. It is deterministic, so a second try would end the same way.
    """

    __slots__ = ("_bars", "_on_bar", "_plan", "failure", "warmup_bars")

    def __init__(self, strategy: object, plan: StrategyPlan, warmup_bars: int) -> None:
        self._on_bar = strategy.on_bar  # type: ignore[attr-defined]
        self._plan = plan
        self._bars = 0  # without an answer
        self.warmup_bars = warmup_bars
        self.failure = ""

    def on_bar(self, bar: BarClosed) -> float | None:
        if self.failure:
            return None
        try:
            said = self._on_bar(bar)
        except ANYTHING as error:
            self._stop(bar, f"raised {told(error)}{line_in(self._plan.file, error)}")
            return None
        if isinstance(said, int | float) and not isinstance(said, bool) and 0.0 <= said <= 1.0:
            self._bars = -1
            return float(said) + 0.0  # a plain float, and no -0.0
        if said is not None:
            self._stop(bar, f"returned {shown(said)}, which is neither a number from 0.0 to 1.0 nor None")
        elif self._bars >= 0:
            self._wait(bar)
        return None

    def _wait(self, bar: BarClosed) -> None:
        """Count a bar without an answer: there is an end to warming up."""
        self._bars += 1
        if self._bars > self.warmup_bars:
            self._stop(bar, f"still returns None on bar {self._bars}, with warmup_bars = {self.warmup_bars}")

    def _stop(self, bar: BarClosed, what: str) -> None:
        plan = self._plan
        where = f"strategy {plan.name}, class {plan.class_name} of {plan.file}"
        at = f"on the {bar.timeframe} bar of {bar.symbol} that closed at {bar.close:g} (id {bar.id})"
        self.failure = truncate(f"{where}: on_bar {what}, {at}; {CORRECT}")


def told(error: BaseException) -> str:
    """An exception in words, even one that cannot be printed."""
    try:
        text = str(error)
    except ANYTHING:
        text = "(no text)"
    return truncate(f"{type(error).__name__}: {text}" if text else type(error).__name__)[: 3 * SHOWN]


def shown(value: object) -> str:
    """A value in words, cut, even one that cannot be printed."""
    try:
        text = repr(value)
    except ANYTHING:
        text = f"a {type(value).__name__}"
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


def line_in(file: str, error: BaseException) -> str:
    """Which line of the file it came from; empty where none did."""
    line, step = 0, error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == file:
            line = step.tb_lineno
        step = step.tb_next
    return f" (line {line})" if line else ""
