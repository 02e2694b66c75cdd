"""What an import would do to the portfolio: computed before anything is booked, for the question as for the command."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import structs

from shared.domain.numbers import plain
from shared.domain.risk.commands.breaches import Incoming, limit_breaches
from shared.domain.risk.imports.rows import row_of
from shared.domain.risk.state.pair_aliases import aliases_of
from shared.domain.risk.state.state import RiskState
from shared.domain.words import counted
from shared.messages.ask import ImportRow
from shared.messages.control import PositionToImport

TWICE = "the pair stands here twice; add both up to one position"


class ImportPlan(NamedTuple):
    """rows: every position as it would be booked.

    faults: what does not fit beside what the rows say.
    cash_before, cash, nav_before, nav: USDT; NAV is 0 when unknown.
    heat_before, heat: fractions of NAV.
    over: what would exceed the limits, in words.
    """

    rows: tuple[ImportRow, ...]
    faults: tuple[str, ...]
    cash_before: Decimal
    cash: Decimal
    nav_before: float
    nav: float
    heat_before: float
    heat: float
    over: tuple[str, ...]

    @property
    def all_faults(self) -> list[str]:
        """Everything that does not fit, in words."""
        return [*self.faults, *(f"{row.symbol}: {row.fault}" for row in self.rows if row.fault)]


def plan_of(state: RiskState, positions: Sequence[PositionToImport], cash: Decimal | None, client: str) -> ImportPlan:
    """The portfolio before and after."""
    rows = _without_doubles(state, [row_of(state, wanted) for wanted in positions])
    before = state.ledger.account.cash
    after = before if cash is None else cash
    nav_before = state.nav if state.nav > 0 else 0.0
    coming = Incoming(
        nav=float(after - before) + sum(row.notional_usdt for row in rows),
        risk=sum(row.open_risk_usdt for row in rows),
        notionals={row.symbol: row.notional_usdt for row in rows},
    )
    nav = nav_before + coming.nav
    faults = [*_faults_of_cash(state, cash), *_faults_of_whole(state, rows, cash, client)]
    if nav_before and not nav > 0:
        faults.append(f"NAV would be {nav:,.2f} USDT; name the cash that there is")
    return ImportPlan(
        rows=tuple(rows),
        faults=tuple(faults),
        cash_before=before,
        cash=after,
        nav_before=nav_before,
        nav=max(0.0, nav) if nav_before else 0.0,
        heat_before=state.heat.risk / nav_before if nav_before else 0.0,
        heat=(state.heat.risk + coming.risk) / nav if nav_before and nav > 0 else 0.0,
        over=limit_breaches(state, coming),
    )


def _without_doubles(state: RiskState, rows: Sequence[ImportRow]) -> list[ImportRow]:
    """The same pair twice, by whichever of its names, is one position too many."""
    seen: set[str] = set()
    checked = []
    for row in rows:
        checked.append(structs.replace(row, fault=row.fault or TWICE) if row.symbol in seen else row)
        seen.update(aliases_of(state, row.symbol))
    return checked


def _faults_of_cash(state: RiskState, cash: Decimal | None) -> list[str]:
    if cash is None:
        return []
    if cash < 0:
        return [f"cash {plain(cash)} must not be below 0"]
    if open_now := state.reservations.count:
        orders = counted(open_now, "open order")
        return [f"cash {plain(cash)} cannot be set while there is {orders}, whose fills move it; leave cash out"]
    return []


def _faults_of_whole(state: RiskState, rows: Sequence[ImportRow], cash: Decimal | None, client: str) -> list[str]:
    faults = []
    if not rows and cash is None:
        faults.append("nothing to import: neither a position nor cash is named")
    if not state.nav > 0:
        unmarked = ", ".join(sorted(state.heat.unmarked)) or "what is held"
        faults.append(f"NAV is unknown, for {unmarked} has no price; wait for one")
    if state.client_orders and rows and not client:
        faults.append("client is missing: clients execute (exchange.orders), so name the one that holds the positions")
    if client and not state.client_orders:
        faults.append(f"client {client}: clients do not execute (exchange.orders), so nobody asks it; leave it out")
    return faults
