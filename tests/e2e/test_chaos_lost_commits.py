"""A real gate on a server that loses what it acknowledged: by power, by a shortened file, by a replica that was behind.

With ``appendfsync always`` nothing is lost. Where commits are gone, no process goes on, at no start and no takeover,
until the data are back or an operator has accepted the loss. Each test counts the fault that it makes.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from shutil import copytree, rmtree

import pytest

from services.wiring import machine_homes
from shared.adapters.local_ports import free_port
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, wait_until_ready
from shared.adapters.witness import read, witness_path
from shared.application.repair import accept, read_losses
from shared.config.faults import EXIT_CONFIG
from shared.messages.catalogue import AUDIT, DECIDED
from shared.messages.orders import OrderDecided
from shared.messages.portfolio import StoreRepaired
from tests.e2e.chaos import all_of, until
from tests.e2e.children import Child, service
from tests.e2e.slow_disk import SlowDisk
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import proposal

pytestmark = [pytest.mark.chaos, pytest.mark.processes, pytest.mark.sockets]
KILLS, HEARD, BEHIND = 5, 40, 20
GONE = ("commits are gone", "has the data of nobody")
# Whatever is due: each flush of the quick server waits for its disk, the one of the lazy server for longer than it has.
SLOW_MS, HANGING_MS = 20, 700


@dataclass
class Scene:
    """A server that dies, and gates on it. heard: the verdicts that the client was given, in order."""

    folder: Path
    port: int = field(default_factory=free_port)
    environ: dict[str, str] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    children: list[Child] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def data(self) -> Path:
        return self.folder / "server"

    async def start_server(self, data: Path | None = None, port: int = 0, **settings: str) -> Child:
        place = data or self.data
        place.mkdir(exist_ok=True)
        server = EmbeddedValkey(place, port or self.port, settings=self.settings | settings)
        variables = (f"{name}={value}" for name, value in self.environ.items())
        child = Child(("env", *variables, *server.command()), self.folder / "valkey.log")
        self.children.append(child)
        await wait_until_ready(server.url)
        return child

    def start_gate(self, machine: str = "first") -> Child:
        """machine: the one that it runs on; each has a witness of its own."""
        witness = f"HEATSINK_REDIS__WITNESS={self.folder / machine}"
        gate = service("risk", self.url, self.folder, machine, witness)
        self.children.append(gate)
        return gate

    @asynccontextmanager
    async def bus(self) -> AsyncIterator[RedisBus]:
        async with RedisBus.open(self.url, MAIN) as bus:
            yield bus

    async def hear(self, count: int) -> None:
        """Propose so often, and hear the verdict each time."""
        async with self.bus() as bus:
            await until(lambda: is_ready(bus))
            for _ in range(count):
                order_id = f"o-{len(self.heard)}"
                await bus.propose(proposal(order_id, quantity=Decimal("0.001")), "bot")
                await until(lambda order_id=order_id: bus.decision(order_id))  # type: ignore[misc]
                self.heard.append(order_id)

    async def decided(self) -> list[str]:
        async with self.bus() as bus:
            return [each.order_id for each in await all_of(bus, MAIN.of(DECIDED), OrderDecided)]

    async def refuses(self, gate: Child, *, words: Sequence[str] = GONE) -> None:
        """It ends by itself, and says why."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await asyncio.to_thread(gate.process.wait) == EXIT_CONFIG
        last = gate.log.read_text(encoding="utf-8").splitlines()[-8:]
        assert any(word in line for line in last for word in words), last

    def witnessed(self, machine: str) -> int:
        seen = read(witness_path(self.folder / machine, "risk", "main"))
        return seen.seq if seen is not None else 0


@contextmanager
def a_scene(folder: Path) -> Iterator[Scene]:
    scene = Scene(folder)
    try:
        yield scene
    finally:
        for child in scene.children:
            child.kill()


async def is_ready(bus: RedisBus) -> bool:
    beats = await bus.heartbeats()
    return "risk" in beats and beats["risk"].state == "ready"


async def test_no_verdict_is_lost_with_the_power_of_a_server_that_flushes_before_it_answers(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path, wait_ms=SLOW_MS)
    with a_scene(tmp_path) as scene:
        scene.environ = disk.environ
        server, gate = await scene.start_server(), scene.start_gate()
        for _ in range(KILLS):
            await scene.hear(HEARD)
            server.kill()
            gate.kill()
            disk.lose_power(scene.data)
            server, gate = await scene.start_server(), scene.start_gate()
        await scene.hear(1)
        assert await scene.decided() == scene.heard
        print({"kills": KILLS, "verdicts": len(scene.heard), "flushes": disk.flushes, "bytes lost": disk.lost_bytes})
    assert disk.flushes > len(scene.heard)


