"""Operators' commands on trading itself: halt, resume, flatten. Each is answered by what follows, or by a refusal.

A resume takes two steps (``Resume``, then ``Resume`` with the code of the answer) when any halt of the scope was a
drawdown, a market shock, or the operator's own halt of the whole portfolio. A resume has to say who asks for it and
why, or it is refused. A halt or a flatten is carried out without that: what makes the portfolio safer does not wait.
"""

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct, structs

from shared.domain.odd_times import fault_of_expiry
from shared.domain.risk.breakers import Breakers
from shared.domain.risk.commands.refusals import command_refused, unsigned
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.memory import MEMORY
from shared.domain.risk.state.halts import NewHalt
from shared.domain.risk.state.pair_aliases import aliases_of, trading_name
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message, derived_id
from shared.messages.control import Flatten, Halt, Resume
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.orders import OrderClosed

FLATTEN = "flatten"
CODE_LENGTH = 8
MOST_SALES = 100  # of one pair at once: what is larger still takes another flatten
UNNAMED, UNGIVEN = "nobody named", "no reason given"
C = TypeVar("C", Halt, Resume, Flatten)


class Flattening(Struct, frozen=True, kw_only=True):
    """A pair whose resting sells are being cancelled, so that it can be sold at the market instead.

    command: the one that asked for it.
    waiting: ids of the orders that are being cancelled.
    """

    command: Flatten
    waiting: tuple[str, ...]


HALT_COMMAND_RECORDS: dict[str, type[Struct]] = {FLATTEN: Flattening}


