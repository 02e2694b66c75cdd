"""The users of a server: what each may do and must not, on a real server; and that no function is stopped half way."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from msgspec import structs

from services.cli.up.server_users import register_clients
from services.users import users_of
from services.wiring import EXCHANGE_SIM, MARKET_DATA, OPS, SERVICES, ServiceRow
from shared.adapters.clocks import ManualClock
from shared.adapters.private_files import passwords_in
from shared.adapters.redis.acl import acl_file, set_users
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import UnfitServerError
from shared.adapters.redis.embedded_valkey import EmbeddedValkey, running_valkey
from shared.adapters.redis.keys import IDENTITY_KEY, LIBRARY_KEY, client_key, decision_key, machine_keys
from shared.config.credentials import CLIENT, OPERATOR, OWNER, client_user, signed_in, user_name
from shared.domain.machine import ReservationCheck
from shared.domain.plan import ClientPlan
from shared.messages.ask import RoomAnswered
from shared.messages.base import Message
from shared.messages.catalogue import (
    ANSWERS,
    ASK,
    BARS,
    CATALOGUE,
    CONTROL,
    COPIED_TO,
    DEAD,
    DECIDED,
    PROPOSED,
    REPORTED,
    SIGNALS,
    TOPIC_OF,
    Topic,
    topic_of_key,
)
from shared.messages.dead_letter import MessageRefused
from shared.messages.keys import Keys
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderDecided, OrderProposed
from shared.ports.bus import Heartbeat, Proposal
from shared.ports.clock import ClockOrigin
from shared.ports.errors import AccessRefusedError, AlreadyDecidedError, NotTakenError, StateGoneError
from shared.ports.writer_lease import Commit
from tests.keys import MAIN
from tests.samples import bar, book, proposal, samples
from tests.shipped import shipped_settings

OTHER = Keys("other")
ANA = client_user("ana", "main")
USERS = {user.name: user for user in users_of("main", ["ana"])}
LOOKING = (user_name(OPS, "main"), user_name(OPERATOR, "main"), user_name(CLIENT, "main"), ANA)
MACHINES = [row for row in SERVICES if row.machine]
# Whoever got hold of a user must not stop, empty, copy or rewrite the server, nor run code of their own there.
DANGEROUS = (
    "FUNCTION LOAD x", "FUNCTION DELETE heatsink", "FUNCTION FLUSH", "FUNCTION RESTORE x", "FUNCTION DUMP",
    "FUNCTION KILL", "CONFIG GET *", "CONFIG SET save x", "CONFIG REWRITE", "FLUSHALL", "FLUSHDB", "SWAPDB 0 1",
    "EVAL x 0", "EVALSHA x 0", "EVAL_RO x 0", "SCRIPT LOAD x", "SCRIPT FLUSH", "SHUTDOWN", "KEYS *", "SCAN 0",
    "RANDOMKEY", "DBSIZE", "MONITOR", "DEBUG SLEEP 0", "SAVE", "BGSAVE", "BGREWRITEAOF", "REPLICAOF no one",
    "REPLICAOF host 1", "FAILOVER", "PSYNC x 1", "ACL SETUSER x", "ACL DELUSER x", "ACL LIST", "ACL LOAD", "ACL SAVE",
    "ACL GETUSER owner", "CLIENT KILL 1:1", "CLIENT LIST", "CLIENT PAUSE 1", "CLIENT UNBLOCK 1", "MODULE LOAD x",
    "MIGRATE h 1 k 0 1", "SLOWLOG GET", "LATENCY RESET", "RENAME hs:marks hs:clock", "COPY hs:marks hs:other",
    "RESTORE hs:other 0 x", "DUMP hs:marks", "SORT hs:marks STORE x", "MOVE hs:marks 1", "OBJECT ENCODING hs:marks",
    "PUBSUB CHANNELS", "CLUSTER RESET", "WAIT 1 1", "GETDEL hs:clock", "INCR hs:identity",
)  # fmt: skip


class Server(NamedTuple):
    """embedded: the server. passwords: of every user."""

    embedded: EmbeddedValkey
    passwords: dict[str, str]

    def url(self, user: str) -> str:
        return signed_in(self.embedded.url, user, self.passwords[user])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("users")
    passwords = passwords_in(folder, USERS)
    file = folder / "users.acl"
    file.write_text(acl_file(USERS.values(), passwords))
    with running_valkey(folder, acl_file=file) as embedded:
        yield Server(embedded, passwords)


@pytest.fixture
async def owner(server: Server) -> AsyncIterator[RedisBus]:
    """The owner's bus, on a server that was just emptied, and prepared as a stack does it."""
    async with RedisBus.open(server.url(OWNER), MAIN) as bus:
        await bus.client.flushall()
        await bus.client.execute_command("ACL", "LOG", "RESET")
        await bus.named_identity()
        await register_clients(bus, USERS)
        await bus.note_library()
        yield bus


