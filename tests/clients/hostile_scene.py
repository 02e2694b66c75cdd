"""A stack whose server knows users, and a client that means ill there: for tests and for the bench."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

from services.cli.up.server_users import register_clients
from services.users import users_of
from services.wiring import key_holders
from shared.adapters.private_files import passwords_in, private_folder
from shared.adapters.redis.acl import acl_file
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.adapters.signing import CLIENTS_FOLDER, write_new_keys
from shared.config.credentials import OWNER, client_user, signed_in
from shared.messages.base import Message
from tests.clients.gate_harness import CLIENT_EXECUTES, SETTINGS, open_market
from tests.clients.hostile_process import ME
from tests.e2e.chaos import all_of
from tests.e2e.processes import service
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.shipped import SHIPPED

HONEST, CAREFUL = "honest", "careful"  # the second one has to sign, and its password was stolen
CLIENTS = f"""
[clients.{HONEST}]
[clients.{ME}]
[clients.{CAREFUL}]
signed = true
"""
SERVICES = ("sizing", "risk", "execution")
MEGABYTE = 1_000_000
LIMITS = {
    "HEATSINK_LIMITS__MAX_OPEN_ORDERS": "100000",
    "HEATSINK_LIMITS__ORDERS_PER_SECOND": "100000",
    "HEATSINK_LIMITS__REPEATS_PER_MINUTE": "100000",
}


class Scene(NamedTuple):
    """bus: the owner's. url: of the server, without a name. passwords: by user. keys: the folder of clients' keys."""

    bus: RedisBus
    url: str
    passwords: dict[str, str]
    keys: Path

    def url_of(self, client: str) -> str:
        user = client_user(client, "main")
        return signed_in(self.url, user, self.passwords[user])

    async def messages(self, key: str, kind: type[Message] = Message) -> list[Any]:
        return await all_of(self.bus, key, kind)


@asynccontextmanager
async def stack(folder: Path, **more: str) -> AsyncIterator[Scene]:
    """A server that knows users, a market that stands still at 100 USDT, and every service that decides or books."""
    users = users_of("main", [HONEST, ME, CAREFUL])
    place = private_folder(folder / "users")
    passwords = passwords_in(place, (user.name for user in users))
    acl = folder / "users.acl"
    acl.write_text(acl_file(users, passwords))
    config, keys = Path(shutil.copytree(SHIPPED, folder / "config")), folder / "keys"
    (config / "stack.toml").write_text((config / "stack.toml").read_text() + CLIENTS)
    write_new_keys(keys, key_holders())
    write_new_keys(keys / CLIENTS_FOLDER, [ME, CAREFUL])
    places = {
        "HEATSINK_REDIS__USERS": str(place), "HEATSINK_CONFIG_DIR": str(config), "HEATSINK_SIGNING__KEYS": str(keys),
    }  # fmt: skip
    settings = SETTINGS | CLIENT_EXECUTES | LIMITS | places | more
    with running_valkey(folder, acl_file=acl) as server:
        owner = signed_in(server.url, OWNER, passwords[OWNER])
        async with RedisBus.open(owner, MAIN) as bus, AsyncExitStack() as services:
            await bus.named_identity()
            await register_clients(bus, (user.name for user in users))
            await open_market(owner)
            for name in SERVICES:
                await services.enter_async_context(service(name, server.url, folder, settings))
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not {*SERVICES} <= {
                    beat.service for beat in (await bus.heartbeats()).values() if beat.state == "ready"
                }:
                    await asyncio.sleep(0.05)
            yield Scene(bus, server.url, passwords, keys / CLIENTS_FOLDER)


class Attack:
    """told: what the hostile process says of itself, once it has ended."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.told: dict[str, dict[str, int]] = {}

    async def end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(b"\n")
        async with asyncio.timeout(PATIENCE_SECONDS):
            self.told = json.loads(await self._process.stdout.readline())


@asynccontextmanager
async def attacked(scene: Scene, *attacks: str, seed: int = 7, niceness: int = 0) -> AsyncIterator[Attack]:
    """While the block lasts. The attack has begun, and is over behind it.

    niceness: of its process, for what it does to the server and not what it takes of this machine's processors.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("hostile_process.py")), scene.url_of(ME), str(seed),
        scene.url_of(CAREFUL), str(scene.keys / f"{ME}.key"), *attacks, stdin=PIPE, stdout=PIPE, limit=MEGABYTE,
    )  # fmt: skip
    attack = Attack(process)
    try:
        assert process.stdout is not None
        os.setpriority(os.PRIO_PROCESS, process.pid, niceness)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.stdout.readline() == b"ready\n"
        yield attack
        await attack.end()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
