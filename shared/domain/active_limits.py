"""The active limits, as a record that outlives the process: set by command, or the configuration's own."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct, structs

from shared.domain.plan import Limits


class ActiveLimits(Struct, frozen=True, kw_only=True):
    """The limits that are active, and where they come from.

    limits: what every order is held to.
    file_limits: what the configuration said when they were set.
    who, reason: of the last change; empty while the limits are the configuration's own.
    since_ns: market time of the last change.
    """

    limits: Limits
    file_limits: Limits
    who: str = ""
    reason: str = ""
    since_ns: int = 0


def active_limits(stored: ActiveLimits | None, file_limits: Limits) -> Limits:
    """Limits set by command hold on, unless the configuration changed since then (docs/decisions/0005)."""
    return stored.limits if stored is not None and stored.file_limits == file_limits else file_limits


def with_changes(limits: Limits, changes: Mapping[str, float]) -> Limits:
    """The limits with some of them changed; whole numbers stay whole. Raises ``msgspec.ValidationError``."""
    values = structs.asdict(limits)
    for name, value in changes.items():
        values[name] = int(value) if isinstance(values.get(name), int) else value
    return msgspec.convert(values, Limits)
