"""What must hold for any limits, any portfolio and any stream of orders, checked against plain sums."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.plan import Limits
from shared.domain.risk.gate.verdict import Ruling, decide_opening, decide_reducing
from shared.domain.risk.gate.view import View
from shared.messages.control import Halt, Resume
from shared.messages.orders import CancelDecided, CancelProposed, OrderProposed, StopApproved, StopRaised
from tests.domain.risk.risk_harness import UNIVERSE
from tests.domain.risk.risk_life import STEP, Life
from tests.examples import examples
from tests.samples import proposal

D = Decimal
SYMBOLS = st.sampled_from(UNIVERSE.symbols[:4])
PARTS = st.floats(0.01, 1.0)
LIMITS = st.builds(
    Limits,
    equity_at_risk=st.floats(0.002, 0.4),
    heat=st.floats(0.005, 0.3),
    pair_cap_nav=st.floats(0.02, 1.0),
    pair_cap_adv=st.sampled_from([1.0, 1.0, 0.0003]),
    sector_cap_nav=st.floats(0.05, 1.0),
    drawdown=st.floats(0.1, 1.0),
    atr_floor=st.sampled_from([0.0, 0.01, 0.05]),
    max_order_usdt=st.floats(1_000.0, 300_000.0),
    price_collar=st.just(0.02),
    book_age_seconds=st.just(0.0),
    mark_age_seconds=st.just(1e9),
    nav_age_seconds=st.just(1e9),
    ledger_age_seconds=st.just(1e9),
    gap_shock=st.floats(0.1, 0.5),
    gap_stress=st.floats(0.02, 0.5),
    max_open_orders=st.integers(2, 10),
    orders_per_second=st.integers(3, 20),
    repeats_per_minute=st.integers(3, 20),
)
WHAT = ["buy", "limit", "sell", "fill", "part", "cancel", "late", "mark", "stop", "stop out", "halt", "resume", "wait"]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["buy"] * 8 + ["fill"] * 6 + ["mark", "sell", "wait", "resume"] + WHAT),
        SYMBOLS,
        PARTS,
        st.floats(0.5, 0.999),
    ),
    min_size=20,
    max_size=50,
)
ONLY_CASH = Limits(
    equity_at_risk=1.0, heat=1.0, pair_cap_nav=1.0, pair_cap_adv=1.0, sector_cap_nav=1.0, drawdown=1.0, atr_floor=0.0,
    max_order_usdt=1e9, book_age_seconds=0.0, mark_age_seconds=1e9, nav_age_seconds=1e9,
    ledger_age_seconds=1e9, gap_stress=1.0, max_open_orders=100,
    orders_per_second=1_000, repeats_per_minute=1_000,
)  # fmt: skip
LIVES = st.tuples(LIMITS | LIMITS | LIMITS | st.just(ONLY_CASH), STEPS)


def lived(limits: Limits, steps: list[tuple[str, str, float, float]]) -> Life:
    """A life in which every approval was checked by the model's own sums as it was given."""
    life = Life(limits)
    for what, symbol, part, fraction in steps:
        step(life, what, symbol, part, fraction)
    return life


def step(life: Life, what: str, symbol: str, part: float, fraction: float) -> None:
    open_ids = list(life.model.orders)
    one = open_ids[int(part * 1000) % len(open_ids)] if open_ids else ""
    match what:
        case "buy":
            life.propose(life.order(symbol, part * 100_000, fraction))
        case "limit":
            life.propose(life.order(symbol, part * 100_000, fraction, limit=0.95 + 0.07 * fraction))
        case "sell":
            life.sell(symbol, max(STEP, round(life.model.held.get(symbol, D(0)) * D(repr(part)) * 2, 4)))
        case "fill" | "part" if one and (most := life.fillable(one)):
            quantity = most if what == "fill" else min(most, max(STEP, round(most * D(repr(part)), 4)))
            life.fill(life.model.orders[one][0], quantity, life.marks[symbol_of(life, one)] * (1.005 - 0.01 * part))
            if what == "fill" and not life.model.orders[one][1]:
                life.close(one)
        case "cancel" if one:
            life.close(one)
        case "late" if life.ended and (most := life.fillable(late := list(life.ended)[-1])):
            life.claim_falsely(life.fill_of(life.ended.pop(late)[0], most, life.marks[symbol]))
        case "mark":
            life.mark(symbol, 0.9 + part / 5)
        case "stop":
            life.stop_placed(symbol, fraction)
        case "stop out":
            life.stop_out(symbol)
        case "halt":
            scope = symbol if part < 0.7 else ""
            life.tell(Halt(id=f"h-{life.number()}", time_ns=life.harness.now_ns, who="ana", reason="x", symbol=scope))
        case "resume":
            for scope in ("", symbol):
                life.tell(
                    Resume(id=f"r-{life.number()}", time_ns=life.harness.now_ns, who="ana", reason="seen", symbol=scope)
                )
        case "wait":
            life.wait(part * 60)


def symbol_of(life: Life, order_id: str) -> str:
    return life.model.orders[order_id][0].symbol


def ruled(life: Life, order: OrderProposed) -> Ruling:
    """The verdict on the portfolio as it is; reserves nothing."""
    return decide_opening(order, View(order, life.machine.state))


