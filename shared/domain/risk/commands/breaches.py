"""What exceeds the limits already, in words. It is reported when limits are tightened, and when positions come in.

Nothing is sold because of it.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from shared.domain.portfolio.performance import drawdown_of
from shared.domain.risk.state.state import RiskState
from shared.domain.words import counted

MOST = 60  # lines; a message has its bounds


class Incoming(NamedTuple):
    """What is about to come into the books, USDT: nav beside what there is, open risk, and notionals by pair."""

    nav: float = 0.0
    risk: float = 0.0
    notionals: Mapping[str, float] = {}


NOTHING = Incoming()


def limit_breaches(state: RiskState, coming: Incoming = NOTHING) -> tuple[str, ...]:
    """A line for the portfolio and for each sector and pair that is over an active limit; reserved amounts count.

    coming: as if this were in the books.
    """
    nav = state.nav + coming.nav
    if not nav > 0:
        return ("NAV is unknown: nobody can tell what is over the limits",)
    lines = [*_portfolio(state, nav, coming), *_sectors(state, nav, coming), *_pairs(state, nav, coming)]
    more = len(lines) - MOST
    return (*lines[:MOST], f"and {more} more") if more > 0 else tuple(lines)


def _portfolio(state: RiskState, nav: float, coming: Incoming) -> Iterator[str]:
    heat, limits = state.heat, state.limits
    used = (heat.risk + coming.risk) / nav
    if used > limits.heat:
        yield f"portfolio: heat is {used:.2%}, the limit {limits.heat:.2%}"
    stress = limits.gap_shock * (heat.exposure + sum(coming.notionals.values())) / nav
    if stress > limits.gap_stress:
        cost = f"a fall of {limits.gap_shock:.0%} would cost {stress:.2%} of NAV"
        yield f"portfolio: {cost}, the limit is {limits.gap_stress:.2%}"
    fallen = drawdown_of(state.loss_baselines.peak_nav_since_resume, state.nav)  # what comes in moves the peak along
    if fallen > limits.drawdown:
        yield f"portfolio: drawdown is {fallen:.2%}, the limit {limits.drawdown:.2%}"
    if state.reservations.count > limits.max_open_orders:
        open_now = counted(state.reservations.count, "open order")
        yield f"portfolio: {open_now}, the limit is {limits.max_open_orders}"


def _sectors(state: RiskState, nav: float, coming: Incoming) -> Iterator[str]:
    cap, sectors = state.limits.sector_cap_nav, dict(state.heat.sectors)
    for symbol, notional in coming.notionals.items():
        if (pair := state.heat.pair(symbol)) is not None:
            sectors[pair.sector] += notional
    for sector, notional in sorted(sectors.items()):
        if notional > cap * nav:
            yield f"sector {sector}: {_over(notional, cap * nav, f'{cap:.2%} of NAV')}"


def _pairs(state: RiskState, nav: float, coming: Incoming) -> Iterator[str]:
    limits, pairs = state.limits, state.heat.pairs
    for symbol in sorted([*(pair.symbol for pair in state.universe.pairs), *state.outside]):
        pair = pairs[symbol]
        notional = pair.exposure + sum(other.exposure for other in pair.others)
        notional += sum(coming.notionals.get(name.symbol, 0.0) for name in (pair, *pair.others))
        if notional <= 0:
            continue
        cap = limits.pair_cap_nav
        if notional > cap * nav:
            yield f"{symbol}: {_over(notional, cap * nav, f'{cap:.2%} of NAV')}"
        history = state.daily.get(symbol)
        adv = history.latest.adv_usdt if history is not None else None
        if adv is not None and notional > limits.pair_cap_adv * adv:
            share = limits.pair_cap_adv
            yield f"{symbol}: {_over(notional, share * adv, f'{share:.2%} of ADV')}"


def _over(notional: float, cap_usdt: float, share: str) -> str:
    return f"${notional:,.0f} held and on order, the cap is ${cap_usdt:,.0f} ({share})"
