"""How rules make their answers. Every order makes some twenty of them: so fields are given in place, not by name."""

from functools import cache
from math import isfinite

from shared.domain.risk.gate.view import View
from shared.messages.base import truncate
from shared.messages.orders import CeilingReport as Ceiling
from shared.messages.orders import Finding

RESIDUE = 1e-12  # of a limit: what float sums leave of nothing
UNBOUNDED = 1e18  # "no ceiling": finite, so that it can travel


@cache
def opened(rule: str) -> Ceiling:
    """A plain gate that stands open; made once for each rule."""
    return Ceiling(rule, UNBOUNDED, 0.0, 0.0, 0.0, "", code="open")


def closed(rule: str, code: Finding, reason: str, unit: str = "") -> Ceiling:
    """Nothing passes, for this reason; ``code`` says it in one word."""
    return Ceiling(rule, 0.0, 0.0, 0.0, 0.0, unit, truncate(reason), code)


def within(rule: str, limit: float, used: float, unit: str) -> Ceiling:
    """Open: ``used`` is inside ``limit``."""
    return Ceiling(rule, UNBOUNDED, limit, used, limit - used, unit, code="open")


def beyond(rule: str, limit: float, used: float, unit: str, reason: str, code: Finding = "limit") -> Ceiling:
    """Nothing passes, because ``used`` is over ``limit``."""
    return Ceiling(rule, 0.0, limit, used, limit - used, unit, truncate(reason), code)


def budget(rule: str, view: View, limit: float, used: float, per_unit: float, missing: str = "NAV") -> Ceiling:
    """The quantity that a budget in USDT still buys, at ``per_unit`` of it for each unit."""
    headroom = limit - used
    if headroom > 0.0 and per_unit > 0.0:  # neither is true of NaN
        quantity = headroom / per_unit
        if quantity < UNBOUNDED:
            return Ceiling(rule, quantity, limit, used, headroom, "USDT", code="limit")
    return _spent_or_unknown(rule, view, limit, used, per_unit, missing)


def _spent_or_unknown(rule: str, view: View, limit: float, used: float, per_unit: float, missing: str) -> Ceiling:
    headroom = limit - used
    if missing == "NAV" and view.nav <= 0.0:
        return closed(rule, "limit", f"NAV is {view.nav:,.2f} USDT", "USDT")
    if isfinite(headroom) and per_unit > 0.0:
        if abs(headroom) <= RESIDUE * abs(limit):
            headroom = 0.0
        return Ceiling(rule, UNBOUNDED if headroom > 0.0 else 0.0, limit, used, headroom, "USDT", code="limit")
    name = missing if not isfinite(limit) else "position" if not isfinite(used) else "price"
    held = ", ".join(sorted(view.state.heat.unmarked)) if name == "NAV" else ""
    return closed(rule, "missing", f"{name} is unknown{held and f': no price of {held}, which is held'}", "USDT")