@asynccontextmanager
async def signed(server: Server, user: str, keys: Keys = MAIN) -> AsyncIterator[RedisBus]:
    async with RedisBus.open(server.url(user), keys) as bus:
        yield bus


async def may(owner: RedisBus, user: str, *command: str) -> bool:
    """What the server would say to this command of a user."""
    told = await owner.client.execute_command("ACL", "DRYRUN", user, *command)
    return bool(told == b"OK")


async def refusals(owner: RedisBus) -> list[tuple[Any, ...]]:
    """All that was refused since the server was prepared, whoever asked and in whatever function."""
    rows = await owner.client.acl_log()
    return [(row["username"], row["reason"], row["object"], row["context"]) for row in rows]


pytestmark = pytest.mark.processes


# --- the table --------------------------------------------------------------------------------------------------------


def role_of(user: str) -> str:
    """What the catalogue calls a user."""
    last = user.split(".")[1] if "." in user else user
    return {CLIENT: "clients", OPERATOR: "operators"}.get(last, last)


def writes(role: str, topic: Topic) -> bool:
    """Whether the catalogue says so; copies of what is written elsewhere count."""
    is_consumer = role in {row.name for row in MACHINES}
    mine = [each for each in CATALOGUE if role in each.writers or (is_consumer and "every consumer" in each.writers)]
    if role == "clients":  # what they have queues for they write there alone
        mine = [each for each in mine if not each.client_key]
    return topic in mine or any(topic in COPIED_TO[kind] for each in mine for kind in each.messages)


@pytest.mark.parametrize("row", MACHINES, ids=lambda row: row.name)
def test_a_machine_takes_in_the_topics_that_name_it_as_a_reader_and_no_other(row: ServiceRow) -> None:
    settings = shipped_settings()
    settings = structs.replace(
        settings, exchange=structs.replace(settings.exchange, orders="client")
    )  # on paper nobody reports
    spec = row.spec(settings, ManualClock())
    named = {topic for topic in CATALOGUE if row.name in topic.readers}
    assert {topic_of_key(source) for source in spec.sources} == named
    home = MAIN.home if row.scope == "portfolio" else "{hs:signals}"
    assert spec.home == home


def test_every_service_has_a_user_and_every_reader_is_a_service() -> None:
    names = {row.name for row in SERVICES}
    assert {reader for topic in CATALOGUE for reader in topic.readers} <= names
    market = {row.name for row in SERVICES if row.scope == "market"}
    own = {user_name(row.name, "main") for row in SERVICES if row.scope == "portfolio"}
    assert set(USERS) == {OWNER, user_name(OPERATOR, "main"), user_name(CLIENT, "main"), ANA, *market, *own}


# --- every user against every topic -----------------------------------------------------------------------------------


@pytest.mark.parametrize("user", [name for name in USERS if name != OWNER])
async def test_a_user_writes_and_reads_what_the_catalogue_says_and_nothing_else(owner: RedisBus, user: str) -> None:
    role, looks = role_of(user), user in LOOKING
    is_machine = role in {row.name for row in MACHINES}
    for topic in CATALOGUE:
        key, channel = MAIN.of(topic, "1h"), MAIN.of(topic, "1h")
        written, needed = writes(role, topic), role in topic.readers
        reads = looks or needed or (written and topic.durable) or (written and role == MARKET_DATA)
        keeps = topic.durable and written and not looks
        latest = topic.per_pair and not topic.durable
        expected = {
            f"XADD {key} * m x": topic.durable and written,
            f"XREAD STREAMS {key} 0": topic.durable and reads,
            f"XRANGE {key} - +": topic.durable and reads,
            f"XREADGROUP GROUP g c STREAMS {key} >": topic.durable and is_machine and reads,
            f"XACK {key} g 1-1": topic.durable and is_machine and needed,
            f"XGROUP DESTROY {key} g": topic.durable and is_machine and needed,
            f"XGROUP SETID {key} g 0": topic.durable and is_machine and needed,
            f"XTRIM {key} MAXLEN 0": keeps or (topic.durable and is_machine and needed and topic.is_open),
            f"XDEL {key} 1-1": keeps,
            f"XSETID {key} 9-9": False,
            f"HSET {key} BTC/USDT x": latest and written,
            f"HGETALL {key}": latest and (looks or needed or written),
            f"DEL {key}": False,
            f"SET {key} x": False,
            f"SUBSCRIBE {channel}": looks or (is_machine and needed),
        }
        if topic is not ANSWERS:  # they go out on the asker's channel
            expected[f"PUBLISH {channel} x"] = written or (topic is ASK and role == "operators")
        found = {command: await may(owner, user, *command.split()) for command in expected}
        assert found == expected, f"{user} on {topic.name}"


