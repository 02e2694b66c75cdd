"""What ends a run: the store loses or falsifies what it acknowledged. Nothing goes on from there.

It has to be noticed by whoever runs and knows better. What nobody who runs has seen, nobody can miss.
"""

import asyncio
import copy
from random import Random
from typing import Any

from shared.adapters.memory_server import MachineState
from shared.messages.catalogue import EXECUTED
from shared.ports.errors import CorruptStateError, StateGoneError
from tests.keys import MAIN
from tests.simulation.seeded.processes import SimulatedProcess
from tests.simulation.seeded.stack import Stack
from tests.simulation.seeded.watch import ViolationError

AWAY_SECONDS = 0.6


class Losses:
    """Each has its name in ``chance.ENDS``."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self._stack, self._random = stack, Random(f"{seed}:losses")

    async def happen(self, kind: str) -> None:
        """Let one of them happen, and wait until it is noticed. There are no other faults from here on."""
        stack = self._stack
        stack.chance.count(kind)
        stack.chance.quiet = True  # who is not running cannot notice
        risk, standby = (
            next(each for each in stack.processes if each.name == name) for name in ("risk", "risk-standby")
        )
        standby.is_over = True
        standby.line.kill()
        await stack.until(lambda: risk.is_ready, "the gate never came back")
        match kind:
            case "store_truncated":
                await self._truncate(risk)
            case "replica_stale":
                self._restore(await self._older(risk))
            case "fills_taken_out":
                self._take_out_fills(risk)
            case _:
                self._tamper(risk)
        await stack.until(lambda: risk.is_over, f"{kind} was not noticed")
        if not isinstance(risk.endings[-1], StateGoneError | CorruptStateError):
            raise ViolationError(f"{kind} was taken for {risk.endings[-1]!r}")
        stack.chance.count(f"{kind}_noticed")

    async def _truncate(self, risk: SimulatedProcess) -> None:
        """The server dies, and comes back with a shorter append-only file."""
        before = await self._older(risk)
        self._stack.is_away = True
        self._restore(before)
        await asyncio.sleep(AWAY_SECONDS)
        self._stack.is_away = False

    def _take_out_fills(self, risk: SimulatedProcess) -> None:
        """Words of execution are gone before the gate has booked them: its books may lack a fill."""
        server, stream = self._stack.server, MAIN.of(EXECUTED)
        server.append_bytes(stream, b"a fill, for all that anybody knows")
        server.take_out(stream, len(server.streams[stream]))
        self._stack.watch.lost["risk"] = "fills are gone"
        risk.line.kill()

    def _tamper(self, risk: SimulatedProcess) -> None:
        """Somebody flips a bit of the state. The digest tells, at the next start."""
        state = self._stack.watch.state_of("risk")
        key = self._random.choice(sorted(state.records))
        body = bytearray(state.records[key])
        body[self._random.randrange(len(body))] ^= 1 << self._random.randrange(8)
        state.records[key] = bytes(body)
        self._stack.watch.lost["risk"] = f"somebody changed {key}"
        risk.line.kill()

    async def _older(self, risk: SimulatedProcess) -> dict[str, Any]:
        """What the store has now, once the process has heard of a commit that is not among it."""
        stack = self._stack
        while True:
            before, line, seq = copy.deepcopy(_stored(stack)), risk.line, stack.watch.state_of("risk").seq

            def has_moved_on(line: Any = line, seq: int = seq) -> bool:
                return risk.line is not line or stack.watch.acknowledged["risk"] > seq

            await stack.until(has_moved_on, "the gate commits nothing")
            if risk.line is line:
                return before

    def _restore(self, before: dict[str, Any]) -> None:
        server = self._stack.server
        for name, value in before.items():
            current = getattr(server, name)
            if name == "machines":
                _restore_machines(current, value)
            elif isinstance(current, dict):
                current.clear()
                current.update(value)
            else:
                setattr(server, name, value)
        known = {each.service: each.host.memory.known_seq for each in self._stack.processes if each.host is not None}
        self._stack.watch.went_back(known)


def _stored(stack: Stack) -> dict[str, Any]:
    return {name: value for name, value in vars(stack.server).items() if not name.startswith("_")}


def _restore_machines(current: dict[Any, MachineState], before: dict[Any, MachineState]) -> None:
    """In place: writers hold on to the state, as they do to a server's address."""
    for name, state in current.items():
        for field, value in vars(before.get(name, MachineState())).items():
            setattr(state, field, value)
