"""How many refusals are answered: nonsense gets an answer, but a flood of it makes no flood of answers."""

from shared.domain.recent import Recent

BURST = 1_000
PER_SECOND = 10.0
SENDERS_REMEMBERED = 200  # more than there can be clients with queues


class AnswerBudget:
    """A token bucket: ``BURST`` answers at once, then ``PER_SECOND`` a wall second.

    ns_per_second: of market time, in a wall second.
    """

    def __init__(self, ns_per_second: float) -> None:
        self._ns_per_token = ns_per_second / PER_SECOND
        self._left = float(BURST)
        self._now_ns = 0
        self._unanswered = 0

    def take(self, now_ns: int) -> int | None:
        """None where no answer is left; otherwise how many were not answered since the last one."""
        passed_ns, self._now_ns = now_ns - self._now_ns, now_ns
        self._left = min(float(BURST), self._left + max(0, passed_ns) / self._ns_per_token)
        if self._left < 1.0:
            self._unanswered += 1
            return None
        self._left -= 1.0
        unanswered, self._unanswered = self._unanswered, 0
        return unanswered


class AnswerBudgets:
    """A budget for each sender by its name, so that no flood of one silences another."""

    def __init__(self, ns_per_second: float) -> None:
        self._ns_per_second = ns_per_second
        self._budgets: Recent[AnswerBudget] = Recent(SENDERS_REMEMBERED)

    def take(self, sender: str, now_ns: int) -> int | None:
        """One answer more to a client, empty for whoever has no queue; see ``AnswerBudget.take``."""
        budget = self._budgets.get(sender)
        if budget is None:
            budget = AnswerBudget(self._ns_per_second)
            self._budgets.add(sender, budget)
        return budget.take(now_ns)
