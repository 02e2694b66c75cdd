"""The operator of a backtest: resumes, after a stated time, what waits for one. Whoever trades has one who does."""

from collections.abc import Sequence
from typing import Protocol

from shared.domain.timeframes import HOUR_NS
from shared.messages.base import Message
from shared.messages.control import Resume
from shared.messages.halts import Halted, ResumeAsked, Resumed

WHO, REASON = "operator", "the stated time is over"


class Host(Protocol):
    """What runs the machines."""

    def feed(self, messages: Sequence[Message], /) -> list[Message]: ...


class Operator:
    """Looks at every message. resume_after_hours: market hours a halt waits; None: it is never resumed."""

    def __init__(self, resume_after_hours: float | None) -> None:
        self._after_ns = None if resume_after_hours is None else int(resume_after_hours * HOUR_NS)
        self._waiting: dict[tuple[str, str], int] = {}  # when each began, by scope and trigger

    def look(self, messages: Sequence[Message]) -> None:
        """Note the halts that begin and end."""
        for message in messages:
            match message:
                case Halted() if message.cleared_by in ("operator", "two_steps"):
                    self._waiting.setdefault((message.symbol, message.trigger), message.time_ns)
                case Resumed():
                    self._waiting.pop((message.symbol, message.trigger), None)

    def act(self, host: Host, now_ns: int) -> list[Message]:
        """Resume what has waited long enough, with the second step where it takes one."""
        if self._after_ns is None or not self._waiting:
            return []
        due = sorted({scope for (scope, _), since in self._waiting.items() if now_ns - since >= self._after_ns})
        made: list[Message] = []
        for scope in due:
            answers = host.feed([_resume(scope, now_ns, "resume")])
            for asked in [each for each in answers if isinstance(each, ResumeAsked)]:
                answers = [*answers, *host.feed([_resume(scope, now_ns, "again", asked.confirm)])]
            self._waiting = {key: since for key, since in self._waiting.items() if key[0] != scope}
            self.look(answers)
            made += answers
        return made


def _resume(symbol: str, now_ns: int, step: str, confirm: str = "") -> Resume:
    scope = symbol.replace("/", "") or "portfolio"
    return Resume(id=f"{step}-{scope}-{now_ns}", time_ns=now_ns, who=WHO, reason=REASON, symbol=symbol, confirm=confirm)
