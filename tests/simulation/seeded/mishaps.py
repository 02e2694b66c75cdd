"""What happens to a stack that goes on: crashes, pauses, clocks that are set, a gate that forgets, odd entries."""

import asyncio
from collections.abc import Callable
from decimal import Decimal
from random import Random

from msgspec import structs

from shared.adapters.codec import encode
from shared.domain.recent import Recent
from shared.messages.base import Message
from shared.messages.catalogue import BARS, CONTROL, EXECUTED, PAIRS, PROPOSED
from shared.messages.orders import OrderFilled, StopRaised
from tests.keys import MAIN
from tests.runtime.host.fragile_machine import poison_of
from tests.simulation.seeded.actors import TRADED
from tests.simulation.seeded.processes import SimulatedProcess
from tests.simulation.seeded.stack import Stack

LEASE_SECONDS = 3.0
STEPS_SECONDS = (-40.0, -3.0, -0.4, 0.4, 3.0, 40.0)
BARS_KEY = MAIN.of(BARS, "1h")
POISONED = (MAIN.of(PROPOSED), MAIN.of(CONTROL), PAIRS.key, BARS_KEY)


class Mishaps:
    """Each has its name in ``chance.MOMENTS``."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack, self._random = stack, Random(f"{seed}:mishaps")
        self._number = 0
        self._all: dict[str, Callable[[], None]] = {
            "crash_while_it_waits": self._crash,
            "pause_past_the_lease": self._pause,
            "clock_step": self._step_a_clock,
            "gate_forgets": self._let_the_gate_forget,
            "forged_fill": self._forge_a_fill,
            "forged_stop": self._forge_a_stop,
            "unreadable_entry": self._write_rubbish,
            "poison_entry": self._write_poison,
            "entries_taken_out": self._take_out,
        }

    def happen(self, kind: str) -> None:
        """Let one of them happen now."""
        self._stack.chance.count(kind)
        self._all[kind]()

    # --- to processes ---------------------------------------------------------------------------------------------

    def _someone(self) -> SimulatedProcess:
        everybody = self._stack.processes
        return self._random.choice([process for process in everybody if process.is_ready] or everybody)

    def _crash(self) -> None:
        self._someone().line.kill()

    def _pause(self) -> None:
        """Longer than the lease lasts: of the gate mostly, for which a standby waits."""
        gate = self._stack.working("risk") if self._random.random() < 0.7 else None
        line = (gate or self._someone()).line
        line.paused_until = asyncio.get_running_loop().time() + LEASE_SECONDS + self._random.uniform(0.2, 2.0)

    def _step_a_clock(self) -> None:
        self._someone().clock.step_ns += int(self._random.choice(STEPS_SECONDS) * 1e9)

    def _let_the_gate_forget(self) -> None:
        """A fault in the gate's memory: it thinks that nothing is reserved, and knows no order that it has decided.

        The store's own sum and its own decisions have to hold.
        """
        if (process := self._stack.working("risk")) is not None:
            gate = self._stack.gate_in(process)
            gate.state.heat.reserved_risk = 0.0
            vars(gate.gate)["_decided"] = Recent(gate.orders_remembered)

    # --- to streams -----------------------------------------------------------------------------------------------

    def _forge_a_fill(self) -> None:
        ordered = [order.id for client in self._stack.clients for order in client.ordered]
        fill = OrderFilled(
            **self._head(),
            order_id=self._random.choice([*ordered, "nobody-1"]),
            trade_id=f"trade-forged-{self._number}",
            symbol=self._random.choice(TRADED),
            side=self._random.choice(("buy", "sell")),
            quantity=Decimal(self._random.choice((-5, 9_999))),
            price=Decimal(self._random.choice((1, 100, 10_000))),
            fee_usdt=Decimal(0),
        )
        self._append(MAIN.of(EXECUTED), fill)

    def _forge_a_stop(self) -> None:
        """So high that it would sell at once."""
        symbol = self._random.choice(TRADED)
        self._append(MAIN.of(PROPOSED), StopRaised(**self._head(), symbol=symbol, stop_price=Decimal(100_000)))

    def _write_rubbish(self) -> None:
        stream = self._random.choice((*POISONED, MAIN.of(EXECUTED)))
        self._stack.bus.append_bytes(stream, self._random.randbytes(self._random.randint(0, 200)))

    def _write_poison(self) -> None:
        """An entry at which every machine that reads it raises, after it has changed its state."""
        stream = self._random.choice(POISONED)
        poison = poison_of(stream, TRADED[0], self._stack.clock.now_ns())
        self._number += 1
        self._append(stream, structs.replace(poison, id=f"{poison.id}-{self._number}"))

    def _take_out(self) -> None:
        """Somebody shortens a stream of proposals, wherever the gate stands."""
        queues = [MAIN.of_client(name) for name in self._stack.server.clients[MAIN.home]]
        stream = self._random.choice((MAIN.of(PROPOSED), *queues))
        self._stack.watch.goes(self._stack.server.streams[stream])
        self._stack.server.take_out(stream, len(self._stack.server.streams[stream]))

    def _head(self) -> dict[str, object]:
        self._number += 1
        return {"id": f"forged-{self._number}", "time_ns": self._stack.clock.now_ns()}

    def _append(self, stream: str, message: Message) -> None:
        self._stack.bus.append_bytes(stream, encode(message))
