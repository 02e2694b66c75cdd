"""Entries that no service can handle, on every stream of a whole stack that trades: some cannot be read, at some every
machine raises, and one kills whoever takes it in. All are set aside, what depends on them is halted, and
everybody works again.
"""

import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from services.cli.up.processes import service_child
from services.cli.up.supervisor import ChildSpec
from services.wiring import SERVICES, machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.local_ports import HOST, claimed_port
from shared.adapters.redis.bus import RedisBus
from shared.config.load import load_settings
from shared.messages.catalogue import BARS, DEAD, SET_ASIDE
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from tests.cli.up.children import supervised
from tests.e2e.chaos import Trader, all_of, chaos_config, until
from tests.e2e.invariants import check_books, halts, settled
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.runtime.host.fragile_machine import DEADLY, poison_of
from tests.shipped import bare_environ

ETH = "ETH/USDT"
HOURLY = MAIN.of(BARS, "1h")
UNREADABLE = b"\xc1 no message"
Reader = tuple[str, str]  # a service and a stream that it reads


def environ_of(config: Path, url: str, ports: tuple[int, int]) -> dict[str, str]:
    inherited = bare_environ()
    simulator, ops = ports
    return inherited | {
        "HEATSINK_CONFIG_DIR": str(config),
        "HEATSINK_REDIS__URL": url,
        "HEATSINK_SIMULATOR__HOST": HOST,
        "HEATSINK_SIMULATOR__PORT": str(simulator),
        "HEATSINK_SIMULATOR__SPEED": "600",
        "HEATSINK_EXCHANGE__URL": f"http://{HOST}:{simulator}",
        "HEATSINK_OPS__PORT": str(ops),
    }


def children(environ: dict[str, str]) -> list[ChildSpec]:
    """Every service as ``heatsink up`` runs it, but with machines that have a bug."""
    specs = []
    for row in SERVICES:
        spec = service_child(row, environ)
        fragile = (sys.executable, "-m", "tests.e2e.fragile_service", row.name)
        specs.append(replace(spec, command=fragile) if row.machine else spec)
    return specs


def readers(config: Path, environ: dict[str, str]) -> set[Reader]:
    """Who reads which stream."""
    specs = machine_specs(load_settings(config, environ), ManualClock())
    return {(spec.service, stream) for spec in specs for stream in spec.inputs}


async def counted(bus: RedisBus) -> dict[str, Counter[Reader]]:
    """What was put away, by what it was. A start may put away again what an earlier one did: see ``dead_letters``."""
    letters = await all_of(bus, DEAD.key, MessageRefused)
    unread = [each for each in letters if each.body == UNREADABLE]
    failed = [each for each in letters if each.cause.startswith("poison")]
    deadly = [each for each in letters if each.cause.startswith(DEADLY)]
    kinds = {"unreadable": unread, "poison": failed, "deadly": deadly}
    return {kind: Counter((each.consumer, each.source) for each in found) for kind, found in kinds.items()}


@pytest.mark.chaos
@pytest.mark.stack(seconds=90)
async def test_poison_in_every_stream_is_set_aside_and_what_depends_on_it_is_halted_until_an_operator_looks(
    redis_bus: RedisBus, valkey_server: str, tmp_path: Path
) -> None:
    trader, config = Trader(redis_bus), chaos_config(tmp_path)
    with ExitStack() as stack:
        ports = stack.enter_context(claimed_port()), stack.enter_context(claimed_port())
        environ = environ_of(config, valkey_server, ports)
        read = readers(config, environ)
        async with supervised(*children(environ)) as (supervisor, notes):
            await settled(redis_bus, trader)
            now_ns = await trader.now_ns()
            async with trader.trading():
                for stream in sorted({stream for _, stream in read}):
                    await redis_bus.client.xadd(stream, {"m": UNREADABLE})
                    await redis_bus.publish([poison_of(stream, ETH, now_ns)])
                await redis_bus.publish([poison_of(HOURLY, ETH, now_ns, DEADLY)])
                deadly = {reader for reader in read if reader[1] == HOURLY}
                wanted = {"unreadable": read, "poison": read, "deadly": deadly}
                # Some twenty starts of services follow from it: over three minutes beside two other stacks.
                await until(lambda: all_put_away(redis_bus, wanted), 3 * PATIENCE_SECONDS)
            standing = await halts(redis_bus)
            assert ("", "set_aside") in standing
            assert (ETH, "set_aside") in standing
            for symbol in {symbol for symbol, _ in standing}:
                await trader.resume(symbol)
            await settled(redis_bus, trader)
            deaths = Counter(event.child.spec.name for event in notes.events if event.kind == "died")
            assert supervisor.failing() == []
    seen = await check_books(redis_bus, trader)
    found = await counted(redis_bus)
    assert {kind: set(each) for kind, each in found.items()} == wanted
    print({kind: each.total() for kind, each in found.items()}, dict(deaths))
    told = await all_of(redis_bus, SET_ASIDE.key, EntrySetAside)
    assert {(each.service, each.source) for each in told} == {each for each in read if each[1] != SET_ASIDE.key}
    assert set(deaths) == {service for service, _ in deadly}
    assert seen.fills > 0


async def all_put_away(bus: RedisBus, wanted: dict[str, set[Reader]]) -> bool:
    found = await counted(bus)
    return all(each <= set(found[kind]) for kind, each in wanted.items())
