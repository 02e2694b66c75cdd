"""The phase of the ramp in force, as a record that outlives the process."""

from typing import Literal

from msgspec import Struct

Entered = Literal["start", "approved", "automatic", "forced", "demoted", "date"]


class PhaseInForce(Struct, frozen=True, kw_only=True):
    """The phase of the ramp, since when, how it was entered, and what it has shown since then. Market time.

    peak_nav: the high-water mark of NAV since the phase began, USDT; 0 before its first snapshot. worst_drawdown: from
    that mark. breach_hours: UTC hours in which heat was over its limit; breach_hour: the last of them, counted from
    1970. proposed: the next phase was proposed. ramp_ns: when the ramp began, for phases by date.
    """

    name: str
    scale: float
    since_ns: int = 0
    entered: Entered = "start"
    peak_nav: float = 0.0
    worst_drawdown: float = 0.0
    breach_hours: int = 0
    breach_hour: int = -1
    proposed: bool = False
    ramp_ns: int = 0
