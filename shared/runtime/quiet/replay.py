"""The replay that passes over what nothing can follow from. See ``shared/runtime/quiet/__init__.py``."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.domain.risk.machine import RiskMachine
from shared.domain.sizing.machine import SizingMachine
from shared.domain.strategies.machine import SignalsMachine
from shared.domain.timeframes import timeframe_ns
from shared.domain.universe import Universe
from shared.messages.base import Message
from shared.messages.catalogue import BARS, MARKS
from shared.messages.keys import Keys
from shared.messages.market import BarClosed
from shared.runtime.columns import Block, Instant, Prices, seen
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.quiet.execution_guard import Exchange, ExecutionGuard
from shared.runtime.quiet.guard import NO_MARKET, Guard
from shared.runtime.quiet.market import Market
from shared.runtime.quiet.risk_guard import RiskGuard
from shared.runtime.quiet.sizing_guard import SizingGuard
from shared.runtime.quiet.strengths import SignalsGuard
from shared.runtime.replay import Mailbox, Replay

ANY = "<any>"
GUARDS: dict[type, type[Guard[Any]]] = {
    RiskMachine: RiskGuard,
    SignalsMachine: SignalsGuard,
    SizingMachine: SizingGuard,
}


class QuietReplay(Replay):
    """A ``Replay`` that gives the same messages in less time, but for ``PositionSized``, which it leaves out.

    Bars come as blocks, by ``play`` or by ``enter``, ``meet`` and ``leave``; everything else is fed as to any replay,
    also in between. A machine that has no guard of its own is shown every bar, and so are all of them while bars are
    told late.

        replay = QuietReplay(machine_specs(settings, clock), settings.keys, settings.universe)
        outputs = replay.feed(pairs)
        for played in replay.play(block):
            outputs += played.messages
    """

    def __init__(self, specs: Sequence[MachineSpec], keys: Keys, universe: Universe) -> None:
        super().__init__(specs, keys)
        self._universe, self._market = universe, NO_MARKET
        self._guards = [_guard(spec, keys) for spec in specs]
        self._before_bars = [_place_of_bars(spec, keys) for spec in specs]
        self._guard_of = dict(zip(self._mailboxes, self._guards, strict=True))

    def feed(self, messages: Iterable[Message]) -> list[Message]:
        """Hand in messages that are no bars. Raises ``ValueError`` for a bar."""
        messages = list(messages)
        if any(type(message) is BarClosed for message in messages):
            raise ValueError("bars are played as blocks here: QuietReplay.play")
        return super().feed(messages)

    def enter(self, block: Block) -> None:
        super().enter(block)
        self._market = Market(block, self._universe)
        for guard in self._guards:
            guard.begin(self._market)

    def refresh(self, symbol: str) -> None:
        for guard in self._guards:
            for column in self._market.columns_of(symbol):
                guard.refresh(column)

    def leave(self) -> None:
        for guard in self._guards:
            guard.end()
        super().leave()

    def meet(self, instant: Instant) -> list[Message]:
        """One instant: every machine meets its bars, then all of them settle."""
        outputs: list[Message] = []
        rows = self._market.rows_at(instant)
        if not rows:
            return outputs
        self.advance_clock(instant.close_ns, outputs)
        is_late = instant.close_ns < self._now_ns  # history, of which the guards know nothing
        for box, guard, before in zip(self._mailboxes, self._guards, self._before_bars, strict=True):
            mail = box.take()
            made = _hear(guard, [message for number, message in mail if number < before])
            for timeframe, row in rows:
                made += guard.take_late(timeframe, row) if is_late else guard.take(timeframe, row)
            made += _hear(guard, [message for number, message in mail if number >= before])
            self._emit(box, made, outputs)
        self._settle(outputs)
        return outputs

    def see(self, prices: Prices) -> list[Message]:
        if prices.time_ns <= self._now_ns or not seen(prices):
            return super().see(prices)
        outputs: list[Message] = []
        self.advance_clock(prices.time_ns, outputs)
        for box, guard in zip(self._mailboxes, self._guards, strict=True):
            if MARKS in box.spec.latest:
                self._emit(box, guard.see(prices), outputs)
        self._settle(outputs)
        return outputs

    def _turn(self, box: Mailbox, outputs: list[Message]) -> None:
        self._emit(box, _hear(self._guard_of[box], [message for _, message in box.take()]), outputs)


def _hear(guard: Guard[Any], messages: list[Message]) -> list[Message]:
    """Let a machine take what waits for it."""
    made: list[Message] = []
    for message in messages:
        made += guard.hear(message)
    return made


def _guard(spec: MachineSpec, keys: Keys) -> "Guard[Any]":
    """The guard of a machine; the plain one where it has none of its own."""
    fallback = ExecutionGuard if isinstance(spec.machine, Exchange) else Guard
    return GUARDS.get(type(spec.machine), fallback)(spec.machine, _timeframes(spec, keys))


def _timeframes(spec: MachineSpec, keys: Keys) -> list[str]:
    """Of the bars that a machine reads, the longest first."""
    bars = keys.of(BARS, ANY).partition(ANY)[0]
    read = [key.removeprefix(bars) for key in spec.inputs if key.startswith(bars)]
    return sorted(read, key=timeframe_ns, reverse=True)


def _place_of_bars(spec: MachineSpec, keys: Keys) -> int:
    """How many inputs come before the bars."""
    bars = {keys.of(BARS, timeframe) for timeframe in _timeframes(spec, keys)}
    return next((place for place, key in enumerate(spec.sources) if key in bars), len(spec.sources))
