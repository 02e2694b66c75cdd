"""Names of Redis keys beside the streams; the server in memory keeps everything by the same ones."""

from typing import NamedTuple

from shared.domain.timeframes import DAY_MS
from shared.messages.catalogue import BARS, PROPOSED, Topic, client_of_key, topic_of_key
from shared.messages.keys import Keys
from shared.ports.bus import Scope

CLOCK_KEY = "hs:clock"
IDENTITY_KEY = "hs:identity"
LIBRARY_KEY = "hs:library"
DECISION_TTL_MS = 30 * DAY_MS
MARKER_TTL_MS = DAY_MS
STRANGE_KEEP = 100_000  # of a stream that no topic knows
SCOPES: tuple[Scope, ...] = ("market", "portfolio")


def services_key(keys: Keys, scope: Scope) -> str:
    """The hash with the heartbeats of the services that have this scope."""
    return "hs:services" if scope == "market" else f"{keys.home}:services"


class MachineKeys(NamedTuple):
    """What the server keeps of one machine; ``writer_lease`` says what each is for."""

    lease: str
    meta: str
    cursors: str
    state: str
    journal: str
    tries: str


def machine_keys(home: str, service: str) -> MachineKeys:
    """The keys of a machine whose state is at home there."""
    return MachineKeys(*(f"{home}:{kind}:{service}" for kind in MachineKeys._fields))


def state_key(home: str, service: str) -> str:
    """The hash with the committed records of a machine."""
    return machine_keys(home, service).state


def reserved_key(home: str) -> str:
    """The hash with the risk that approved orders hold."""
    return f"{home}:reserved"


def client_key(keys: Keys, client: str, topic: Topic = PROPOSED) -> str:
    """The queue of one client for what it sends on a topic, or the pattern of all; no other client can write there."""
    return topic.client_key.replace("hs:{P}", keys.home).replace("<client>", client)


def group_prefix(service: str, home: str, keys: Keys) -> str:
    """How the names of a machine's reading groups begin; the epoch follows.

    ``risk:main:`` for a machine of a portfolio, ``signals:`` for one of the market, whose home is all in braces.
    """
    return f"{service}:" if home.startswith("{") else f"{service}:{keys.portfolio}:"


def is_of_another_portfolio(group: str, keys: Keys) -> bool:
    """Whether a reading group is that of another portfolio's machine, by its name (see ``group_prefix``)."""
    parts = group.split(":")
    return len(parts) == 3 and parts[1] != keys.portfolio and parts[2].isdecimal()


def decision_key(keys: Keys, order_id: str) -> str:
    """Where the stored decision of an order is kept, for repeats and for ``heatsink why``."""
    return f"{keys.home}:decision:{order_id}"


def proposal_marker(stream: str, order_id: str) -> str:
    """Says that a proposal stands in its stream already."""
    return f"{stream}:seen:{order_id}"


def most_kept(stream: str) -> int:
    """How many entries of a stream are kept that all of its readers have taken."""
    topic = topic_of_key(stream)
    if topic is None:
        return STRANGE_KEEP
    return topic.client_keep if client_of_key(stream) else topic.keep


def market_epoch_key(key: str) -> str:
    """The epoch of the market data lease under which a key of the market was written last, in the key's slot."""
    return "{" + key + "}:epoch"


def last_bars_key(keys: Keys, timeframe: str) -> str:
    """Open time of the last bar per pair; the braces put it into the stream's cluster slot."""
    return "{" + keys.of(BARS, timeframe) + "}:last"
