"""A server's keys as text, and back; and the program that records a portfolio with the version at hand.

    python -m tests.upgrade.record tests/upgrade/recorded-0.1.0.jsonl.gz

The file holds what ``scene.before`` left on the server, one JSON object a key, and then every message that the same
version made of it in ``scene.after``. It is written once, by the version in its name, and never again.
"""

import asyncio
import gzip
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.messages.catalogue import CATALOGUE
from tests.keys import MAIN
from tests.upgrade.scene import Stack, after, before

Client = Any
Row = dict[str, Any]
MADE_BY_SERVICES = ("signals", "sizes", "proposed", "decided", "executed", "portfolio", "halts", "audit")


def text(body: bytes) -> str:
    return b64encode(body).decode()


async def dumped(client: Client) -> list[Row]:
    """Every key but leases. What a group did not acknowledge yet is left out: the cursors say what was handled."""
    rows: list[Row] = []
    for key in sorted(await client.keys("*")):
        name, kind = key.decode(), (await client.type(key)).decode()
        match kind:
            case "hash":
                fields = sorted((await client.hgetall(key)).items())
                rows.append({"key": name, "hash": {field.decode(): text(value) for field, value in fields}})
            case "stream":
                entries = [[entry_id.decode(), text(fields[b"m"])] for entry_id, fields in await client.xrange(key)]
                groups = [
                    [group["name"].decode(), group["last-delivered-id"].decode(), group["entries-read"]]
                    for group in await client.xinfo_groups(key)
                ]
                rows.append({"key": name, "stream": entries, "groups": groups})
            case "string" if ":lease:" not in name:
                rows.append({"key": name, "string": text(await client.get(key))})
    return rows


async def restore(client: Client, rows: Sequence[Row]) -> None:
    """Write dumped keys into an empty server."""
    for row in rows:
        key = row["key"]
        if "hash" in row:
            await client.hset(key, mapping={field: b64decode(value) for field, value in row["hash"].items()})
        elif "string" in row:
            await client.set(key, b64decode(row["string"]))
        else:
            for entry_id, body in row["stream"]:
                await client.xadd(key, {"m": b64decode(body)}, id=entry_id)
            for group, last, entries_read in row["groups"]:
                await client.xgroup_create(key, group, id=last, mkstream=True, entries_read=entries_read)


async def made_after(stack: Stack) -> list[Row]:
    """Let the scene go on, and give every message that the services made of it, by the topic's name."""
    topics = [topic for topic in CATALOGUE if topic.name in MADE_BY_SERVICES]
    length = {topic.name: await stack.bus.client.xlen(MAIN.of(topic)) for topic in topics}
    await after(stack)
    made: list[Row] = []
    for topic in topics:
        entries = await stack.bus.client.xrange(MAIN.of(topic))
        made += [{"topic": topic.name, "body": text(fields[b"m"])} for _, fields in entries[length[topic.name] :]]
    return made


def written(path: Path) -> Iterator[Row]:
    """The rows of a recorded file, in order."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


async def record(url: str) -> str:
    clock = ManualClock(speed=1.0)
    async with RedisBus.open(url, MAIN) as bus:
        stack = Stack(bus, clock)
        await before(stack)
        await stack.stop()
        rows: list[Row] = [{"clock_ns": clock.time_ns}, *await dumped(bus.client)]
        await stack.start()
        rows += await made_after(stack)
    return "".join(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    with TemporaryDirectory() as folder, running_valkey(Path(folder)) as server:
        lines = asyncio.run(record(server.url))
        Path(sys.argv[1]).write_bytes(gzip.compress(lines.encode(), mtime=0))
