"""One run: it begins, things happen, faults end, and then everything that was acknowledged is answered."""

import asyncio
from hashlib import blake2b
from typing import NamedTuple

from shared.adapters.memory_server import MemoryServer
from tests.simulation.seeded.chance import Chance
from tests.simulation.seeded.losses import Losses
from tests.simulation.seeded.mishaps import Mishaps
from tests.simulation.seeded.stack import LOOK_SECONDS, Stack
from tests.simulation.seeded.virtual_loop import run_virtually
from tests.simulation.seeded.watch import ViolationError

SECONDS = 6.0  # of faults, in virtual time
HEALING_SECONDS = 120.0  # within which everything has to be answered once faults are over: calls are slow here
CALM_LOOKS = 3


class Ran(NamedTuple):
    """What a run came to.

    told: how often each thing happened. fingerprint: of all that is stored, byte by byte.
    """

    seed: int
    told: dict[str, int]
    fingerprint: str


def simulate(seed: int) -> Ran:
    """The run of a seed, always the same. Raises ``ViolationError`` for what did not hold."""
    chance = Chance(seed, SECONDS)
    return run_virtually(_run(seed, chance, Stack(seed, chance)))


async def _run(seed: int, chance: Chance, stack: Stack) -> Ran:
    await stack.market.begin()
    async with asyncio.TaskGroup() as group:
        market = group.create_task(stack.market.run())
        services = [group.create_task(process.supervise()) for process in stack.processes]
        talking: list[asyncio.Task[None]] = []
        try:
            await stack.until(lambda: stack.is_up, "it never started")
            talking = [group.create_task(each.run()) for each in (*stack.clients, stack.operator, stack.trimming)]
            await _faults(chance, stack, Mishaps(stack, seed))
            if chance.end:
                await Losses(stack, seed).happen(chance.end)
            else:
                for client in talking:
                    client.cancel()
                await _heal(chance, stack)
        except ViolationError as error:
            stack.watch.violation = stack.watch.violation or error
        finally:
            for task in (market, *services, *talking):
                task.cancel()
    stack.watch.raise_violation()
    return Ran(seed, dict(chance.told), _fingerprint(stack.server))


async def _faults(chance: Chance, stack: Stack, mishaps: Mishaps) -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    for moment, kind in (*chance.moments, (SECONDS, "")):
        await asyncio.sleep(max(0.0, began + moment - loop.time()))
        stack.watch.raise_violation()
        if kind:
            mishaps.happen(kind)


async def _heal(chance: Chance, stack: Stack) -> None:
    """Faults are over. Everything is answered, and everybody agrees."""
    chance.quiet = True
    for process in stack.processes:
        process.clock.step_ns = 0
        if process.is_over:
            raise ViolationError(f"{process.name} ended for good, and nothing was lost: {process.endings[-1]!r}")
    calm = 0

    def has_come_to_rest() -> bool:
        nonlocal calm
        calm = 0 if stack.behind() else calm + 1
        return calm >= CALM_LOOKS

    await asyncio.sleep(LOOK_SECONDS)
    await stack.until(has_come_to_rest, "it does not come to rest", HEALING_SECONDS)
    stack.watch.check_digests()
    stack.watch.check_positions()
    stack.watch.check_answers({sent: what for each in stack.clients for sent, what in each.acknowledged.items()})


def _fingerprint(server: MemoryServer) -> str:
    digest = blake2b(digest_size=16)
    for stream, bodies in sorted(server.streams.items()):
        digest.update(stream.encode())
        for body in bodies:
            digest.update(body)
    for (_, service), state in sorted(server.machines.items()):
        digest.update(f"{service} {state.seq} {state.epoch} {state.digest}".encode())
    return digest.hexdigest()