class HaltCommands:
    """Carries out halts by hand, ends halts, and gets out of positions."""

    def __init__(self, state: RiskState, halt_actions: HaltActions, breakers: Breakers) -> None:
        self._state, self._halt_actions, self._breakers = state, halt_actions, breakers

    # --- halt -----------------------------------------------------------------------------------------------------

    def halt(self, command: Halt) -> Sequence[Message]:
        """Halt a pair or the portfolio, until a time or until an operator resumes."""
        command = self._by_trading_name(command)
        if fault := self._fault_of(command):
            return command_refused(command, fault)
        if fault := fault_of_expiry(command.until_ns, 0, self._state.now_ns, "until_ns"):
            reason = f"{_reason(command)}; {fault}. So the halt has no end by time"
            command = structs.replace(command, until_ns=0, reason=reason)  # a halt that ends in 1970 would be none
        if command.until_ns and command.until_ns <= self._state.now_ns:
            return command_refused(
                command, f"until_ns {command.until_ns} has passed; name a later time, or 0 for no end"
            )
        kill = not command.symbol and command.mode == "halted"
        begun = self._halt_actions.begin(
            command,
            NewHalt(
                symbol=command.symbol,
                trigger="operator",
                reason=_reason(command),
                mode=command.mode,
                until_ns=command.until_ns,
                cleared_by="two_steps" if kill else "operator",
                who=command.who if command.who.strip() else UNNAMED,
            ),
        )
        earlier = self._state.halts.get(command.symbol, "operator")
        if begun or earlier is None:
            return begun
        scope = _scope(command.symbol)
        return command_refused(command, f"{scope} is {earlier.mode} already, by {earlier.who}: {earlier.reason}")

    # --- resume ---------------------------------------------------------------------------------------------------

    def resume(self, command: Resume) -> Sequence[Message]:
        """End the halts of a scope that an operator may end; where they take two steps, ask for the second."""
        command = self._by_trading_name(command)
        if fault := self._fault_of(command) or unsigned(command, "trading resumes"):
            return command_refused(command, fault)
        halts = [halt for name in aliases_of(self._state, command.symbol) for halt in self._state.halts.of(name)]
        endable = [halt for halt in halts if halt.cleared_by != "condition" or not self._is_watched(halt)]
        if not endable:
            return command_refused(command, self._why_not(command.symbol, halts))
        if any(halt.cleared_by == "two_steps" for halt in endable):
            if not command.confirm:
                return self._ask(command, endable)
            if fault := self._fault_of_code(command, endable):
                return command_refused(command, fault)
            self._state.halts.drop_pending_resume(command.symbol)
        answers: list[Message] = []
        for halt in endable:
            for ended in self._state.halts.end(
                command, halt.symbol, halt.trigger, reason=command.reason, who=command.who
            ):
                answers.append(ended)
                self._breakers.on_resumed(ended)
        return answers

    def _is_watched(self, halt: Halted) -> bool:
        """Whether the halt will end by itself, because its condition is still checked."""
        if halt.trigger == "phase":
            return not self._state.plan.ramp.by_date
        return halt.trigger == MEMORY or self._breakers.watches(halt)

    def _why_not(self, symbol: str, halts: Sequence[Halted]) -> str:
        if halts:
            reasons = "; ".join(f"{halt.trigger}: {halt.reason}" for halt in halts)
            return f"{_scope(symbol)} resumes by itself once this is over: {reasons}"
        if symbol and self._state.halts.of(""):
            return f"{symbol} is not halted by itself, the portfolio is; leave the pair out"
        return f"{_scope(symbol)} is not halted"

    def _ask(self, command: Resume, halts: Sequence[Halted]) -> Sequence[Message]:
        """The first step: a code that is good for these very halts, for a while.

        Who asks again is told the code that was given: otherwise anybody could void an operator's by asking.
        """
        state = self._state
        given = state.halts.pending_resume(command.symbol)
        if given is not None and not self._fault_of_code(structs.replace(command, confirm=given.confirm), halts):
            again = derived_id("resume-asked", command.id)
            return (structs.replace(given, id=again, cause=command.id, trace=command.trace_id, who=command.who),)
        strict = next(halt for halt in halts if halt.cleared_by == "two_steps")
        asked = ResumeAsked(
            id=derived_id("resume-asked", command.id),
            cause=command.id,
            trace=command.trace_id,
            time_ns=state.now_ns,
            confirm=self._code(state.now_ns, halts),
            symbol=command.symbol,
            trigger=strict.trigger,
            who=command.who,
            until_ns=state.now_ns + int(state.market_ns(state.plan.breakers.resume_seconds)),
        )
        state.halts.put_pending_resume(asked)
        return (asked,)

    def _fault_of_code(self, command: Resume, halts: Sequence[Halted]) -> str:
        asked = self._state.halts.pending_resume(command.symbol)
        again = "resume without a code to get a new one"
        if asked is None:
            return f"nobody asked to resume {_scope(command.symbol)}; {again}"
        if self._state.now_ns > asked.until_ns:
            return f"the code is too old; {again}"
        if command.confirm != asked.confirm:
            return f"the code is another one; {again}"
        if self._code(asked.time_ns, halts) != asked.confirm:
            return f"halts have changed since the code was given; look at them, and {again}"
        return ""

    def _code(self, time_ns: int, halts: Sequence[Halted]) -> str:
        ids = sorted(halt.id for halt in halts)
        return derived_id("code", self._state.portfolio, time_ns, *ids)[-CODE_LENGTH:]

    # --- flatten --------------------------------------------------------------------------------------------------

    def flatten(self, command: Flatten) -> Sequence[Message]:
        """Cancel every open order of the scope and sell what is held, through the same gate as every order."""
        command = self._by_trading_name(command)
        if fault := self._fault_of(command):
            return command_refused(command, fault)
        state, reason = self._state, f"flatten: {_reason(command)}"
        scope = aliases_of(state, command.symbol)
        made: list[Message] = []
        for name in scope:
            made += self._halt_actions.cancel_entries(command, name, reason)
        for position in state.ledger.positions():
            if command.symbol and position.symbol not in scope:
                continue
            names = aliases_of(state, position.symbol)
            sells = [
                order.order_id for order in state.reservations.all() if order.side == "sell" and order.symbol in names
            ]
            for order_id in sells:
                made += self._halt_actions.cancel(command, order_id, reason)
            if sells:
                state.records.put(FLATTEN, position.symbol, Flattening(command=command, waiting=tuple(sells)))
            made += self._sale(command, position.symbol, "")
        nothing = f"nothing is held or on order in {_scope(command.symbol)}"
        return made or command_refused(command, nothing, nothing_to_do=True)

    def on_closed(self, closed: OrderClosed) -> Sequence[Message]:
        """A resting sell ended. If a flatten waited for it, sell what it held back, by the pair's present name."""
        records, made = self._state.records, list[Message]()
        for symbol, pending in records.rows(FLATTEN, Flattening):
            if closed.order_id not in pending.waiting:
                continue
            if any(self._state.reservations.get(order_id) is not None for order_id in pending.waiting):
                continue
            records.delete(FLATTEN, symbol)
            for name in aliases_of(self._state, symbol):
                made += self._sale(pending.command, name, closed.order_id)
        return made

    def _sale(self, command: Flatten, symbol: str, after: str) -> Sequence[Message]:
        """All that is not being sold, in as many orders as the exchange's largest makes of it."""
        sales: list[Message] = []
        left = self._halt_actions.unsold(symbol)
        while left > 0 and len(sales) < MOST_SALES:
            quantity = self._halt_actions.largest_sale(symbol, left)
            order_id = derived_id("flatten", command.id, symbol, after, *([len(sales)] if sales else []))
            sales.append(self._halt_actions.sale(command, order_id, symbol, quantity, "flatten"))
            left -= quantity
        return sales

    def _by_trading_name(self, command: C) -> C:
        """A command on one of a pair's names is meant for the one that trades now."""
        return structs.replace(command, symbol=trading_name(self._state, command.symbol)) if command.symbol else command

    def _fault_of(self, command: Halt | Resume | Flatten) -> str:
        if command.symbol and self._state.heat.pair(command.symbol) is None:
            return f"symbol {command.symbol!r} is not in the universe; name a pair of universe.toml, or none for all"
        return ""


def _reason(command: Halt | Flatten) -> str:
    return command.reason if command.reason.strip() else UNGIVEN


def _scope(symbol: str) -> str:
    return symbol or "the portfolio"
