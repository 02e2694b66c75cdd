"""Imports: the question what one would come to, and the command that books it, all of it or nothing."""

from collections.abc import Sequence

from shared.domain.numbers import plain
from shared.domain.risk.commands.refusals import command_refused, unsigned
from shared.domain.risk.fills import Fills
from shared.domain.risk.imports.plan import ImportPlan, plan_of
from shared.domain.risk.ramp.phases import Phases
from shared.domain.risk.state.state import RiskState
from shared.messages.ask import ImportAnswered, ImportAsked, ImportRow
from shared.messages.base import Message, derived_id, truncate
from shared.messages.control import ImportPositions
from shared.messages.orders import ImportDecided
from shared.messages.portfolio import BookedPosition, PositionsImported

ROWS_A_MESSAGE = 40  # so that a message stays within what is read, whatever the faults
MOST_FAULTS = 5  # in one refusal


class Imports:
    """Answers ``ImportAsked``, and carries out ``ImportPositions``."""

    def __init__(self, state: RiskState, fills: Fills, phases: Phases) -> None:
        self._state, self._fills, self._phases = state, fills, phases

    def answer(self, asked: ImportAsked) -> Sequence[ImportAnswered]:
        """What the books would be; nothing is booked."""
        plan = plan_of(self._state, asked.positions, asked.cash, asked.client)
        rows = plan.rows
        pages = [rows[start : start + ROWS_A_MESSAGE] for start in range(0, len(rows), ROWS_A_MESSAGE)] or [()]
        return [
            ImportAnswered(
                id=derived_id("import-answered", asked.id, part),
                cause=asked.id,
                trace=asked.trace_id,
                time_ns=self._state.now_ns or asked.time_ns,
                reply_to=asked.reply_to,
                rows=page,
                faults=tuple(map(truncate, plan.faults)) if part == 1 else (),
                cash_before=plan.cash_before,
                cash=plan.cash,
                nav_before=plan.nav_before,
                nav=plan.nav,
                heat_before=plan.heat_before,
                heat=plan.heat,
                heat_limit=self._state.limits.heat,
                over=plan.over if part == 1 else (),
                part=part,
                parts=len(pages),
            )
            for part, page in enumerate(pages, start=1)
        ]

    def book(self, command: ImportPositions) -> Sequence[Message]:
        """Take all of it into the books, or refuse with what does not fit."""
        plan = plan_of(self._state, command.positions, command.cash, command.client)
        fault = unsigned(command, "positions come in") or self._fault_of_look(command) or _in_one(plan.all_faults)
        if fault:
            return command_refused(command, fault)
        self._take_in(plan, command.client)
        told = [self._for_others(command, row) for row in plan.rows]
        return [self._imported(command, plan), *told, *self._fills.snapshot(command)]

    def _fault_of_look(self, command: ImportPositions) -> str:
        """The operator decided on what he saw: other books take another look."""
        cash = self._state.ledger.account.cash
        if command.cash_before is None or command.cash_before == cash:
            return ""
        seen = f"cash_before {plain(command.cash_before)} USDT was seen"
        return f"{seen}, the books have {plain(cash)} by now: something was bought or sold; look again"

    def _take_in(self, plan: ImportPlan, client: str) -> None:
        state = self._state
        owner = client if client in state.plan.clients else ""
        for row in plan.rows:
            state.ledger.take_in(row.symbol, row.quantity, row.cost, row.stop)
            state.owners.traded(row.symbol, owner, 0.0, float(row.quantity))
            state.follow_position(row.symbol)
        state.ledger.set_cash(plan.cash)
        self._measure_anew(plan)

    def _measure_anew(self, plan: ImportPlan) -> None:
        """What came in is no gain, and what went out no loss: all that losses are measured from moves along with it.

        In the same proportion, so that a drawdown stays the fraction that it was.
        """
        state, ratio = self._state, plan.nav / plan.nav_before
        known = state.loss_baselines
        state.move_loss_baselines(
            peak_nav_since_resume=known.peak_nav_since_resume * ratio,
            day_nav=known.day_nav * ratio,
            day_nav_before=known.day_nav_before * ratio,
            heat_limit=max(known.heat_limit, plan.heat),  # nothing is sold because it came in: see ``HeatLimit``
        )
        state.ledger.scale_peak(ratio)
        self._phases.scale(ratio)

    def _imported(self, command: ImportPositions, plan: ImportPlan) -> PositionsImported:
        return PositionsImported(
            id=derived_id("imported", command.id),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            who=command.who,
            reason=truncate(command.reason),
            positions=tuple(_booked(row) for row in plan.rows),
            cash_before=plan.cash_before,
            cash=plan.cash,
            nav_before=plan.nav_before,
            nav=plan.nav,
            heat_before=plan.heat_before,
            heat=plan.heat,
            over=plan.over,
            client=command.client,
        )

    def _for_others(self, command: ImportPositions, row: ImportRow) -> ImportDecided:
        assert row.stop is not None, "a row without a stop has a fault"
        return ImportDecided(
            id=derived_id("import", command.id, row.symbol),
            cause=command.id,
            trace=command.trace_id,
            time_ns=self._state.now_ns or command.time_ns,
            symbol=row.symbol,
            quantity=row.quantity,
            stop_price=row.stop,
            client=command.client,
            reason=truncate(f"imported by {command.who}: {command.reason}"),
        )


def _booked(row: ImportRow) -> BookedPosition:
    assert row.stop is not None, "a row without a stop has a fault"
    return BookedPosition(symbol=row.symbol, quantity=row.quantity, cost=row.cost, stop=row.stop, mark=row.mark)


def _in_one(faults: Sequence[str]) -> str:
    """As much of them as a refusal holds."""
    more = len(faults) - MOST_FAULTS
    return "; ".join([*faults[:MOST_FAULTS], *([f"and {more} more"] if more > 0 else [])])