@pytest.mark.parametrize("user", [name for name in USERS if name != OWNER])
async def test_another_portfolio_on_the_server_is_out_of_reach(owner: RedisBus, user: str) -> None:
    for topic in CATALOGUE:
        key = OTHER.of(topic, "1h")
        if key == MAIN.of(topic, "1h"):
            continue
        for command in (f"XADD {key} * m x", f"XREAD STREAMS {key} 0", f"PUBLISH {key} x", f"SUBSCRIBE {key}"):
            assert not await may(owner, user, *command.split()), f"{user}: {command}"
    assert not await may(owner, user, "HGETALL", machine_keys(OTHER.home, "risk").state)
    assert not await may(owner, user, "GET", decision_key(OTHER, "o-1"))


@pytest.mark.parametrize("user", [name for name in USERS if name != OWNER])
async def test_commands_that_are_dangerous_are_refused(owner: RedisBus, user: str) -> None:
    found = []
    for command in DANGEROUS:
        told = await owner.client.execute_command("ACL", "DRYRUN", user, *command.split())
        if b"has no permissions" not in told and b"No permissions" not in told:
            found.append((command, told))
    assert found == []


async def test_the_state_of_a_service_is_written_by_that_service_alone(owner: RedisBus) -> None:
    for row in MACHINES:
        home = MAIN.home if row.scope == "portfolio" else "{hs:signals}"
        for key in machine_keys(home, row.name):
            writers = [user for user in USERS if user != OWNER and await may(owner, user, "HSET", key, "a", "b")]
            assert {role_of(user) for user in writers} == {row.name}, key
            called = [user for user in USERS if user != OWNER and await may(owner, user, "FCALL", "f", "1", key)]
            assert {role_of(user) for user in called} == {row.name}, key
    for command in ("SET {decision} x", "HSET {reserved} o-1 0"):
        parts = command.format(decision=decision_key(MAIN, "o-1"), reserved=f"{MAIN.home}:reserved").split()
        found = [user for user in USERS if user != OWNER and await may(owner, user, *parts)]
        assert {role_of(user) for user in found} == set(DECIDED.writers), command


async def test_what_the_data_are_called_and_by_which_functions_is_said_by_the_owner_alone(owner: RedisBus) -> None:
    assert await owner.client.hlen(LIBRARY_KEY) == 1
    for user in USERS:
        writes_them = (("HSET", LIBRARY_KEY, "a", "b"), ("DEL", LIBRARY_KEY), ("DEL", IDENTITY_KEY))
        assert [await may(owner, user, *command) for command in writes_them] == [user == OWNER] * 3, user
        assert await may(owner, user, "HGET", LIBRARY_KEY, "a"), user


async def test_a_client_writes_under_its_own_name_only(owner: RedisBus) -> None:
    client = user_name(CLIENT, "main")
    for topic, function in ((PROPOSED, "hs_propose"), (REPORTED, "hs_report")):
        mine, anas = client_key(MAIN, CLIENT, topic), client_key(MAIN, "ana", topic)
        for user, own, foreign in ((client, mine, anas), (ANA, anas, mine)):
            for command in ("XADD {} * m x", "SET {} x", "HSET {} a b", "FCALL {function} 2 {shared} {}"):
                for key in (own, foreign):
                    parts = command.format(key, function=function, shared=MAIN.of(topic)).split()
                    assert await may(owner, user, *parts) is (key == own), f"{user}: {' '.join(parts)}"
        for command in (f"XDEL {mine} 1-1", f"XTRIM {mine} MAXLEN 0", f"DEL {anas}", f"XADD {MAIN.of(topic)} * m x"):
            assert not await may(owner, client, *command.split()), command
    assert not await may(owner, client, "XADD", MAIN.of(CONTROL), "*", "m", "x")


