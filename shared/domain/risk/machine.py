"""The risk machine: proposals, fills, marks and commands in; verdicts, portfolio snapshots and halts out.

This file says who handles what, and nothing else. The parts are ``gate`` (verdicts), ``fills`` (what became of orders),
``breakers`` (halts that set themselves off), ``set_aside`` (what no service could handle), ``memory`` (of the server,
that fills), ``commands`` (of operators), ``imports`` (positions that come in),
``ramp`` (phases) and ``gate.what_if`` (questions). They share ``state``.
"""

from collections.abc import Callable, Sequence
from typing import Any

from shared.domain.listing_claims import doubt_about_listing
from shared.domain.machine import Records, ReservationCheck
from shared.domain.plan import Plan
from shared.domain.risk.breakers import BREAKER_RECORDS, Breakers
from shared.domain.risk.commands.at_once import at_once
from shared.domain.risk.commands.halts import HALT_COMMAND_RECORDS, HaltCommands
from shared.domain.risk.commands.limits import LimitChanges
from shared.domain.risk.commands.write_off import WriteOffs
from shared.domain.risk.fills import Fills
from shared.domain.risk.gate.gate import ORDERS_REMEMBERED, Gate
from shared.domain.risk.gate.shadow import SHADOW_RECORDS, Shadow
from shared.domain.risk.gate.what_if import WhatIf
from shared.domain.risk.halt_actions import HaltActions
from shared.domain.risk.imports.imports import Imports
from shared.domain.risk.memory import MemoryHalt
from shared.domain.risk.ramp.phases import PHASE_RECORDS, Phases
from shared.domain.risk.set_aside import SET_ASIDE_RECORDS, SetAsideHalts
from shared.domain.risk.state.order_book import OrderBook
from shared.domain.risk.state.state import STATE_RECORDS, RiskState
from shared.domain.risk.unpriced import PriceWatch
from shared.domain.timeframes import DAILY
from shared.domain.universe import Universe
from shared.messages.ask import ImportAsked, RoomAsked, ShadowAsked
from shared.messages.base import MemoryMeasured, Message, TimePassed
from shared.messages.control import (
    ApprovePhase,
    Flatten,
    Halt,
    ImportPositions,
    Resume,
    SetLimits,
    SetPhase,
    WriteOff,
    WriteOffOrder,
)
from shared.messages.dead_letter import EntrySetAside, UnreadableReceived, message_refused
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    CancelProposed,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    StopPlaced,
    StopRaised,
)
from shared.messages.reports import ReportAwaited, ReportRefused

SNAPSHOT_SECONDS = 1.0  # wall time between snapshots when nothing else calls for one


