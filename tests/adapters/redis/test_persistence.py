"""What a server promises by its settings, and that the one of heatsink loses nothing that it acknowledged."""

from pathlib import Path

import pytest

from shared.adapters.redis.client import new_client
from shared.adapters.redis.embedded_valkey import running_valkey
from shared.adapters.redis.inspect import persistence_weakness, weakness

pytestmark = pytest.mark.processes


@pytest.mark.parametrize(
    ("append_only", "fsync", "told"),
    [
        ("yes", "always", ""),
        ("yes", "everysec", "the last second"),
        ("yes", "no", "the last half minute"),
        ("no", "always", "loses everything"),
        ("", "", ""),  # a managed server that hides its settings
    ],
)
def test_every_weaker_setting_is_told_of_with_what_it_costs(append_only: str, fsync: str, told: str) -> None:
    said = weakness(append_only, fsync)
    assert told in said
    assert bool(said) == bool(told)


async def test_the_embedded_server_flushes_before_it_answers(tmp_path: Path) -> None:
    with running_valkey(tmp_path) as server:
        client = new_client(server.url)
        settings = await client.config_get("append*")
        assert await persistence_weakness(client) == ""
        await client.aclose()
    assert (settings["appendonly"], settings["appendfsync"]) == ("yes", "always")