async def test_only_the_owner_names_clients(owner: RedisBus, server: Server) -> None:
    """A client that wrote the names of others could hide their queues, or have the gate read what is none."""
    for command in ("HSET {} x 1", "HDEL {} ana", "DEL {}", "HSETNX {} x 1", "RENAME {} {}x"):
        assert not await may(owner, ANA, *command.format(MAIN.clients, MAIN.clients).split()), command
    async with signed(server, ANA) as bus:
        assert isinstance(await bus.propose(proposal("o-1"), "ana"), str)
        await owner.client.delete(MAIN.clients)
        with pytest.raises(NotTakenError, match="client ana is not registered on this server: its owner does that, by"):
            await bus.propose(proposal("o-2"), "ana")
        await owner.register_client(MAIN, "ana")
        assert isinstance(await bus.propose(proposal("o-3"), "ana"), str)
    assert await owner.clients() == ["ana"]


async def test_what_a_client_may_send_beside_orders_is_a_right_of_its_user(owner: RedisBus) -> None:
    """Signals and questions of all clients stand on the same keys, so nobody can tell whose they are."""
    sent = {"signals": ("XADD", SIGNALS.key), "questions": ("PUBLISH", MAIN.of(ASK))}
    bounds = {"bea": ClientPlan(may=("orders", "reports")), "cy": ClientPlan(), "dan": ClientPlan(may=("questions",))}
    users = [user for user in users_of("main", ["eve"], bounds) if user.name.startswith("main.client.")]
    await set_users(owner.client, users, {user.name: "secret" for user in users})
    for client, allowed in (("bea", {"reports"}), ("cy", {*sent, "reports"}), ("dan", {"questions"}), ("eve", set())):
        user = client_user(client, "main")
        for what, (command, key) in sent.items():
            parts = (command, key, "*", "m", "x") if command == "XADD" else (command, key, "x")
            assert await may(owner, user, *parts) is (what in allowed), f"{user}: {what}"
            assert await may(owner, user, "PUBLISH", key, "x") is (what in allowed), f"{user}: {what}"
        own = client_key(MAIN, client, REPORTED)
        assert await may(owner, user, "FCALL", "hs_report", "1", own) is ("reports" in allowed)
        assert await may(owner, user, "XADD", own, "*", "m", "x") is ("reports" in allowed)
        assert await may(owner, user, "FCALL", "hs_propose", "1", client_key(MAIN, client))  # the gate says what it may


async def test_ops_proposes_for_every_client_and_takes_nothing_out(owner: RedisBus, server: Server) -> None:
    async with signed(server, user_name(OPS, "main")) as bus:
        order = next(each for each in samples() if isinstance(each, OrderProposed))
        for client in ("ana", "tradingview"):
            assert isinstance(await bus.propose(order, client), str)
            assert await bus.latest(client_key(MAIN, client)) == [structs.replace(order, client=client)]
        assert {"ana", "tradingview"} <= set(await bus.clients())
        assert await bus.decision(order.id) is None
    assert await refusals(owner) == []
    queue = client_key(MAIN, "ana")
    for command in (f"XDEL {queue} 1-1", f"XTRIM {queue} MAXLEN 0", f"DEL {queue}", f"SET {queue} x",
                    f"XADD {MAIN.of(PROPOSED)} * m x", f"FCALL hs_propose 1 {client_key(OTHER, 'ana')}"):  # fmt: skip
        assert not await may(owner, user_name(OPS, "main"), *command.split()), command


