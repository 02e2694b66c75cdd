"""``--resume-after``: ends halts of a simulated market that would wait for an operator; nobody sits before a replay.

It is off unless it was asked for, and never there on a real market. What a person halted, only a person resumes.
"""

import asyncio
from dataclasses import dataclass, field

from shared.application.commands import NoAnswerError, resume_in_steps
from shared.application.projection import Projection
from shared.application.wording.formats import count, scope
from shared.domain.timeframes import HOUR_NS
from shared.messages.halts import Halted, Resumed
from shared.ports.bus import Bus
from shared.ports.clock import Clock
from shared.ports.errors import BusLostError

WHO = "heatsink up"
LOOK_SECONDS = 1.0
RETRY_LOOKS = 30  # before a scope is tried again that did not resume
WAITING = ("operator", "two_steps")  # for whom such halts wait


@dataclass(slots=True)
class Resuming:
    """Looks at the halts in force, and resumes those that stood for long enough.

    hours: how long, in market time.
    resumed: the halts that it ended.
    """

    hours: float
    resumed: list[Resumed] = field(default_factory=list)
    _tried: dict[str, int] = field(default_factory=dict)

    @property
    def in_words(self) -> str:
        """For the head of the panel."""
        return f"halts that wait for an operator end after {self.hours:g} h"

    @property
    def summary(self) -> str:
        """For the summary: what was resumed."""
        scopes = dict.fromkeys(f"{scope(each.symbol)} ({each.trigger})" for each in self.resumed)
        what = f": {', '.join(list(scopes)[:5])}{' ...' if len(scopes) > 5 else ''}" if scopes else ""
        return f"{count(len(self.resumed), 'halt')} by --resume-after {self.hours:g}{what}"

    async def run(self, bus: Bus, clock: Clock, state: Projection) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for symbol in self.due(state, clock.now_ns()):
                try:
                    await self._resume(bus, clock, symbol)
                except (BusLostError, NoAnswerError):
                    continue  # the services are away: it is tried again after ``RETRY_LOOKS``

    def due(self, state: Projection, now_ns: int) -> list[str]:
        """The pairs, or the portfolio (empty), all of whose halts that wait for an operator stood for long enough."""
        waiting: dict[str, list[Halted]] = {}
        for halt in state.active_halts:
            if halt.cleared_by in WAITING:
                waiting.setdefault(halt.symbol, []).append(halt)
        return [
            symbol for symbol, halts in waiting.items() if self._may_resume(halts, now_ns) and self._turn_of(symbol)
        ]

    def _may_resume(self, halts: list[Halted], now_ns: int) -> bool:
        by_people = any(halt.trigger == "operator" for halt in halts)
        return not by_people and all(now_ns - halt.since_ns >= self.hours * HOUR_NS for halt in halts)

    def _turn_of(self, symbol: str) -> bool:
        """Whether the scope was not tried just now."""
        left = self._tried.get(symbol, 0)
        self._tried[symbol] = left - 1 if left else RETRY_LOOKS
        return not left

    async def _resume(self, bus: Bus, clock: Clock, symbol: str) -> None:
        reason = f"it stood for {self.hours:g} h of market time (--resume-after)"
        answers = await resume_in_steps(bus, clock, symbol, who=WHO, reason=reason)
        if ended := [answer for answer in answers if isinstance(answer, Resumed)]:
            self.resumed += ended
            self._tried.pop(symbol, None)