class RiskMachine:
    """The risk side of one portfolio.

    speed: market seconds in a wall second; age limits stretch by it.
    paper: whether orders go to the paper exchange; None where no phase cares, as in backtests.
    client_orders: whether clients execute approved orders by themselves, and report.
    orders_remembered: how many decided orders it recognises when they come again.
    """

    def __init__(
        self,
        plan: Plan,
        universe: Universe,
        *,
        portfolio: str,
        starting_cash_usdt: float,
        speed: float,
        paper: bool | None = None,
        client_orders: bool = False,
        orders_remembered: int = ORDERS_REMEMBERED,
    ) -> None:
        self.orders_remembered = orders_remembered
        self.records = Records(
            {
                **STATE_RECORDS,
                **PHASE_RECORDS,
                **SHADOW_RECORDS,
                **BREAKER_RECORDS,
                **HALT_COMMAND_RECORDS,
                **SET_ASIDE_RECORDS,
            }
        )
        self.state = state = RiskState(
            plan,
            universe,
            portfolio=portfolio,
            starting_cash_usdt=starting_cash_usdt,
            speed=speed,
            records=self.records,
        )
        state.paper, state.client_orders = paper, client_orders
        self._snapshot_every_ns = state.market_ns(SNAPSHOT_SECONDS)
        self._begin()

    def _begin(self) -> None:
        """Make the parts. What they remember beside the records starts from nothing."""
        state = self.state
        self.gate = Gate(state, self.orders_remembered)
        self.phases = Phases(state)
        halt_actions = HaltActions(state, self.gate)
        self.fills = Fills(state, halt_actions, self.phases.evidence_text)
        self.breakers = Breakers(state, halt_actions)
        self.halt_commands = HaltCommands(state, halt_actions, self.breakers)
        self.set_aside = SetAsideHalts(state, halt_actions, self.gate.refusals)
        self.memory = MemoryHalt(state, halt_actions)
        self.write_offs = WriteOffs(state, self.fills)
        self.imports = Imports(state, self.fills, self.phases)
        self.limit_changes = LimitChanges(state)
        self.price_watch = PriceWatch(state)
        self.shadow = Shadow(state)
        self.what_if = WhatIf(state, self.shadow)
        self._snapshot_ns = -1
        self._handlers: dict[type[Message], Callable[[Any], Sequence[Message]]] = {
            TimePassed: self._on_time,
            MarkChanged: self._on_mark,
            BarClosed: self._on_bar,
            BookSampled: self._on_book,
            PairListed: self._on_listing,
            FeedLost: self.breakers.on_feed_lost,
            FeedRestored: self.breakers.on_feed_restored,
            OrderProposed: self._on_proposal if self._follows_proposals else self.gate.propose,
            StopRaised: self.gate.raise_stop,
            CancelProposed: self.gate.cancel,
            OrderPlaced: self.fills.on_placed,
            OrderFilled: self._on_fill,
            OrderClosed: self._on_close,
            StopPlaced: self.fills.on_stop_placed,
            ReportAwaited: self.fills.on_report_awaited,
            ReportRefused: self.fills.on_report_refused,
            Halt: at_once(state, self.halt_commands.halt),
            Resume: at_once(state, self.halt_commands.resume),
            Flatten: at_once(state, self.halt_commands.flatten),
            WriteOff: at_once(state, self.write_offs.write_off),
            WriteOffOrder: at_once(state, self.write_offs.write_off_order),
            ImportPositions: at_once(state, self.imports.book),
            SetLimits: at_once(state, self.limit_changes.set),
            SetPhase: at_once(state, self.phases.set),
            ApprovePhase: at_once(state, self.phases.approve),
            UnreadableReceived: self.gate.refusals.unreadable,
            RoomAsked: self.what_if.answer_room,
            ImportAsked: self.imports.answer,
            ShadowAsked: self.what_if.answer_shadow,
            EntrySetAside: self.set_aside.on_set_aside,
            MemoryMeasured: self.memory.on_measured,
        }

    # --- what a machine is ----------------------------------------------------------------------------------------

    def handle(self, message: Message) -> Sequence[Message]:
        handler = self._handlers.get(type(message))
        return handler(message) if handler else ()

    def warm(self, message: Message) -> None:
        """Rebuild daily figures, listings and lost feeds."""
        match message:
            case BarClosed():
                self.breakers.warm(message)
                if message.timeframe == DAILY:
                    self.state.add_day(message)
            case PairListed() if doubt_about_listing(message, self.state.universe) is None:
                self.state.listings[message.symbol] = message
            case _:
                pass

    def restored(self) -> None:
        self.state.take_over()
        self.shadow.restored()
        self._snapshot_ns = -1

    def take_reservation_checks(self) -> Sequence[ReservationCheck]:
        """The reservation steps since the last call, for the store's own check (docs/decisions/0007)."""
        taken = tuple(self.state.reservation_checks)
        self.state.reservation_checks.clear()
        return taken

    # --- time and the market --------------------------------------------------------------------------------------

    def _on_time(self, message: TimePassed) -> Sequence[Message]:
        state = self.state
        if state.advance_clock(message.time_ns):
            self._snapshot_ns = -1
            state.effective.throttle.forget()
            self.breakers.on_clock_stepped_back(state.now_ns)
        resumed = state.halts.expire(message)
        if not resumed and self._snapshot_ns >= 0 and state.now_ns - self._snapshot_ns < self._snapshot_every_ns:
            return ()
        self._snapshot_ns = state.now_ns
        self.price_watch.on_time()
        state.note_oldest_held()
        self.shadow.store()
        begun = self.limit_changes.compare_with_file(message)
        snapshot = self.fills.snapshot(message)
        watched: list[Message] = [*begun, *resumed, *snapshot, *self.breakers.on_time(message)]
        for each in snapshot:
            watched += self.phases.take_snapshot(each)
        return watched

    def _on_mark(self, message: MarkChanged) -> Sequence[Message]:
        pair = self.state.heat.pair(message.symbol)
        before = (pair.mark, pair.mark_time_ns) if pair is not None else (0.0, 0)
        if not self.state.revalue(message.symbol, message.price, message.time_ns):
            return ()
        return self.breakers.on_mark(message, *before)

    def _on_bar(self, bar: BarClosed) -> Sequence[Message]:
        watched = self.breakers.on_bar(bar)
        if self.state.heat.pair(bar.symbol) is None:
            return watched
        self.state.revalue(bar.symbol, bar.close, bar.close_time_ns)
        if bar.timeframe == DAILY and self.state.add_day(bar):
            self.state.learn_costs(bar.symbol)
            return [*watched, *self.breakers.on_day(bar)]
        return watched

    def _on_book(self, book: BookSampled) -> Sequence[Message]:
        if self.state.heat.pair(book.symbol) is None:  # of names that nobody trades there is no end
            return ()
        self.state.books[book.symbol] = OrderBook(book)
        return self.breakers.on_book(book)

    def _on_listing(self, listing: PairListed) -> Sequence[Message]:
        if doubt := doubt_about_listing(listing, self.state.universe):
            return (message_refused(listing, time_ns=self.state.now_ns or listing.time_ns, **doubt._asdict()),)
        if self.state.heat.pair(listing.symbol) is None:
            return ()
        self.state.listings[listing.symbol] = listing
        return [*self.fills.on_listed(listing), *self.breakers.on_listing(listing)]

    # --- orders ---------------------------------------------------------------------------------------------------

    def _on_proposal(self, order: OrderProposed) -> Sequence[Message]:
        self.shadow.before(order)
        decided = self.gate.propose(order)
        for each in decided:
            if isinstance(each, OrderDecided):
                self.shadow.after(order, each)
        self.breakers.on_proposed(order)
        return decided

    @property
    def _follows_proposals(self) -> bool:
        """Whether anybody but the gate looks at proposals. If nobody does, they go straight to the gate."""
        return self.state.plan.shadow is not None or self.state.plan.breakers.reduce_heat

    def _on_fill(self, fill: OrderFilled) -> Sequence[Message]:
        if self.fills.is_known(fill):
            return ()
        claim = self.fills.claim(fill)
        if refusals := self.fills.refuse(claim):
            return refusals
        return [*self.fills.book(claim), *self.breakers.on_fill(claim.fill, claim.held)]

    def _on_close(self, closed: OrderClosed) -> Sequence[Message]:
        return [*self.fills.on_closed(closed), *self.halt_commands.on_closed(closed)]

    def follows(self, symbol: str) -> bool:
        """Whether marks and books of a pair mean anything here."""
        return self.state.heat.pair(symbol) is not None

    # --- for the host ---------------------------------------------------------------------------------------------

    def remember(self, answer: Message) -> None:
        """Take in what was said before: a decision, so that its order is never decided again, or another answer."""
        if isinstance(answer, OrderDecided):
            self.gate.remember(answer)
        else:
            self.gate.answers.remember(answer)

    def said_to(self, proposal: CancelProposed | StopRaised) -> Message | None:
        """What was said to a cancel or a raised stop when it came before; None where that is not known."""
        return self.gate.answers.to(proposal)

    def take_repeats(self) -> Sequence[str]:
        """The orders whose stored decision was asked for once more since the last call."""
        return self.gate.take_repeats()
