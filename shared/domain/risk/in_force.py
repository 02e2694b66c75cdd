"""What is in force: the phase and the limits, as records that outlive the process."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import Struct, structs

from shared.domain.plan import Limits

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


class LimitsInForce(Struct, frozen=True, kw_only=True):
    """limits: what every order is held to. file_limits: what the configuration said when they were set.

    who, reason, since_ns: of the last change; who is empty while the limits are the configuration's own.
    """

    limits: Limits
    file_limits: Limits
    who: str = ""
    reason: str = ""
    since_ns: int = 0


def limits_in_force(stored: LimitsInForce | None, file_limits: Limits) -> Limits:
    """Limits set by command hold on, unless the configuration changed since: then it has the last word."""
    return stored.limits if stored is not None and stored.file_limits == file_limits else file_limits


def with_changes(limits: Limits, changes: Mapping[str, float]) -> Limits:
    """The limits with some of them changed; whole numbers stay whole. Raises ``msgspec.ValidationError``."""
    values = structs.asdict(limits)
    for name, value in changes.items():
        values[name] = int(value) if isinstance(values.get(name), int) else value
    return msgspec.convert(values, Limits)