async def test_the_gate_waits_for_all_of_its_streams_and_the_queues_of_clients_at_once(
    owner: RedisBus, server: Server
) -> None:
    row = next(row for row in MACHINES if row.name in DECIDED.writers)
    spec = row.spec(shipped_settings(), ManualClock())
    order = next(each for each in samples() if isinstance(each, OrderProposed))
    async with signed(server, user_name(row.name, "main")) as bus, signed(server, ANA) as client:
        await client.propose(order, "ana")
        lease = bus.writer_lease(row.name, spec.inputs, home=spec.home, whole=spec.whole, in_turns=MAIN.of(PROPOSED))
        await lease.acquire()
        assert [entry.message for entry in await lease.read(0)] == [structs.replace(order, client="ana")]
        assert not await lease.read(10), "nothing more has come"
        await client.propose(structs.replace(order, id="o-2"), "ana")
        assert [entry.stream for entry in await lease.read(1_000)] == [client_key(MAIN, "ana")]
        await lease.release()
    assert await refusals(owner) == []


async def test_nobody_is_let_in_without_a_name_or_with_a_wrong_password(owner: RedisBus, server: Server) -> None:
    urls = [
        server.embedded.url,
        signed_in(server.embedded.url, OWNER, "guessed"),
        signed_in(server.embedded.url, "", "x"),
    ]
    for url in urls:
        with pytest.raises(AccessRefusedError):
            async with RedisBus.connect(url, MAIN):
                raise AssertionError("let in")


# --- functions, each as the service's own user ------------------------------------------------------------------------


@pytest.mark.parametrize("row", MACHINES, ids=lambda row: row.name)
async def test_no_call_of_a_machine_is_refused_whatever_it_writes(
    owner: RedisBus, server: Server, row: ServiceRow
) -> None:
    """Lua has no rollback: a right that is missing in the middle of a function would leave half of a commit."""
    spec = row.spec(shipped_settings(), ManualClock())
    outputs = [each for each in samples() if TOPIC_OF[type(each)].durable and writes(row.name, TOPIC_OF[type(each)])]
    assert outputs
    for stream in spec.inputs:
        await owner.client.xadd(stream, {"m": b"no message"})
    user = row.name if row.scope == "market" else user_name(row.name, "main")
    async with signed(server, user) as bus:
        lease = bus.writer_lease(row.name, spec.inputs, home=spec.home, whole=spec.whole)
        await lease.acquire()
        assert (await lease.load()).seq == 0
        assert not await lease.pending()
        entries = await lease.read(0)
        assert len(entries) == len(spec.inputs)
        commits = [commit_of(seq, message, row) for seq, message in enumerate(outputs, 1)]
        for commit in commits:
            commit.handled = [(entry.stream, entry.id) for entry in entries] if commit.seq == 1 else ()
            commit.cursors = {entry.stream: entry.id for entry in entries} if commit.seq == 1 else {}
            commit.letters = [each for each in samples() if isinstance(each, MessageRefused)] if commit.seq == 1 else ()
            assert await lease.commit(commit)
        assert DEAD.key in lease.kept()
        for stream in spec.inputs:
            assert [entry.id async for entry in lease.history(stream, "+")]
        await lease.begin_try("x")
        await lease.end_try("x")
        for _ in range(2):
            await lease.renew()
            assert (await lease.look()).seq == len(commits)
        if spec.vouching is not None:
            await bus.stored_rows(DECIDED.written_by, "order", ["o-1"], Heartbeat)
        await lease.read(0)
        await bus.publish([each for each in outputs if "every consumer" in TOPIC_OF[type(each)].writers])
        await bus.echo(outputs)
        for topic in spec.latest:
            await (bus.marks() if topic.key == "hs:marks" else bus.books())
        if spec.channels:
            async with bus.listen(*spec.channels):
                pass
        await bus.latest(spec.writes or spec.inputs[0])
        await works_with_orders(bus, outputs)
        await shows_itself(bus, row)
        for stream in lease.kept():
            await bus.client.fcall("hs_trim", 1, stream, 0)
        await lease.release()
    assert await refusals(owner) == []


def commit_of(seq: int, message: Message, row: ServiceRow) -> Commit:
    decides = isinstance(message, OrderDecided)
    checks = [ReservationCheck(message.order_id, 10.0, 0.0, 100.0)] if decides else []
    return Commit(
        seq=seq, outputs=[message], records={f"{row.name}:{seq}": b"x", f"{row.name}:{seq - 1}": None}, cursors={},
        handled=(), digest=seq, reservation_checks=checks,
    )  # fmt: skip