@examples(120)
@given(LIVES)
def test_no_approval_passes_any_limit_and_the_totals_kept_are_the_totals_summed(
    a_life: tuple[Limits, list[tuple[str, str, float, float]]],
) -> None:
    life = lived(*a_life)
    state = life.machine.state
    assert state.ledger.account.cash == life.model.cash
    held = {position.symbol: position.quantity for position in state.ledger.positions()}
    assert held == {symbol: quantity for symbol, quantity in life.model.held.items() if quantity}
    kept, summed = life.totals()
    assert kept == pytest.approx(summed, rel=1e-9, abs=1e-6)
    for symbol in UNIVERSE.symbols:
        pair, sums = state.heat.pairs[symbol], life.model.figures(life.marks, symbol)
        own = (pair.notional, pair.open_risk, pair.reserved_notional, pair.reserved_risk, pair.reserved_cash)
        names = ("holdings", "open_risk", "reserved", "reserved_risk", "promised")
        assert own == pytest.approx([sums[name] for name in names], rel=1e-9, abs=1e-6)
    for sector, notional in state.heat.sectors.items():
        sums = life.model.figures(life.marks, sector)
        assert notional == pytest.approx(sums["holdings"] + sums["reserved"], rel=1e-9, abs=1e-6)
    assert state.reservations.count == len(life.model.orders)
    for decided in life.decisions:
        if decided.side == "buy":
            for row in decided.ceilings:
                assert float(decided.quantity_approved) <= row.quantity * (1 + 1e-9)


@examples(100)
@given(LIVES, SYMBOLS, PARTS, PARTS, st.floats(0.5, 0.999))
def test_a_smaller_order_is_never_refused_where_a_larger_one_passes(
    a_life: tuple[Limits, list[tuple[str, str, float, float]]], symbol: str, size: float, share: float, stop: float
) -> None:
    life = lived(*a_life)
    large = life.order(symbol, size * 300_000, stop)
    small = life.order(symbol, size * share * 300_000, stop)
    listing = life.machine.state.listings[symbol]
    least = max(listing.min_quantity, D(repr(round(5.1 / life.marks[symbol], 4))))
    more, less = ruled(life, large).quantity, ruled(life, small).quantity
    if small.quantity >= least:
        assert less == min(small.quantity, more)
    else:
        assert less in (D(0), small.quantity)


@examples(120)
@given(LIVES, SYMBOLS, PARTS, st.floats(0.5, 0.999), st.none() | st.floats(0.9, 1.02))
def test_a_trim_is_the_largest_tradable_quantity_and_one_step_more_fails(
    a_life: tuple[Limits, list[tuple[str, str, float, float]]],
    symbol: str,
    size: float,
    stop: float,
    limit: float | None,
) -> None:
    life = lived(*a_life)
    order = life.order(symbol, size * 300_000, stop, limit)
    ruling = ruled(life, order)
    assert ruling.quantity <= order.quantity
    assert ruling.quantity % STEP == 0
    if ruling.verdict != "trim":
        assert ruling.quantity in (order.quantity, D(0))
        return

    def asking(quantity: Decimal) -> Ruling:
        fields = {name: getattr(order, name) for name in order.__struct_fields__}
        return ruled(life, OrderProposed(**(fields | {"quantity": quantity})))

    assert asking(ruling.quantity).verdict == "approve"
    assert asking(ruling.quantity + STEP).verdict == "trim"
    assert asking(ruling.quantity + STEP).quantity == ruling.quantity


@examples(100)
@given(LIVES, PARTS, st.booleans())
def test_reductions_always_pass(
    a_life: tuple[Limits, list[tuple[str, str, float, float]]], part: float, halted: bool
) -> None:
    life = lived(*a_life)
    state = life.machine.state
    if halted:
        life.tell(Halt(id="h", time_ns=life.harness.now_ns, who="ana", reason="x"))
    for order_id in list(life.model.orders):
        [cancelled] = life.machine.handle(CancelProposed(id=f"c-{order_id}", time_ns=1, order_id=order_id))
        assert isinstance(cancelled, CancelDecided)
    for symbol, held in life.model.held.items():
        room = held - state.heat.pairs[symbol].reserved_sells
        if held > 0:
            higher = (life.model.stops[symbol] or D(0)) + D("0.0001")
            [raised] = life.machine.handle(StopRaised(id=f"r-{symbol}", time_ns=1, symbol=symbol, stop_price=higher))
            assert isinstance(raised, StopApproved)
        for quantity in (room, room * D(repr(part)), D("0.00000001")):
            if room <= 0 or not 0 < quantity <= room:
                continue
            order = proposal(symbol=symbol, side="sell", quantity=quantity, stop_price=None)
            ruling = decide_reducing(order, View(order, state), held, state.heat.pairs[symbol].reserved_sells)
            assert ruling.quantity == _taken(quantity, life.marks[symbol])
            assert (ruling.code == "dust") == (not ruling.quantity)
        decided = life.sell(symbol, held + 1)
        assert decided.quantity_approved == _taken(max(D(0), room), life.marks[symbol])


def _taken(quantity: Decimal, mark: float) -> Decimal:
    """What the exchange takes of a sale: whole lots, worth 5 USDT or more."""
    whole = quantity - quantity % STEP
    return whole if whole * D(repr(mark)) >= 5 else D(0)


@examples(60)
@given(LIVES)
def test_after_a_restart_every_verdict_is_the_same(
    a_life: tuple[Limits, list[tuple[str, str, float, float]]],
) -> None:
    life = lived(*a_life)
    life.wait(61)  # the throttle's memory begins anew with the process
    orders = [life.order(symbol, 50_000, 0.9) for symbol in UNIVERSE.symbols]
    before = [(ruled(life, order).quantity, ruled(life, order).binding) for order in orders]
    life.restart()
    after = [(ruled(life, order).quantity, ruled(life, order).binding) for order in orders]
    assert after == before
    kept, summed = life.totals()
    assert kept == pytest.approx(summed, rel=1e-9, abs=1e-6)
