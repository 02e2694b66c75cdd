"""What a seed decides: which faults there are in a run, how often, and when. Everything random is drawn here.

Each run has some kinds of faults and not others ("swarm testing", Groce et al., ISSTA 2012): with all of them at once,
one would hide what another finds.
"""

from collections import Counter
from random import Random

# What may happen to a call: (kind, chance that a run has it, chance a call).
CALLS = (
    ("crash_in_a_call", 0.35, 0.004),
    ("request_lost", 0.40, 0.008),
    ("reply_lost", 0.45, 0.008),
    ("request_doubled", 0.40, 0.02),
)
# What may happen to a copy on a channel: the same.
COPIES = (("copy_doubled", 0.4, 0.1), ("copy_late", 0.4, 0.1))
# What may happen to the stack at a moment: (kind, chance that a run has it, how often at most).
MOMENTS = (
    ("crash_while_it_waits", 0.35, 3),
    ("pause_past_the_lease", 0.40, 2),
    ("clock_step", 0.35, 3),
    ("gate_forgets", 0.35, 4),
    ("forged_fill", 0.30, 3),
    ("forged_stop", 0.25, 2),
    ("unreadable_entry", 0.35, 4),
    ("poison_entry", 0.30, 2),
    ("entries_taken_out", 0.25, 2),
)
# What ends a run: it has to be noticed, and nothing goes on from there.
ENDS = (
    ("store_truncated", 0.06),
    ("replica_stale", 0.06),
    ("record_tampered", 0.06),
    ("fills_taken_out", 0.06),
)
EVERY_KIND = tuple(kind for kind, *_ in (*CALLS, *COPIES, *MOMENTS, *ENDS))

LATENCY_SECONDS = 0.02


class Chance:
    """The draws of one run.

    has: kinds of faults that this run has. told: how often each thing happened.
    moments: when something happens to the stack, in seconds, and what. end: what ends the run; empty for nothing.
    """

    def __init__(self, seed: int, seconds: float) -> None:
        plan = Random(f"{seed}:plan")
        self._calls, self._copies = Random(f"{seed}:calls"), Random(f"{seed}:copies")
        self.actors = Random(f"{seed}:actors")
        self.told: Counter[str] = Counter()
        self.call_faults = [(kind, rate) for kind, there, rate in CALLS if plan.random() < there]
        self.copy_faults = [(kind, rate) for kind, there, rate in COPIES if plan.random() < there]
        moments = [
            (plan.uniform(0.5, seconds), kind)
            for kind, there, most in MOMENTS
            if plan.random() < there
            for _ in range(plan.randint(1, most))
        ]
        self.moments = sorted(moments)
        self.end, drawn = "", plan.random()
        for kind, there in ENDS:
            if 0 <= drawn < there:
                self.end = kind
            drawn -= there
        self.quiet = False  # whether faults are over

    def call_fault(self) -> str:
        """What happens to this call; empty for nothing."""
        return "" if self.quiet else _drawn(self._calls, self.call_faults)

    def copy_fault(self) -> str:
        """What happens to this copy; empty for nothing."""
        return "" if self.quiet else _drawn(self._copies, self.copy_faults)

    def comes_before(self) -> bool:
        """Whether a crash comes before what it interrupts, or after."""
        return self._calls.random() < 0.5

    def latency(self) -> float:
        """How long a call is on its way, in seconds."""
        return self._calls.random() * LATENCY_SECONDS

    def count(self, what: str) -> None:
        """Something happened."""
        self.told[what] += 1


def _drawn(random: Random, faults: list[tuple[str, float]]) -> str:
    drawn = random.random()
    for kind, rate in faults:
        if drawn < rate:
            return kind
        drawn -= rate
    return ""