async def works_with_orders(bus: RedisBus, outputs: list[Message]) -> None:
    """What is asked and kept of single orders, by whoever decides them."""
    for message in outputs:
        if isinstance(message, OrderDecided):
            assert await bus.decision(message.order_id) == message
            for proposal in (each for each in samples() if isinstance(each, Proposal)):
                await bus.take_in(proposal)
            await bus.answer([each for each in samples() if isinstance(each, RoomAnswered)])


async def shows_itself(bus: RedisBus, row: ServiceRow) -> None:
    """What every service does beside its work."""
    beat = Heartbeat(service=row.name, pid=1, state="ready", started_wall_ns=1, beat_wall_ns=1)
    await bus.set_heartbeat(beat, row.scope)
    assert row.name in await bus.heartbeats()
    assert await bus.named_identity() == await bus.identity() != ""
    await bus.check_library()
    await bus.clock_origin()
    assert await bus.memory_used() >= 0.0
    await bus.trim()


async def test_an_order_that_was_decided_is_refused_by_the_function_and_not_by_a_right(
    owner: RedisBus, server: Server
) -> None:
    row = next(row for row in MACHINES if row.name in DECIDED.writers)
    decided = next(each for each in samples() if isinstance(each, OrderDecided))
    async with signed(server, user_name(row.name, "main")) as bus:
        lease = bus.writer_lease(row.name, (), home=MAIN.home)
        await lease.acquire()
        await lease.commit(commit_of(1, decided, row))
        with pytest.raises(AlreadyDecidedError):
            await lease.commit(commit_of(2, decided, row))
        await lease.release()
    assert await refusals(owner) == []


async def test_market_data_publishes_its_market_and_keeps_its_lease(owner: RedisBus, server: Server) -> None:
    row = next(row for row in SERVICES if row.name == MARKET_DATA)
    others = [
        each for each in samples() if MARKET_DATA in TOPIC_OF[type(each)].writers and TOPIC_OF[type(each)].durable
    ]
    async with signed(server, MARKET_DATA) as bus:
        lease = bus.market_lease(MARKET_DATA)
        await lease.acquire()
        assert await bus.publish_bars([bar(timeframe="1h"), bar(timeframe="15m")]) == 2
        assert await bus.bar_watermarks("1h")
        await bus.set_marks([MarkChanged(id="mark-1", time_ns=1, symbol="BTC/USDT", price=1.0)])
        await bus.set_books([book()])
        await bus.publish([each for each in others if TOPIC_OF[type(each)] is not BARS])
        for topic in CATALOGUE:
            if MARKET_DATA in topic.writers and topic.durable and topic is not BARS:
                await bus.latest(topic.key)
                await bus.read_from({topic.key: "$"}, 0)
        await shows_itself(bus, row)
        for topic in CATALOGUE:
            if MARKET_DATA in topic.writers and topic.durable:
                await owner.client.xgroup_create(MAIN.of(topic, "1h"), "risk:main:1", "0", mkstream=True)
                await owner.client.xadd(MAIN.of(topic, "1h"), {"m": b"x"})
                await owner.client.xreadgroup("risk:main:1", "writer", {MAIN.of(topic, "1h"): ">"})
                await bus.client.fcall("hs_trim", 1, MAIN.of(topic, "1h"), 0)
        await lease.renew()
        await lease.release()
    assert await refusals(owner) == []


async def test_the_simulated_exchange_sets_the_clock_and_nobody_else_does(owner: RedisBus, server: Server) -> None:
    async with signed(server, EXCHANGE_SIM) as bus:
        await bus.agree_on_clock(ClockOrigin(origin_market_ns=1, origin_wall_ns=1, speed=1.0))
        await bus.begin_clock(5)
        await shows_itself(bus, next(row for row in SERVICES if row.name == EXCHANGE_SIM))
    assert await refusals(owner) == []
    able = [user for user in USERS if await may(owner, user, "SET", "hs:clock", "x")]
    assert able == [OWNER, EXCHANGE_SIM]


@pytest.mark.parametrize("user", [name for name in USERS if name != OWNER])
async def test_no_service_but_the_owner_prepares_a_server(owner: RedisBus, server: Server, user: str) -> None:
    await owner.client.delete("hs:identity")
    async with signed(server, user) as bus:
        with pytest.raises(StateGoneError, match="no name"):
            await bus.named_identity()
    await owner.client.function_flush()
    with pytest.raises(UnfitServerError, match="must not load it"):
        async with signed(server, user):
            raise AssertionError("let in")
