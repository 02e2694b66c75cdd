"""A Redis Cluster, of one node unless told otherwise: one is enough to have commands over several slots refused."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis

from shared.adapters.local_ports import HOST, POLL_SECONDS, claimed_port
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, running_valkey
from tests.patience import PATIENCE_SECONDS

SLOTS = 16_384


@contextmanager
def running_cluster(folder: Path, nodes: int = 1) -> Iterator[EmbeddedValkey]:
    """The first node of a cluster that runs as long as the block; its data is in ``folder``, which must exist."""
    with ExitStack() as stack:
        servers = []
        for number in range(nodes):
            home = folder / f"node-{number}"
            home.mkdir()
            # By default nodes speak to each other 10,000 above the server's port, which may be no port at all.
            nodes_port = stack.enter_context(claimed_port())
            settings = {"cluster-enabled": "yes", "cluster-port": str(nodes_port)}
            server = stack.enter_context(running_valkey(home, settings))
            _serve(server.url, range(SLOTS * number // nodes, SLOTS * (number + 1) // nodes))
            if servers:
                _command(server.url, "CLUSTER MEET", HOST, servers[0].port, servers[0].settings["cluster-port"])
            servers.append(server)
        _wait_until_whole(servers[0].url)
        yield servers[0]


def _command(url: str, *words: object) -> object:
    with Redis.from_url(url) as client:
        return client.execute_command(*words)


def _serve(url: str, slots: range) -> None:
    _command(url, "CLUSTER ADDSLOTSRANGE", slots[0], slots[-1])


def _wait_until_whole(url: str) -> None:
    for _ in range(int(PATIENCE_SECONDS / POLL_SECONDS)):
        facts = _command(url, "CLUSTER INFO")
        assert isinstance(facts, dict)
        if facts["cluster_state"] == "ok" and int(facts["cluster_slots_ok"]) == SLOTS:
            return
        time.sleep(POLL_SECONDS)
    raise AssertionError(f"the cluster at {url} did not come up")
