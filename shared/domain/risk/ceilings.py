"""How rules make their answers."""

from math import isfinite

from shared.domain.risk.view import View
from shared.messages.orders import CeilingReport as Ceiling

UNBOUNDED = 1e18  # "no ceiling": finite, so that it can travel
MAX_REASON = 1024  # what a message holds of it


def opened(rule: str) -> Ceiling:
    """A plain gate that stands open; made once for each rule."""
    return Ceiling(rule=rule, quantity=UNBOUNDED, limit=0.0, used=0.0, headroom=0.0, unit="")


def closed(rule: str, reason: str, unit: str = "") -> Ceiling:
    """Nothing passes, for this reason."""
    return Ceiling(rule=rule, quantity=0.0, limit=0.0, used=0.0, headroom=0.0, unit=unit, reason=reason[:MAX_REASON])


def measured(rule: str, limit: float, used: float, unit: str, reason: str) -> Ceiling:
    """Open while ``used`` is within ``limit``; otherwise closed for the reason."""
    inside = used <= limit
    return Ceiling(
        rule=rule,
        quantity=UNBOUNDED if inside else 0.0,
        limit=limit,
        used=used,
        headroom=limit - used,
        unit=unit,
        reason="" if inside else reason,
    )


def budget(rule: str, view: View, limit: float, used: float, per_unit: float, missing: str = "NAV") -> Ceiling:
    """The quantity that a budget in USDT still buys, at ``per_unit`` of it for each unit."""
    headroom = limit - used
    if isfinite(headroom) and per_unit > 0.0:
        quantity = min(UNBOUNDED, headroom / per_unit) if headroom > 0.0 else 0.0
        return Ceiling(rule=rule, quantity=quantity, limit=limit, used=used, headroom=headroom, unit="USDT")
    name = missing if not isfinite(limit) else "position" if not isfinite(used) else "price"
    held = ", ".join(sorted(view.state.heat.unmarked)) if name == "NAV" else ""
    return closed(rule, f"{name} is unknown{held and f': no price of {held}, which is held'}", "USDT")