async def test_verdicts_that_went_with_the_power_are_missed_until_an_operator_accepts_it(tmp_path: Path) -> None:
    disk = SlowDisk(tmp_path, wait_ms=HANGING_MS)
    with a_scene(tmp_path) as scene:
        scene.environ, scene.settings = disk.environ, {"appendfsync": "everysec"}
        server, gate = await scene.start_server(), scene.start_gate()
        await scene.hear(HEARD)
        while not disk.flushes:
            await scene.hear(1)
        await scene.hear(HEARD)
        last = scene.witnessed("first")
        server.kill()
        gate.kill()
        disk.lose_power(scene.data)
        scene.environ = {}
        await scene.start_server()
        left = await scene.decided()
        assert disk.lost_bytes > 0
        assert len(left) < len(scene.heard)
        print({"bytes lost": disk.lost_bytes, "verdicts lost": len(scene.heard) - len(left), "witnessed": last})
        for _ in range(2):
            await scene.refuses(scene.start_gate())
        await goes_on_once_it_is_accepted(scene, left)


async def goes_on_once_it_is_accepted(scene: Scene, left: list[str]) -> None:
    async with scene.bus() as bus:
        losses = await read_losses(bus, scene.folder / "first", machine_homes(MAIN))
        assert [loss.service for loss in losses] == ["risk"]
        await accept(bus, losses, who="ana", reason="seen, and compared with the exchange")
    scene.start_gate()
    scene.heard.append("after")  # an id that no earlier verdict had
    await scene.hear(1)
    assert (await scene.decided())[: len(left)] == left
    async with scene.bus() as bus:
        told = await all_of(bus, MAIN.of(AUDIT), StoreRepaired)
    assert [(each.who, each.key) for each in told] == [("ana", "hs:{main}:meta:risk")]


async def test_a_file_that_was_shortened_while_nothing_ran_is_missed_at_every_start(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        server, gate = await scene.start_server(), scene.start_gate()
        await scene.hear(HEARD)
        gate.process.terminate()
        gate.process.wait()
        server.process.terminate()
        server.process.wait()
        copytree(scene.data, tmp_path / "copy")
        file = max(scene.data.rglob("*.incr.aof"), key=lambda path: path.stat().st_size)
        size = file.stat().st_size
        os.truncate(file, size * 2 // 3)
        server = await scene.start_server()
        left = await scene.decided()
        print({"bytes cut": size - size * 2 // 3, "verdicts lost": len(scene.heard) - len(left)})
        assert 0 < len(left) < len(scene.heard)
        for _ in range(2):
            await scene.refuses(scene.start_gate())
        assert await scene.decided() == left
        server.process.terminate()
        server.process.wait()
        rmtree(scene.data)
        (tmp_path / "copy").rename(scene.data)  # the data are back
        await scene.start_server()
        scene.start_gate()
        await scene.hear(1)
        assert await scene.decided() == scene.heard


async def test_a_replica_that_was_promoted_too_early_is_noticed_by_the_gate_and_by_its_standby(tmp_path: Path) -> None:
    with a_scene(tmp_path) as scene:
        server, gate = await scene.start_server(), scene.start_gate()
        await scene.hear(HEARD)
        standby = scene.start_gate("second")
        replica_port = free_port()
        replica = await scene.start_server(tmp_path / "replica", replica_port, replicaof=f"127.0.0.1 {scene.port}")
        async with RedisBus.connect(f"redis://127.0.0.1:{replica_port}/0", MAIN) as bus:
            await until(lambda: has(bus, scene.heard[-1]))
            await bus.client.execute_command("REPLICAOF", "NO", "ONE")
            left = [each.order_id for each in await all_of(bus, MAIN.of(DECIDED), OrderDecided)]
        await scene.hear(BEHIND)
        await until(lambda: caught_up(scene))
        server.kill()
        replica.process.terminate()
        replica.process.wait()
        await scene.start_server(tmp_path / "replica")  # at the address of the one that died
        print({"verdicts lost": len(scene.heard) - len(left), "witnessed": scene.witnessed("second")})
        for each in (gate, standby):
            await scene.refuses(each)
        for machine in ("first", "second"):
            await scene.refuses(scene.start_gate(machine))
        assert await scene.decided() == left == scene.heard[: len(left)]
        assert len(left) == len(scene.heard) - BEHIND


async def has(bus: RedisBus, order_id: str) -> bool:
    return await bus.decision(order_id) is not None


async def caught_up(scene: Scene) -> bool:
    """Whether the standby has seen what the gate has committed."""
    async with scene.bus() as bus:
        seq = await bus.client.hget("hs:{main}:meta:risk", "seq")
    return scene.witnessed("second") >= int(seq) - 1
