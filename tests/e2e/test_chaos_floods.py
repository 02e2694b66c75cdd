"""A real gate under floods: what nobody may lose, what nobody may wait for, and what must not fit into its memory.

Each test counts the fault that it makes. What is held is told in docs/decisions/0025.
"""

import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.catalogue import DEAD, DECIDED, PROPOSED
from shared.messages.dead_letter import MessageRefused
from shared.messages.orders import OrderDecided
from tests.e2e.chaos import all_of, until
from tests.e2e.children import Child, service
from tests.keys import MAIN
from tests.samples import proposal

pytestmark = [pytest.mark.chaos, pytest.mark.processes, pytest.mark.sockets]
Proposed, Decided = MAIN.of(PROPOSED), MAIN.of(DECIDED)
SMALL = Decimal("0.001")
MB = 1024 * 1024
BAD, REPEATS, PAUSED_FOR = 200_000, 60_000, 120_000
GIANTS, GIANT_MB, LIMIT_MB = 20, 60, 1_000
A_CALL = 5_000


@dataclass
class Scene:
    """A gate as a real process, on a server of its own."""

    bus: RedisBus
    gate: Child

    async def flood(self, bodies: Sequence[bytes]) -> None:
        for first in range(0, len(bodies), A_CALL):
            pipe = self.bus.client.pipeline(transaction=False)
            for body in bodies[first : first + A_CALL]:
                pipe.xadd(Proposed, {"m": body})
            await pipe.execute()

    async def is_decided(self, order_id: str) -> bool:
        return await self.bus.decision(order_id) is not None

    async def waiting(self) -> int:
        """Entries of the common stream that the gate was not given yet."""
        return sum(reader.lag or 0 for reader in await self.bus.readers([Proposed]))

    async def is_ready(self) -> bool:
        beats = await self.bus.heartbeats()
        return "risk" in beats and beats["risk"].state == "ready"


@asynccontextmanager
async def a_gate(folder: Path, *before: str, **settings: str) -> AsyncIterator[Scene]:
    """before: what the process is started by."""
    with running_valkey(folder, settings) as server:
        async with RedisBus.open(server.url, MAIN) as bus:
            gate = service("risk", server.url, folder)
            if before:
                gate.kill()
                gate.command = (*before, *gate.command)
                gate.start()
            scene = Scene(bus, gate)
            try:
                await until(scene.is_ready)
                await bus.propose(proposal("known", quantity=SMALL), "honest")
                await until(lambda: scene.is_decided("known"))
                yield scene
                assert gate.process.poll() is None, "the gate ended"
            finally:
                gate.kill()


async def test_nothing_is_lost_behind_a_gate_that_was_paused_for_longer_than_its_stream_is_kept(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as scene:
        bus = scene.bus
        scene.gate.process.send_signal(signal.SIGSTOP)
        honest = [proposal(f"o-{number}", quantity=SMALL) for number in range(100)]
        for order in honest[:50]:
            await bus.propose(order, "honest")
        await bus.publish(honest[50:])
        await scene.flood([b"\xc1 %d" % number for number in range(PAUSED_FOR)])
        for _ in range(5):
            await bus.trim()
        behind = await scene.waiting()
        scene.gate.process.send_signal(signal.SIGCONT)
        for order in honest:
            await until(lambda order_id=order.id: scene.is_decided(order_id))  # type: ignore[misc]
        await until(lambda: caught_up(scene))
        assert behind >= PAUSED_FOR > PROPOSED.keep
        decided = await all_of(bus, Decided, OrderDecided)
        assert sorted(each.order_id for each in decided) == sorted(["known", *(order.id for order in honest)])
        await bus.trim()
        assert await bus.client.xlen(Proposed) < PAUSED_FOR  # what was taken can go


async def test_an_honest_client_waits_for_no_flood_of_bad_bodies(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as scene:
        scene.gate.process.send_signal(signal.SIGSTOP)
        await scene.flood([b"\xc1 %d" % number for number in range(BAD)])
        await scene.bus.propose(proposal("honest-1", quantity=SMALL), "honest")
        scene.gate.process.send_signal(signal.SIGCONT)
        await until(lambda: scene.is_decided("honest-1"))
        left = await scene.waiting()
        print({"bad bodies": BAD, "not taken when the honest verdict came": left})
        assert left > 0
        await until(lambda: caught_up(scene))
        letters = await all_of(scene.bus, DEAD.key, MessageRefused)
        counted = sum(int(letter.reason.partition("; and ")[2].partition(" more")[0] or 0) for letter in letters)
        assert len(letters) + counted == BAD
        assert len(scene.gate.log.read_text(encoding="utf-8").splitlines()) < 100


async def test_an_honest_client_waits_for_no_repeats_of_one_order(tmp_path: Path) -> None:
    async with a_gate(tmp_path) as scene:
        repeat = proposal("known", quantity=SMALL)
        scene.gate.process.send_signal(signal.SIGSTOP)
        await scene.flood([encode(repeat)] * REPEATS)
        await scene.bus.propose(proposal("honest-1", quantity=SMALL), "honest")
        scene.gate.process.send_signal(signal.SIGCONT)
        await until(lambda: scene.is_decided("honest-1"))
        left = await scene.waiting()
        print({"repeats": REPEATS, "not taken when the honest verdict came": left})
        assert left > 0
        for _ in range(1_000):
            assert await scene.bus.propose(repeat, "honest") is not None  # no work for the gate
        await until(lambda: caught_up(scene))
        assert len(await all_of(scene.bus, Decided, OrderDecided)) == 2


async def test_bodies_of_sixty_megabytes_go_past_a_gate_that_has_a_gigabyte(tmp_path: Path) -> None:
    limit = ("prlimit", f"--as={LIMIT_MB * MB}")
    bulk = {"proto-max-bulk-len": "512mb", "client-query-buffer-limit": "1gb", "maxmemory": "4gb"}
    async with a_gate(tmp_path, *limit, **bulk) as scene:
        scene.gate.process.send_signal(signal.SIGSTOP)
        giant = b"\xc1" * (GIANT_MB * MB)
        for number in range(GIANTS):
            await scene.bus.client.xadd(Proposed, {"m": giant})
            await scene.bus.publish([proposal(f"o-{number}", quantity=SMALL)])
        scene.gate.process.send_signal(signal.SIGCONT)
        await until(lambda: scene.is_decided(f"o-{GIANTS - 1}"))
        await scene.bus.client.xadd(Proposed, {"m": giant})  # and one while it waits
        await scene.bus.publish([proposal("after", quantity=SMALL)])
        await until(lambda: scene.is_decided("after"))
        letters = await all_of(scene.bus, DEAD.key, MessageRefused)
        assert [letter.size_bytes >= GIANT_MB * MB for letter in letters] == [True] * (GIANTS + 1)
        decided = await all_of(scene.bus, Decided, OrderDecided)
        assert len({each.order_id for each in decided}) == len(decided) == GIANTS + 2


async def caught_up(scene: Scene) -> bool:
    return await scene.waiting() == 0
