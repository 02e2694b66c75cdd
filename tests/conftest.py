"""What all tests share: the real history beside the repository, and real servers on free loopback ports."""

import signal
import sys
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path

import pytest
import structlog

from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.embedded_valkey import running_valkey
from tests import examples  # noqa: F401 - registers the profiles of hypothesis
from tests.cluster import running_cluster
from tests.keys import MAIN

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
EVENTS = {
    "processes": ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.system"),
    "sockets": ("socket.bind", "socket.connect"),
}

# A shell that starts the tests in the background ignores Ctrl-C, and what they start would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def services_log_beside_what_verbs_print() -> None:
    """A verb that runs in this process prints to a stdout of its own, where nothing of a service beside it belongs."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stdout__))


# --- what leaves the process ------------------------------------------------------------------------------------------


class MarkCheck:
    """Fails a test that starts a process or opens a socket without the mark that says so."""

    def __init__(self) -> None:
        self.test, self.marks = "", frozenset[str]()
        sys.addaudithook(self._on_event)

    def _on_event(self, event: str, _arguments: tuple[object, ...]) -> None:
        if not self.test:
            return
        for mark, events in EVENTS.items():
            if event in events and mark not in self.marks:
                raise AssertionError(f"{self.test}: {event}: mark it with pytest.mark.{mark}")


MARK_CHECK = MarkCheck()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a server, and put the tests in order."""
    for item in items:
        if needs_server(item) or item.get_closest_marker("stack"):
            item.add_marker("processes")
        if item.get_closest_marker("processes"):
            item.add_marker("sockets")
        if shares_what_its_module_made(item):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items[:] = in_order(items)


def in_order(items: list[pytest.Item]) -> list[pytest.Item]:
    """The longest first, so that nobody waits for them at the end. Those of whole stacks wait more than they compute:
    they stand among the others, so that the cores have something to do.
    """
    items = sorted(items, key=length, reverse=True)
    stacks = [item for item in items if item.get_closest_marker("stack")]
    others = [item for item in items if not item.get_closest_marker("stack")]
    apart = len(others) * 4 // 5 // max(1, len(stacks))  # the last fifth has none
    ordered: list[pytest.Item] = []
    for number, item in enumerate(stacks):
        ordered += [item, *others[number * apart : (number + 1) * apart]]
    return ordered + others[len(stacks) * apart :]


def shares_what_its_module_made(item: pytest.Item) -> bool:
    """Whether a fixture is made once for its module: one worker then runs all of these tests, or each would make it."""
    fixtures = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest shows it in no other way
    return any(each.scope == "module" for each in chain(*fixtures.values()))


def length(item: pytest.Item) -> float:
    """About how long a test takes, in seconds: as its mark says, or as others of its kind do."""
    if stack := item.get_closest_marker("stack"):
        return float(stack.kwargs.get("seconds", 10.0))
    if item.get_closest_marker("long"):
        return 5.0
    return 1.0 if item.get_closest_marker("sockets") else 0.0


def needs_server(item: pytest.Item) -> bool:
    """Whether the test runs on an embedded server: of those that run on both buses, the half that is on Redis."""
    fixtures = set(getattr(item, "fixturenames", ()))
    parameters = getattr(item, "callspec", None)
    on_redis = parameters is not None and parameters.params.get("bus") in ("redis", "cluster")
    return on_redis or bool(fixtures & {"valkey_server", "redis_bus", "valkey_cluster", "cluster_bus"})


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    MARK_CHECK.test, MARK_CHECK.marks = item.nodeid, frozenset(mark.name for mark in item.iter_markers())
    try:
        return (yield)
    finally:
        MARK_CHECK.test = ""


# --- fixtures ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Real Binance history and wire captures; tests that need them skip where they are not."""
    if not DATA.is_dir():
        pytest.skip("no market history beside the repository (../shared/data)")
    return DATA


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of an embedded Valkey that all tests of one worker share."""
    with running_valkey(tmp_path_factory.mktemp("valkey"), {"appendfsync": "no"}) as server:  # nobody pulls its plug
        yield server.url


@pytest.fixture(scope="session")
def valkey_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a Redis Cluster of one node that all tests of one worker share."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as server:
        yield server.url


@pytest.fixture
async def cluster_bus(valkey_cluster: str) -> AsyncIterator[RedisBus]:
    """A bus on a Redis Cluster that was just emptied."""
    async with RedisBus.open(valkey_cluster, MAIN) as bus:
        await bus.client.flushall()
        yield bus


@pytest.fixture
async def redis_bus(valkey_server: str) -> AsyncIterator[RedisBus]:
    """A bus on a server that was just emptied."""
    async with RedisBus.open(valkey_server, MAIN) as bus:
        await bus.client.flushall()
        yield bus


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[MemoryBus | RedisBus]:
    """Both buses, one after the other: what holds for one must hold for the other."""
    if request.param == "memory":
        yield MemoryBus(MAIN)
        return
    async with RedisBus.open(request.getfixturevalue("valkey_server"), MAIN) as bus:
        await bus.client.flushall()
        yield bus
