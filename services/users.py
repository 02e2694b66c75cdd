"""The users of a server and their rights: one for each service, clients, operators, and the owner.

All of it follows from two tables: the catalogue says who writes and who reads each topic, ``services/wiring.py`` says
which services there are and whose they are. So a new topic or service has its rights as soon as it stands there.

| user | may |
|---|---|
| ``market_data``, ``signals``, ``exchange_sim`` | what this service does for the market |
| ``main.risk``, ``main.sizing``, ... | what this service does for the portfolio ``main`` |
| ``main.client``, ``main.client.ana``, ... | propose, raise signals, report, ask, and read: as its bounds let it |
| ``main.ops`` | read, and propose for clients that come over HTTP |
| ``main.operator`` | command, ask, and read |
| ``owner`` | everything: for whoever starts the stack, and for nobody who only joins it |
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from services.wiring import EXCHANGE_SIM, MARKET_DATA, OPS, SERVICES, ServiceRow
from shared.adapters.redis.acl import Grant, User
from shared.adapters.redis.keys import (
    CLOCK_KEY,
    IDENTITY_KEY,
    LIBRARY_KEY,
    SCOPES,
    client_key,
    decision_key,
    last_bars_key,
    machine_keys,
    market_epoch_key,
    proposal_marker,
    reserved_key,
    services_key,
)
from shared.adapters.redis.market_lease import LEASE_KEY, META_KEY
from shared.config.credentials import CLIENT, OPERATOR, OWNER, client_user, user_name
from shared.domain.plan import SENDABLE, ClientPlan, Sendable
from shared.messages.catalogue import (
    ANSWERS,
    ASK,
    CATALOGUE,
    COPIED_TO,
    DECIDED,
    EXECUTED,
    PROPOSED,
    QUEUED,
    REPORTED,
    SIGNALS,
    Topic,
)
from shared.messages.keys import Keys

EVERY_CONSUMER, CLIENTS, OPERATORS = "every consumer", "clients", "operators"  # as the catalogue says it
ANY = "*"
REPLIES = "hs:reply:*"  # where answers may go to; a channel of another name is nobody's to publish on

READ_STREAM = ("xread", "xrange", "xrevrange", "xlen", "xinfo|stream", "xinfo|groups", "exists", "type")
READ_GROUP = ("xreadgroup", "xpending")
KEEP_GROUP = ("xack", "xgroup|create", "xgroup|destroy", "xgroup|setid")
APPEND = ("xadd", "xdel", "xtrim")  # entries of a commit that cannot be finished are taken out again
READ_HASH = ("hget", "hmget", "hgetall", "hscan", "hlen", "hexists", "hkeys", "exists", "type")
WRITE_HASH = ("hset", "hdel", "hincrby", "pexpire")
READ_TEXT = ("get", "pttl", "ttl", "exists", "type")
WRITE_TEXT = ("set", "del", "pexpire")
KEEP_QUEUES = (*READ_STREAM, *READ_GROUP, *KEEP_GROUP, "xtrim")
CALL = ("fcall", "fcall_ro")
LISTEN = ("subscribe", "unsubscribe", "psubscribe", "punsubscribe")
# The server as a whole: what every service looks at before it works, and what those who look judge it by.
LOOK_AT_SERVER = Grant(commands=("info", "function|list", "cluster|info"))


# What a service cannot hold to the bounds of its sender: whether a client may send it is a right of its user.
SENDABLE_ON: dict[Topic, Sendable] = {SIGNALS: "signals", REPORTED: "reports", ASK: "questions"}
NO_BOUNDS: Mapping[str, ClientPlan] = MappingProxyType({})


def users_of(
    portfolio: str, clients: Iterable[str] = (), bounds: Mapping[str, ClientPlan] = NO_BOUNDS
) -> tuple[User, ...]:
    """All users of a server with this portfolio.

    clients: names of clients beside the one that is always there. bounds: what each may, as ``[clients.NAME]`` says;
    empty where none has bounds.
    """
    keys = Keys(portfolio)
    clients = dict.fromkeys([*clients, *bounds])
    clients.pop(CLIENT, None)
    named = [(CLIENT, user_name(CLIENT, portfolio)), *((each, client_user(each, portfolio)) for each in clients)]
    return (
        User(OWNER, all=True),
        *(User(user_of_service(row, portfolio), _service(row, keys)) for row in SERVICES),
        User(user_name(OPERATOR, portfolio), (*_looking(keys), *_speaking(OPERATORS, keys), *_asking(keys))),
        *(User(user, _client(name, keys, bounds)) for name, user in named),
    )


def user_of_service(row: ServiceRow, portfolio: str) -> str:
    """The name by which a service signs in."""
    return row.name if row.scope == "market" else user_name(row.name, portfolio)


# --- what several users may -------------------------------------------------------------------------------------------


def _streams(topics: Iterable[Topic], keys: Keys) -> tuple[str, ...]:
    return tuple(_pattern(topic, keys) for topic in topics if topic.durable)


def _hashes(topics: Iterable[Topic], keys: Keys) -> tuple[str, ...]:
    """Where the latest of each pair stands."""
    return tuple(_pattern(topic, keys) for topic in topics if not topic.durable and topic.per_pair)


def _channels(topics: Iterable[Topic], keys: Keys) -> tuple[str, ...]:
    found = []
    for topic in topics:
        found += [_pattern(topic, keys), *([f"{_pattern(topic, keys)}:{ANY}"] if topic.per_pair else [])]
    return tuple(found)


def _pattern(topic: Topic, keys: Keys) -> str:
    """The keys of a topic; bars have one for every timeframe."""
    return keys.of(topic, ANY)


def _facts(keys: Keys) -> tuple[Grant, ...]:
    """What everybody in a stack has to know: whose data this is, by which functions, what time it is, who is alive."""
    beats = tuple(services_key(keys, scope) for scope in SCOPES)
    return (
        Grant(commands=READ_TEXT, reads=(CLOCK_KEY, IDENTITY_KEY)),
        Grant(commands=READ_HASH, reads=(*beats, LIBRARY_KEY)),
        LOOK_AT_SERVER,
    )


def _looking(keys: Keys) -> tuple[Grant, ...]:
    """Every topic of the market and of this portfolio, its decisions, and what its services have stored."""
    machines = [machine_keys(keys.home, row.name) for row in SERVICES if row.machine and row.scope == "portfolio"]
    queues = tuple(client_key(keys, ANY, topic) for topic in QUEUED)
    return (
        *_facts(keys),
        Grant(commands=READ_STREAM, reads=_streams(CATALOGUE, keys)),
        Grant(commands=("fcall_ro",), reads=(*_streams(CATALOGUE, keys), *_hashes(CATALOGUE, keys), *queues)),
        Grant(commands=READ_STREAM, reads=queues),
        Grant(commands=READ_HASH, reads=(keys.clients,)),
        Grant(commands=READ_HASH, reads=(*_hashes(CATALOGUE, keys), *(key for each in machines for key in each[1:4]))),
        Grant(commands=READ_TEXT, reads=(decision_key(keys, ANY), LEASE_KEY)),
        Grant(commands=LISTEN, channels=(*_channels(CATALOGUE, keys), REPLIES)),
        Grant(commands=("multi", "exec", "discard")),  # many libraries send what belongs together so
    )


def _client(name: str, keys: Keys, bounds: Mapping[str, ClientPlan]) -> tuple[Grant, ...]:
    """All may look. What a client may send is told by its bounds; where others have some and it has none, nothing."""
    may = (bounds[name].may if name in bounds else ()) if bounds else SENDABLE
    withheld = [topic for topic, what in SENDABLE_ON.items() if what not in may]
    queues = [topic for topic in QUEUED if topic not in withheld]
    return (*_looking(keys), *_speaking(CLIENTS, keys, but=[*withheld, *QUEUED]), *_queueing(name, queues, keys))


def _speaking(who: str, keys: Keys, but: Iterable[Topic] = ()) -> tuple[Grant, ...]:
    """Messages out, as the catalogue names the writer."""
    topics = [topic for topic in CATALOGUE if who in topic.writers and topic not in but]
    if not topics:
        return ()
    return (
        Grant(commands=("xadd",), writes=_streams(topics, keys)),
        Grant(commands=("publish",), channels=tuple(keys.of(topic) for topic in topics)),
    )


def _asking(keys: Keys) -> tuple[Grant, ...]:
    return (Grant(commands=("publish",), channels=(keys.of(ASK),)),)


def _queueing(name: str, topics: Iterable[Topic], keys: Keys) -> tuple[Grant, ...]:
    """By the functions for it, which put what a client sends under keys that no other client can write."""
    own = tuple(client_key(keys, name, topic) for topic in topics)
    return (
        Grant(commands=("fcall",), keys=(*_streams(topics, keys), *own)),
        Grant(commands=("time",)),
        Grant(commands=("hexists", "hlen", "type"), reads=(keys.clients,)),  # the owner names clients
        Grant(commands=("xadd", *READ_STREAM, *READ_HASH, *WRITE_HASH, *READ_TEXT, *WRITE_TEXT), keys=own),
    )


def _proposing_for_others(keys: Keys) -> tuple[Grant, ...]:
    """For clients that come over HTTP, each in its own queue; nothing that stands there can be taken out again."""
    queues = client_key(keys, ANY)
    return (
        Grant(commands=("fcall",), keys=(queues,)),
        Grant(commands=("time",)),
        Grant(commands=("hexists", "hlen", "hset", "type"), keys=(keys.clients,)),
        Grant(commands=("xadd", *READ_STREAM), keys=(queues,)),
    )


# --- services ---------------------------------------------------------------------------------------------------------


def _service(row: ServiceRow, keys: Keys) -> tuple[Grant, ...]:
    beats = services_key(keys, row.scope)
    beat = (Grant(commands=("fcall",), keys=(beats,)), Grant(commands=("hset",), writes=(beats,)))
    if row.machine:
        return (*_facts(keys), *beat, *_machine(row, keys))
    if row.name == MARKET_DATA:
        return (*_facts(keys), *beat, *_market_data(row, keys))
    if row.name == EXCHANGE_SIM:
        return (*_facts(keys), *beat, Grant(commands=("set",), writes=(CLOCK_KEY,)))
    if row.name == OPS:
        return (*_looking(keys), *beat, *_proposing_for_others(keys))
    raise ValueError(f"nobody has said what the service {row.name} may do")


def _machine(row: ServiceRow, keys: Keys) -> tuple[Grant, ...]:
    """Its state, what it writes, what it reads: as the catalogue and the commit have it."""
    home = keys.home if row.scope == "portfolio" else "{" + SIGNALS.key + "}"
    own, written = machine_keys(home, row.name), _written_by(row)
    read = [topic for topic in CATALOGUE if row.name in topic.readers]
    outputs, inputs = _streams(written, keys), _streams(read, keys)
    of_orders = _orders(row, keys)
    queues = tuple(client_key(keys, ANY, topic) for topic in read if topic in QUEUED)
    reserved, beats = reserved_key(home), services_key(keys, row.scope)
    reservations = machine_keys(home, DECIDED.written_by).state  # an order is placed only if the gate's records have it
    return (
        # A function is looked at twice: as a call that names keys, and command by command.
        Grant(commands=CALL, keys=(*own, reserved, *outputs, *inputs, *of_orders, *queues, beats)),
        Grant(commands=(*READ_HASH, *WRITE_HASH, *READ_TEXT, *WRITE_TEXT), keys=own),
        Grant(commands=APPEND, writes=(own.journal, *outputs)),
        Grant(commands=(*READ_STREAM, *READ_GROUP), reads=(own.journal, *outputs, *inputs, *queues)),  # in one call
        Grant(commands=KEEP_GROUP, writes=inputs),
        Grant(commands=("xtrim",), writes=_streams((topic for topic in read if topic.is_open), keys)),
        Grant(commands=READ_HASH, reads=(*_hashes(read, keys), reserved)),
        *([Grant(commands=("hset", "hdel"), writes=(reserved,))] if DECIDED in written else []),
        *([Grant(commands=(*READ_TEXT, "set"), keys=of_orders)] if of_orders else []),
        *([Grant(commands=READ_TEXT, reads=(decision_key(keys, ANY),))] if DECIDED in read else []),
        *([Grant(commands=READ_HASH, reads=(reservations,))] if EXECUTED in written else []),
        *([Grant(commands=KEEP_QUEUES, keys=queues)] if queues else []),
        *([Grant(commands=READ_HASH, reads=(keys.clients,))] if queues else []),
        Grant(commands=("publish",), channels=(*_channels(written, keys), *((REPLIES,) if ANSWERS in written else ()))),
        Grant(commands=LISTEN, channels=_channels(read, keys)),
    )


def _written_by(row: ServiceRow) -> list[Topic]:
    """Its topics, and those that have copies of them."""
    mine = [topic for topic in CATALOGUE if row.name in topic.writers or EVERY_CONSUMER in topic.writers]
    copied = {topic for own in mine for kind in own.messages for topic in COPIED_TO[kind]}
    return [topic for topic in CATALOGUE if topic in mine or topic in copied]


def _orders(row: ServiceRow, keys: Keys) -> tuple[str, ...]:
    """What is kept of single orders: decisions by whoever decides, marks of proposals by whoever proposes."""
    decisions = (decision_key(keys, ANY),) if row.name in DECIDED.writers else ()
    markers = (proposal_marker(keys.of(PROPOSED), ANY),) if row.name in PROPOSED.writers else ()
    return (*decisions, *markers)


def _market_data(row: ServiceRow, keys: Keys) -> tuple[Grant, ...]:
    """The market, under its lease: each key has an epoch beside it, and bars have the last of each pair."""
    written = [topic for topic in CATALOGUE if row.name in topic.writers]
    streams, hashes = _streams(written, keys), _hashes(written, keys)
    epochs = tuple(market_epoch_key(_pattern(topic, keys)) for topic in written)
    last = last_bars_key(keys, ANY)
    return (
        Grant(commands=CALL, keys=(LEASE_KEY, META_KEY, *streams, last, *hashes, *epochs)),
        Grant(commands=(*READ_HASH, "hset", "hincrby"), keys=(META_KEY, last, *hashes)),
        Grant(commands=(*READ_TEXT, *WRITE_TEXT), keys=(LEASE_KEY, *epochs)),
        Grant(commands=APPEND, writes=streams),
        Grant(commands=(*READ_STREAM, "xpending"), reads=streams),
        Grant(commands=("publish",), channels=_channels(written, keys)),
    )
