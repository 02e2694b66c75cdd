"""The phase of the ramp in force, as a record that outlives the process."""

from typing import Literal

from msgspec import Struct, field

Entered = Literal["start", "approved", "automatic", "forced", "demoted", "date"]


class ActivePhase(Struct, frozen=True, kw_only=True):
    """The phase of the ramp in force, and what it has shown since it began.

    name: as in ``phases.toml``.
    scale: multiplies the equity at risk.
    since_ns: market time at which the phase began; 0 before the first snapshot.
    entered: how it was entered.
    peak_nav_in_phase: the highest NAV since the phase began, USDT; 0 before its first snapshot. Demotions and the
        evidence are measured from it. The gate's own peak is in ``LossBaselines``, the all-time one in ``Account``.
    worst_drawdown: the largest fall from that peak, as a fraction of it.
    breach_hours: how many UTC hours there were in which heat was over its limit.
    breach_hour: the last of them, counted from 1970.
    proposed: whether the next phase was proposed.
    ramp_ns: market time at which the ramp began, for phases by date.
    """

    name: str
    scale: float
    since_ns: int = 0
    entered: Entered = "start"
    peak_nav_in_phase: float = field(default=0.0, name="peak_nav")  # its name in stored records
    worst_drawdown: float = 0.0
    breach_hours: int = 0
    breach_hour: int = -1
    proposed: bool = False
    ramp_ns: int = 0
