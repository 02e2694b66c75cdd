"""A state that shows the gate what it saw: figures of a decision's ceilings, and what the journal has beside them."""

from collections.abc import Iterator
from decimal import Decimal
from math import nan

from msgspec import structs

from shared.domain.bars.series import DailyFigures
from shared.domain.machine import Records
from shared.domain.numbers import ZERO
from shared.domain.portfolio.heat import PairHeat
from shared.domain.portfolio.ledger import COUNTED, POSITION, Counted, Position
from shared.domain.risk.again.costs import exit_rate_of
from shared.domain.risk.again.evidence import Evidence
from shared.domain.risk.again.inverse import factor_of, solved, summand_of
from shared.domain.risk.again.market import book_of, mark_time_of
from shared.domain.risk.state.active_phase import ActivePhase
from shared.domain.risk.state.effective_limits import EffectiveLimits
from shared.domain.risk.state.halts import HALT
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.domain.risk.state.state import STATE_RECORDS, RiskState
from shared.messages.base import truncate
from shared.messages.halts import Halted

UNKNOWN = "?"
MOST_OPEN = 100_000


def sights_of(evidence: Evidence) -> Iterator[RiskState]:
    """The states that fit; several where the journal does not say all."""
    for halt in halts_of(evidence):
        for mark_time_ns in mark_time_of(evidence):
            yield _state(evidence, halt, mark_time_ns)


def halts_of(evidence: Evidence) -> tuple[Halted | None, ...]:
    """The halt that was met. A gate that stood open met none, and one that was closed one of the journal's."""
    report = evidence.report("halted")
    if report.code != "halted":
        return (None,)
    words = ((halt, f"{halt.symbol or 'portfolio'} {halt.mode}: {halt.reason}") for halt in evidence.halts)
    return tuple(halt for halt, said in words if truncate(said) == report.reason)[:1] or (None,)


def _state(evidence: Evidence, halt: Halted | None, mark_time_ns: int) -> RiskState:
    decided = evidence.decided
    state = RiskState(
        evidence.plan,
        evidence.universe,
        portfolio=evidence.portfolio,
        starting_cash_usdt=0.0,
        speed=evidence.speed,
        records=_records(evidence, halt),
    )
    state.now_ns = decided.time_ns
    state.client_orders = bool(evidence.report("execution_acknowledged").rule)
    state.effective = EffectiveLimits(evidence.limits, evidence.plan, evidence.speed)
    _see_phase(state, evidence)
    _see_totals(state, evidence)
    _see_pair(state, evidence, mark_time_ns)
    _see_ages(state, evidence)
    if evidence.listing is not None:
        state.listings[decided.symbol] = evidence.listing
    if (book := book_of(evidence)) is not None:
        state.books[decided.symbol] = book
    if "throttled" in (evidence.report("throttle").code, evidence.report("client_throttle").code):
        for approved in evidence.approvals:  # a restart forgets them, so an open throttle tells of nothing
            state.effective.throttle.count(approved.client, approved.strategy, approved.symbol, approved.time_ns)
    return state


def _records(evidence: Evidence, halt: Halted | None) -> Records:
    decided, records = evidence.decided, Records(STATE_RECORDS)
    records.put(COUNTED, "", Counted(decided.seq - 1))
    position = evidence.report("position")
    if position.limit:
        held = Decimal(str(position.limit))
        records.put(POSITION, decided.symbol, Position(symbol=decided.symbol, quantity=held, cost=ZERO, stop=None))
    open_orders = min(int(evidence.report("open_orders").used), MOST_OPEN)
    of_client = int(evidence.report("client_open_orders").used)
    for number in range(open_orders):  # how many there are is all that counts, and how many of them are the client's
        owner = decided.client if number < of_client else ""
        order = OpenOrder(f"open-{number}", UNKNOWN, "sell", ZERO, ZERO, 0.0, 0.0, 0.0, owner=owner)
        records.put(ORDER, order.order_id, order)
    if halt is not None:
        records.put(HALT, f"{halt.symbol}|{halt.trigger}", halt)
    return records


def _see_phase(state: RiskState, evidence: Evidence) -> None:
    name = evidence.decided.phase.removesuffix(" (rehearsal)")
    planned = evidence.plan.phase_named(name)
    state.phase = ActivePhase(name=name, scale=planned.scale if planned is not None else 1.0)
    state.phase_shown = evidence.decided.phase


