"""Single services as processes of their own, started as Compose and ``heatsink up`` start them."""

import asyncio
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import PROPOSED
from tests.keys import MAIN
from tests.shipped import bare_environ

END_SECONDS, POLL_SECONDS = 10, 0.05


@asynccontextmanager
async def service(
    name: str, url: str, folder: Path, settings: Mapping[str, str] | None = None
) -> AsyncIterator[Process]:
    """``python -m services.<name>`` on the server at ``url``; ``settings``: ``HEATSINK_...`` of its environment, and no
    others. Its log is in ``folder``. It must still be there at the end, and is ended then.
    """
    environment = bare_environ()
    environment |= {"HEATSINK_REDIS__URL": url, "HEATSINK_EXCHANGE__KIND": "sim", **(settings or {})}
    root = Path(__file__).parents[2]
    with (folder / f"{name}.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"services.{name}", cwd=root, env=environment, stdin=DEVNULL, stdout=log, stderr=log
        )
    try:
        yield process
        assert process.returncode is None, (folder / f"{name}.log").read_text()
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(END_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def until_ready(bus: RedisBus, *services: str) -> None:
    """Until the services work, and somebody listens for proposals that come by PUBLISH."""
    while True:
        beats = await bus.heartbeats()
        if all(name in beats and beats[name].state == "ready" for name in services):
            return await until_heard(bus, MAIN.of(PROPOSED))
        await asyncio.sleep(POLL_SECONDS)


async def until_heard(bus: RedisBus, channel: str) -> None:
    """Until somebody listens on the channel."""
    while not dict(await bus.client.pubsub_numsub(channel))[channel.encode()]:
        await asyncio.sleep(POLL_SECONDS)
