"""The risk machine against a small model, through whatever order of events hypothesis can think of."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec import structs

from shared.domain.plan import BreakerPlan, Limits
from shared.messages.base import Message
from shared.messages.control import Flatten, Halt, Resume, SetLimits, SetPhase
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    OrderClosed,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopPlaced,
    StopRaised,
)
from shared.messages.portfolio import CommandRefused, LimitsChanged, PhaseChanged
from tests.domain.risk.risk_harness import UNIVERSE
from tests.domain.risk.risk_life import STEP, Claim, Life
from tests.domain.risk.risk_model import Model
from tests.examples import examples

D = Decimal
SYMBOLS = st.sampled_from(UNIVERSE.symbols[:4])
PARTS = st.floats(0.01, 1.0)
START = Limits(
    equity_at_risk=0.1, heat=0.04, pair_cap_nav=0.2, sector_cap_nav=0.4, max_order_usdt=50_000.0, book_age_seconds=0.0,
    mark_age_seconds=1e9, max_open_orders=12, orders_per_second=1_000, repeats_per_minute=1_000,
)  # fmt: skip
CHANGES = {
    "heat": st.floats(0.01, 0.2),
    "pair_cap_nav": st.floats(0.05, 1.0),
    "sector_cap_nav": st.floats(0.2, 1.0),
    "equity_at_risk": st.floats(0.02, 0.2),
    "max_order_usdt": st.floats(1_000.0, 100_000.0),
    "max_open_orders": st.integers(8, 20),
    "gap_stress": st.floats(0.05, 1.0),
}

FALSE_CLAIMS: dict[str, Callable[[OrderFilled], Claim]] = {
    "nobody's": lambda fill: structs.replace(fill, order_id="nobody-1"),
    "other side": lambda fill: structs.replace(fill, side="sell" if fill.side == "buy" else "buy"),
    "other pair": lambda fill: structs.replace(fill, symbol="ADA/USDT"),
    "no pair": lambda fill: structs.replace(fill, symbol="XXX/USDT"),
    "a stop's": lambda fill: structs.replace(fill, stop=True),
    "nothing": lambda fill: structs.replace(fill, quantity=D(0)),
    "less than nothing": lambda fill: structs.replace(fill, quantity=-fill.quantity),
    "more": lambda fill: structs.replace(fill, quantity=fill.quantity + D("0.0001")),
    "for nothing": lambda fill: structs.replace(fill, price=D(0)),
    "far above": lambda fill: structs.replace(fill, price=fill.price * 1_000, fee_usdt=D(0)),
    "great fee": lambda fill: structs.replace(fill, fee_usdt=fill.quantity * fill.price),
    "great rebate": lambda fill: structs.replace(fill, fee_usdt=-fill.quantity * fill.price),
    "end of nobody's": lambda fill: closed(fill, order_id="nobody-1"),
    "end of another pair": lambda fill: closed(fill, symbol="ADA/USDT"),
    "end with more": lambda fill: closed(fill, quantity_filled=D(10) ** 9),
    "placed for nobody": lambda fill: placed(fill, order_id="nobody-1"),
    "placed larger": lambda fill: placed(fill, quantity=D(10) ** 9),
    "placed elsewhere": lambda fill: placed(fill, symbol="ADA/USDT"),
    "stop of nothing": lambda fill: stop_at(fill, symbol="ADA/USDT"),
    "stop in the sky": lambda fill: stop_at(fill, stop_price=D(10) ** 9),
}


def closed(fill: OrderFilled, **changes: object) -> OrderClosed:
    end = OrderClosed(
        id=fill.id,
        time_ns=fill.time_ns,
        order_id=fill.order_id,
        symbol=fill.symbol,
        ending="filled",
        quantity_filled=D(0),
    )
    return structs.replace(end, **changes)


def placed(fill: OrderFilled, **changes: object) -> OrderPlaced:
    there = OrderPlaced(
        id=fill.id, time_ns=fill.time_ns, order_id=fill.order_id, symbol=fill.symbol, side=fill.side, quantity=D(0)
    )
    return structs.replace(there, **changes)


def stop_at(fill: OrderFilled, **changes: object) -> StopPlaced:
    stop = StopPlaced(
        id=fill.id, time_ns=fill.time_ns, order_id="stop-1", symbol=fill.symbol, stop_price=D(1), quantity=D(1)
    )
    return structs.replace(stop, **changes)


class RiskLife(RuleBasedStateMachine):
    """Every decision is checked by ``risk_model.check`` as it is given; every rule is followed by the invariants."""

    def __init__(self) -> None:
        super().__init__()
        self.life = Life(START, breakers=BreakerPlan(), phases=True)

    def _open(self, part: float) -> str:
        ids = list(self.life.model.orders)
        return ids[int(part * 1000) % len(ids)]

    def _tell(self, message: Message) -> list[Message]:
        made = self.life.tell(message)
        for each in made:
            if isinstance(each, OrderProposed):  # what risk itself proposes to sell goes through the gate like any
                decided = self.life.propose(each)
                assert decided.quantity_approved == each.quantity
        return made

    # --- orders ---------------------------------------------------------------------------------------------------

    @rule(symbol=SYMBOLS, size=PARTS, stop=st.floats(0.6, 0.99), limit=st.none() | st.floats(0.97, 1.02))
    def propose(self, symbol: str, size: float, stop: float, limit: float | None) -> None:
        was_halted = self.life.model.is_halted(symbol)
        decided = self.life.propose(self.life.order(symbol, size * 60_000, stop, limit))
        assert decided.binding == "halted" if was_halted else decided.binding != "halted"

    @rule(symbol=SYMBOLS, size=PARTS, stop=st.floats(0.8, 0.99))
    def trade(self, symbol: str, size: float, stop: float) -> None:
        """A market order and its fill; the commonest thing of all."""
        self.propose(symbol, size, stop, None)
        decided = self.life.decisions[-1]
        if decided.quantity_approved:
            self.life.fill(decided, decided.quantity_approved, decided.mark)
            self.life.close(decided.order_id)

    @rule(trades=st.lists(st.tuples(SYMBOLS, PARTS, st.floats(0.8, 0.99)), min_size=1, max_size=4))
    def trade_more(self, trades: list[tuple[str, float, float]]) -> None:
        for trade in trades:
            self.trade(*trade)

    @rule(symbol=SYMBOLS, part=PARTS)
    def propose_to_sell(self, symbol: str, part: float) -> None:
        held = self.life.model.held.get(symbol, D(0))
        selling = sum(
            left for order, left in self.life.model.orders.values() if (order.symbol, order.side) == (symbol, "sell")
        )
        wanted = max(STEP, round(held * D(repr(part)) * 2, 4))
        decided = self.life.sell(symbol, wanted)
        assert decided.quantity_approved == min(wanted, max(D(0), held - selling))

    @precondition(lambda self: self.life.decisions)
    @rule(part=PARTS)
    def duplicate(self, part: float) -> None:
        decided = self.life.decisions[int(part * 1000) % len(self.life.decisions)]
        order = structs.replace(self.life.proposed[decided.order_id], quantity=D("0.5"))  # not even the same
        self.life.machine.take_repeats()
        refusals = self.life.tell(order)
        assert [type(each) for each in refusals] == [ProposalRefused][: decided.quantity_requested != D("0.5")]
        assert self.life.machine.take_repeats() == [order.id]

    @precondition(lambda self: self.life.model.orders)
    @rule(part=PARTS, slip=st.floats(0.995, 1.005))
    def fill_partly(self, part: float, slip: float) -> None:
        order_id = self._open(part)
        most = self.life.fillable(order_id)
        if most > STEP:
            order = self.life.model.orders[order_id][0]
            self.life.fill(order, max(STEP, round(most / 2, 4)), self.life.marks[order.symbol] * slip)

    @precondition(lambda self: self.life.model.orders)
    @rule(part=PARTS, slip=st.floats(0.995, 1.005), twice=st.booleans())
    def fill(self, part: float, slip: float, twice: bool) -> None:
        order_id = self._open(part)
        if not (most := self.life.fillable(order_id)):
            return
        order = self.life.model.orders[order_id][0]
        fill = self.life.fill(order, most, self.life.marks[order.symbol] * slip)
        if not self.life.model.orders[order_id][1]:
            self.life.close(order_id)
        if twice:
            assert self.life.tell(fill) == []

    @precondition(lambda self: self.life.model.orders)
    @rule(part=PARTS)
    def cancel(self, part: float) -> None:
        order_id = self._open(part)
        [decided] = self._tell(
            CancelProposed(id=f"x-{self.life.number()}", time_ns=self.life.harness.now_ns, order_id=order_id)
        )
        assert isinstance(decided, CancelDecided)
        self.life.close(order_id)

    @precondition(lambda self: any(self.life.fillable(each) for each in self.life.ended))
    @rule()
    def fill_late(self) -> None:
        """After its end an order fills no more."""
        order_id = next(each for each in self.life.ended if self.life.fillable(each))
        most, (order, _) = self.life.fillable(order_id), self.life.ended.pop(order_id)
        self.life.claim_falsely(self.life.fill_of(order, most, self.life.marks[order.symbol]))

    @precondition(lambda self: any(self.life.fillable(each) for each in self.life.model.orders))
    @rule(kind=st.sampled_from(sorted(FALSE_CLAIMS)))
    def fill_falsely(self, kind: str) -> None:
        """A believable fill, but for one thing."""
        order_id = next(each for each in self.life.model.orders if self.life.fillable(each))
        order, left = self.life.model.orders[order_id]
        true = self.life.fill_of(order, self.life.fillable(order_id), self.life.marks[order.symbol])
        self.life.claim_falsely(FALSE_CLAIMS[kind](structs.replace(true, quantity=left) if kind == "more" else true))

    @rule(symbol=SYMBOLS, fraction=st.floats(0.8, 0.999))
    def raise_stop(self, symbol: str, fraction: float) -> None:
        stop = D(repr(round(self.life.marks[symbol] * fraction, 6)))
        made = self._tell(
            StopRaised(id=f"r-{self.life.number()}", time_ns=self.life.harness.now_ns, symbol=symbol, stop_price=stop)
        )
        held, before = self.life.model.held.get(symbol), self.life.model.stops.get(symbol)
        passes = bool(held) and stop > (before or 0)
        assert isinstance(made[0], StopApproved if passes else ProposalRefused)
        if passes:
            self.life.stop_placed(symbol, fraction)

    # --- the market -----------------------------------------------------------------------------------------------

    @rule(symbol=SYMBOLS, factor=st.floats(0.95, 1.07))
    def mark(self, symbol: str, factor: float) -> None:
        self.life.mark(symbol, factor)

    @rule()
    def everything_resumes(self) -> None:
        """An hour on, and every halt that an operator may end is ended."""
        self.life.wait(3_600)
        for symbol in ("", *UNIVERSE.symbols):
            self.resume(symbol)

    @rule(symbol=SYMBOLS, factor=st.floats(0.6, 0.9))
    def gap(self, symbol: str, factor: float) -> None:
        self.life.mark(symbol, factor)
        assert (symbol, "gap") in self.life.model.halts
        self.life.stop_out(symbol)

    @rule(seconds=st.floats(1.0, 4_000.0))
    def wait(self, seconds: float) -> None:
        self.life.wait(seconds)

    # --- operators ------------------------------------------------------------------------------------------------

    @rule(symbol=st.just("") | SYMBOLS, mode=st.sampled_from(["halted", "reducing"]), minutes=st.sampled_from([0, 10]))
    def halt(self, symbol: str, mode: str, minutes: int) -> None:
        now_ns = self.life.harness.now_ns
        made = self._tell(
            Halt(
                id=f"h-{self.life.number()}", time_ns=now_ns, who="ana", reason="x", symbol=symbol, mode=mode,  # type: ignore[arg-type]
                until_ns=now_ns + minutes * 60_000_000_000 if minutes else 0,
            )
        )  # fmt: skip
        assert isinstance(made[0], Halted | CommandRefused)
        assert (symbol, "operator") in self.life.model.halts

    @rule(symbol=st.just("") | SYMBOLS)
    def resume(self, symbol: str) -> None:
        made = self._tell(self._resume(symbol))
        if isinstance(made[0], ResumeAsked):
            assert self.life.model.halts
            made = self._tell(self._resume(symbol, made[0].confirm))
        left = {halt.cleared_by for halt in self.life.machine.state.halts.of(symbol)}
        assert left <= {"condition"}, made

    def _resume(self, symbol: str, confirm: str = "") -> Resume:
        number = self.life.number()
        return Resume(
            id=f"r-{number}", time_ns=self.life.harness.now_ns, who="ana", reason="seen", symbol=symbol, confirm=confirm
        )

    @rule(symbol=st.just("") | SYMBOLS)
    def flatten(self, symbol: str) -> None:
        self._tell(
            Flatten(
                id=f"fl-{self.life.number()}", time_ns=self.life.harness.now_ns, who="ana", reason="x", symbol=symbol
            )
        )

    @rule(change=st.sampled_from(sorted(CHANGES)).flatmap(lambda name: st.tuples(st.just(name), CHANGES[name])))
    def change_limit(self, change: tuple[str, float]) -> None:
        made = self._tell(
            SetLimits(
                id=f"l-{self.life.number()}", time_ns=self.life.harness.now_ns, who="ana", reason="x",
                limits={change[0]: change[1]},
            )
        )  # fmt: skip
        if isinstance(made[0], LimitsChanged):
            value = int(change[1]) if change[0] == "max_open_orders" else change[1]
            self.life.limits = structs.replace(self.life.limits, **{change[0]: value})
        else:
            assert isinstance(made[0], CommandRefused)

    @rule(phase=st.sampled_from(["dry_run", "live", "scaled"]))
    def change_phase(self, phase: str) -> None:
        made = self._tell(
            SetPhase(id=f"p-{self.life.number()}", time_ns=self.life.harness.now_ns, who="ana", reason="x", phase=phase)  # type: ignore[arg-type]
        )
        assert isinstance(made[0], PhaseChanged)

    @rule()
    def restart(self) -> None:
        self.life.restart()

    # --- what holds after each of them ----------------------------------------------------------------------------

    @invariant()
    def cash_and_positions_are_exact(self) -> None:
        ledger, model = self.life.machine.state.ledger, self.life.model
        assert ledger.account.cash == model.cash
        assert {each.symbol: each.quantity for each in ledger.positions()} == {s: q for s, q in model.held.items() if q}
        assert all(each.stop == model.stops[each.symbol] for each in ledger.positions())

    @invariant()
    def totals_kept_are_totals_summed(self) -> None:
        kept, summed = self.life.totals()
        assert kept == pytest.approx(summed, rel=1e-9, abs=1e-6)

    @invariant()
    def open_orders_halts_limits_and_scale_agree(self) -> None:
        state, model = self.life.machine.state, self.life.model
        assert {order.order_id for order in state.reservations.all()} == set(model.orders)
        assert {(halt.symbol, halt.trigger) for halt in state.halts.all()} == model.halts
        assert state.limits == self.life.limits
        assert state.phase.scale == self.life.scale


RiskLife.TestCase.settings = examples(40, steps=50)


class TestRiskLife(RiskLife.TestCase):
    """The machine and the model agree after every step of every life."""


def test_the_model_has_at_most_sixty_lines() -> None:
    import inspect

    assert len(inspect.getsource(Model).splitlines()) <= 60