def _see_totals(state: RiskState, evidence: Evidence) -> None:
    """NAV, heat, cash, and the highest NAV."""
    heat, decided, nav = state.heat, evidence.decided, _nav(evidence)
    cash, stress, sector = (evidence.figures(rule) for rule in ("cash", "gap_stress", "sector_cap"))
    state.ledger.cash = cash.limit if cash else (nav if nav == nav else 0.0)
    heat.reserved_cash = cash.used if cash else 0.0
    heat.holdings = summand_of(nav, state.ledger.cash) if nav == nav else 0.0
    heat.unmarked = set() if nav == nav else _unmarked(evidence)
    exposure = factor_of(stress.used, evidence.limits.gap_shock) if stress else 0.0
    heat.reserved_notional = summand_of(exposure, heat.holdings)
    at_risk = evidence.figures("portfolio_heat")
    heat.open_risk = at_risk.used if at_risk else 0.0
    if at_risk is None and decided.nav:
        near = decided.heat_before * decided.nav
        heat.open_risk = solved(lambda risk: risk / decided.nav == decided.heat_before, near)
    heat.reserved_risk = 0.0
    if of_client := evidence.figures("client_heat"):
        heat.clients[decided.client] = of_client.used
    pair = heat.pairs.get(decided.symbol)
    if pair is not None and sector:
        heat.sectors[pair.sector] = sector.used
    fallen = evidence.report("drawdown")
    state.loss_baselines = structs.replace(
        state.loss_baselines, peak_nav_since_resume=_peak(nav, fallen.used, known=fallen.code != "missing")
    )


def _nav(evidence: Evidence) -> float:
    """NaN where it was unknown."""
    if evidence.decided.nav:
        return evidence.decided.nav
    for report in evidence.decided.ceilings:
        if report.reason.startswith("NAV is ") and report.reason.endswith(" USDT"):
            return float(report.reason.removeprefix("NAV is ").removesuffix(" USDT").replace(",", ""))
    return nan


def _unmarked(evidence: Evidence) -> set[str]:
    for report in evidence.decided.ceilings:
        _, names, rest = report.reason.partition(": no price of ")
        if names:
            return set(rest.removesuffix(", which is held").split(", "))
    return {UNKNOWN}


def _peak(nav: float, fallen: float, *, known: bool) -> float:
    if nav != nav:
        return 0.0 if known else 1.0
    if not fallen or fallen == 1.0:
        return nav
    return solved(lambda peak: (peak - nav) / peak == fallen, nav / (1.0 - fallen))


def _see_pair(state: RiskState, evidence: Evidence, mark_time_ns: int) -> None:
    decided = evidence.decided
    risk, adv = evidence.figures("equity_at_risk"), evidence.figures("pair_cap_adv")
    notional = adv or evidence.figures("pair_cap_nav")
    is_unknown = evidence.report("pair_cap_adv").reason.startswith("ADV is unknown")
    state.history(decided.symbol).latest = DailyFigures(
        atr=None if evidence.report("known_atr").code == "missing" else 1.0,
        adv_usdt=None if is_unknown else factor_of(adv.limit, evidence.limits.pair_cap_adv) if adv else 1.0,
        close_time_ns=state.now_ns,
    )
    pair = state.heat.pairs.get(decided.symbol)
    if pair is None:
        return
    position = evidence.report("position")
    pair.others = ()
    pair.mark, pair.mark_time_ns = decided.mark, mark_time_ns
    pair.exit_rate = exit_rate_of(evidence)
    pair.notional, pair.reserved_notional = notional.used if notional else 0.0, 0.0
    pair.price_risk, pair.reserved_risk = risk.used if risk else 0.0, 0.0
    pair.reserved_sells = Decimal(str(position.used)) if position.used else ZERO


def _see_ages(state: RiskState, evidence: Evidence) -> None:
    """The oldest mark of what is held, and what execution or a client has not told of."""
    limits, now_ns, second_ns = evidence.limits, state.now_ns, state.ns_per_second
    state.oldest_held = None
    nav_age = evidence.report("fresh_nav")
    if nav_age.unit:
        ahead = evidence.found("fresh_nav", r"of a time to come: ([0-9.]+) s ahead")
        age_seconds = -float(ahead) if ahead else nav_age.used
        symbol = evidence.found("fresh_nav", r"the mark of (.+), which is held")
        state.oldest_held = PairHeat(symbol, "", 0.0)
        state.oldest_held.mark_time_ns = now_ns - round(age_seconds * second_ns)
    ledger_age = evidence.report("known_ledger")
    if ledger_age.unit:
        order_id = evidence.found("known_ledger", r"has said nothing of order (\S+?)(?:,| for )")
        is_ahead = "at a time to come" in ledger_age.reason
        age_seconds = -2.0 * limits.ledger_age_seconds - 1.0 if is_ahead else ledger_age.used
        state.reservations.unacknowledged = {order_id or UNKNOWN: now_ns - round(age_seconds * second_ns)}
    if late := evidence.found("execution_acknowledged", r"owes a report of order (\S+) in "):
        client = evidence.found("execution_acknowledged", r"^client (.+) owes a report of order ")
        symbol = evidence.found("execution_acknowledged", r"of order \S+ in (\S+) since ")
        age_seconds = float(evidence.found("execution_acknowledged", r" since ([0-9]+) s; "))
        state.records.put(ORDER, late, OpenOrder(late, symbol, "sell", ZERO, ZERO, 0.0, 0.0, 0.0))
        state.reservations.await_report(late, client, now_ns - max(1, round(age_seconds * second_ns)))
        if state.reservations.count > evidence.report("open_orders").used:
            state.records.delete(ORDER, "open-0")
