"""Every topic and the messages on it: the one list from which routing, documentation and golden tests derive.

How to add a message is told in ARCHITECTURE.md.
"""

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from shared.messages.ask import ImportAnswered, ImportAsked, RoomAnswered, RoomAsked, ShadowAsked, ShadowCounted
from shared.messages.base import MAX_MESSAGE_BYTES, Message
from shared.messages.control import (
    ApprovePhase,
    Flatten,
    Halt,
    ImportPositions,
    Resume,
    SetLimits,
    SetPhase,
    WriteOff,
    WriteOffOrder,
)
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.halts import Alerted, Halted, ResumeAsked, Resumed
from shared.messages.market import BarClosed, BookSampled, FeedLost, FeedRestored, MarkChanged, PairListed
from shared.messages.orders import (
    CancelDecided,
    CancelProposed,
    ImportDecided,
    OrderClosed,
    OrderDecided,
    OrderFilled,
    OrderPlaced,
    OrderProposed,
    ProposalRefused,
    StopApproved,
    StopPlaced,
    StopRaised,
    WriteOffDecided,
)
from shared.messages.portfolio import (
    CommandRefused,
    LimitsChanged,
    OrderWrittenOff,
    PhaseChanged,
    PhaseProposed,
    PortfolioMarked,
    PositionsImported,
    PositionWrittenOff,
    StoreRepaired,
)
from shared.messages.reports import (
    ClosedReported,
    FillReported,
    PlacedReported,
    ReportAwaited,
    ReportRefused,
    StopReported,
)
from shared.messages.signals import PositionSized, SignalRaised, SignalRefused

OPEN_TO = ("clients", "operators", "every consumer")


@dataclass(frozen=True, slots=True)
class Topic:
    """A stream and the channel of the same name.

    name: what people type (``heatsink tail bars``).
    key: the Redis key; ``<timeframe>`` and ``{P}`` are filled in by ``Keys``.
    messages: the types that belong here.
    written_by: who writes it: services, clients, operators.
    read_by: the services whose work needs it; empty where none does. Who only looks (ops, clients, operators) may read
        every topic. The rights of users on the server follow from both.
    about: what stands on it, for people.
    durable: whether a stream is kept; otherwise only the latest value of each pair is, in a hash.
    per_pair: whether each message is also published on ``<key>:<pair>``.
    keep: how many stream entries are retained, at least.
    max_bytes: of one message; longer ones are neither written nor read.
    copies: topics whose messages are written here too, in the same commit.
    client_key: streams with messages of this topic that one client each writes; ``<client>`` stands for its name.
    client_keep: how many entries of such a stream are retained once they were taken.
    """

    name: str
    key: str
    messages: tuple[type[Message], ...]
    written_by: str
    read_by: str
    about: str
    durable: bool = True
    per_pair: bool = False
    keep: int = 100_000
    max_bytes: int = MAX_MESSAGE_BYTES
    copies: tuple["Topic", ...] = ()
    client_key: str = ""
    client_keep: int = 1_000

    @property
    def writers(self) -> tuple[str, ...]:
        """``written_by``, name by name."""
        return tuple(self.written_by.split(", "))

    @property
    def is_open(self) -> bool:
        """Whether others than the services that the catalogue names may write it: then its readers keep it short."""
        return bool(self.client_key) or any(each in OPEN_TO for each in self.writers)

    @property
    def readers(self) -> tuple[str, ...]:
        """``read_by``, name by name."""
        return tuple(filter(None, self.read_by.split(", ")))

    @property
    def readable(self) -> tuple[type[Message], ...]:
        """All that a reader finds here: the topic's own messages, and the copies."""
        return self.messages + tuple(kind for topic in self.copies for kind in topic.messages)


# A snapshot names every position, in some 135 bytes each: this is enough for 30,000 of them.
MAX_SNAPSHOT_BYTES = 4 * 1024 * 1024

BARS = Topic(
    "bars",
    "hs:bars:<timeframe>",
    (BarClosed,),
    "market_data",
    "signals, sizing, risk, execution",
    "closed bars, each once",
    per_pair=True,
)
MARKS = Topic(
    "marks", "hs:marks", (MarkChanged,), "market_data", "risk, execution", "live prices", durable=False, per_pair=True
)
BOOKS = Topic(
    "books", "hs:books", (BookSampled,), "market_data", "risk", "order books, sampled", durable=False, per_pair=True
)
PAIRS = Topic(
    "pairs",
    "hs:pairs",
    (PairListed,),
    "market_data",
    "market_data, sizing, risk, execution",
    "what the exchange says of each pair",
)
FEEDS = Topic("feeds", "hs:feeds", (FeedLost, FeedRestored), "market_data", "market_data, risk", "feed health")
SIGNALS = Topic("signals", "hs:signals", (SignalRaised,), "signals, clients", "sizing", "what strategies want")
SIZES = Topic("sizes", "hs:{P}:sizes", (PositionSized,), "sizing", "", "the size of every pair on every bar")
PROPOSED = Topic(
    "proposed",
    "hs:{P}:orders:proposed",
    (OrderProposed, StopRaised, CancelProposed),
    "sizing, risk",
    "risk",
    "orders before the gate; clients have queues of their own",
    client_key="hs:{P}:clients:<client>",
)
DECIDED = Topic(
    "decided",
    "hs:{P}:orders:decided",
    (OrderDecided, StopApproved, CancelDecided, WriteOffDecided, ImportDecided, ProposalRefused),
    "risk",
    "sizing, execution",
    "verdicts, and refusals of what led to none",
)
EXECUTED = Topic(
    "executed",
    "hs:{P}:orders:executed",
    (OrderPlaced, OrderFilled, OrderClosed, StopPlaced, ReportAwaited, ReportRefused),
    "execution",
    "sizing, risk",
    "what became of approved orders; which reports are awaited, and which were refused",
)
REPORTED = Topic(
    "reported",
    "hs:{P}:orders:reported",
    (PlacedReported, FillReported, ClosedReported, StopReported),
    "clients",
    "execution",
    "what clients did with approved orders, before it is checked: each in a queue of its own; with orders = client",
    client_key="hs:{P}:reports:<client>",
)
PORTFOLIO = Topic(
    "portfolio",
    "hs:{P}:portfolio",
    (PortfolioMarked,),
    "risk",
    "sizing",
    "live heat",
    keep=5_000,
    max_bytes=MAX_SNAPSHOT_BYTES,
)
HALTS = Topic("halts", "hs:{P}:halts", (Halted, Resumed, ResumeAsked), "risk", "", "halts and their ends")
AUDIT = Topic(
    "audit",
    "hs:{P}:audit",
    (
        LimitsChanged,
        PhaseProposed,
        PhaseChanged,
        CommandRefused,
        Alerted,
        PositionWrittenOff,
        OrderWrittenOff,
        PositionsImported,
        SignalRefused,
        StoreRepaired,
    ),
    "risk, sizing, operators",
    "sizing",
    "all that was decided about limits, phases and halts; refused commands and signals, warnings, write-offs, imports, "
    "repairs",
    copies=(HALTS,),
)
CONTROL = Topic(
    "control",
    "hs:{P}:control",
    (Halt, Resume, Flatten, SetPhase, ApprovePhase, SetLimits, WriteOff, WriteOffOrder, ImportPositions),
    "operators",
    "risk",
    "operators' commands",
)
ASK = Topic(
    "ask",
    "hs:{P}:ask",
    (RoomAsked, ShadowAsked, ImportAsked),
    "clients",
    "risk",
    "questions that reserve nothing; PUBLISH only",
    durable=False,
)
ANSWERS = Topic(
    "answers",
    "hs:{P}:answers",
    (RoomAnswered, ShadowCounted, ImportAnswered),
    "risk",
    "",
    "answers, on the asker's channel",
    durable=False,
)
DEAD = Topic(
    "dead",
    "hs:dead",
    (MessageRefused,),
    "every consumer",
    "",
    "what could not be read, believed or handled",
    keep=10_000,
)
SET_ASIDE = Topic(
    "set-aside",
    "hs:set-aside",
    (EntrySetAside,),
    "signals, sizing, risk, execution",
    "risk",
    "entries that a service failed at",
    keep=10_000,
)

_REPLY_CHANNEL = re.compile(r"hs:[A-Za-z0-9._:{}-]{1,61}")

CATALOGUE: tuple[Topic, ...] = (
    BARS,
    MARKS,
    BOOKS,
    PAIRS,
    FEEDS,
    SIGNALS,
    SIZES,
    PROPOSED,
    DECIDED,
    EXECUTED,
    REPORTED,
    PORTFOLIO,
    HALTS,
    AUDIT,
    CONTROL,
    ASK,
    ANSWERS,
    DEAD,
    SET_ASIDE,
)

QUEUED = tuple(topic for topic in CATALOGUE if topic.client_key)  # of which each client has a queue of its own
TOPIC_OF: dict[type[Message], Topic] = {kind: topic for topic in CATALOGUE for kind in topic.messages}
COPIED_TO: dict[type[Message], tuple[Topic, ...]] = {
    kind: tuple(topic for topic in CATALOGUE if own in topic.copies) for kind, own in TOPIC_OF.items()
}


def is_copy(message: Message, key: str) -> bool:
    """Whether a message that was read from the stream ``key`` stands in its own topic's stream as well."""
    return topic_of_key(key) in COPIED_TO[type(message)]


@cache
def topic_of_key(key: str) -> Topic | None:
    """The topic whose stream (or channel) has this key; None for a key of no topic."""
    for topic in CATALOGUE:
        if _template(topic).fullmatch(key) or (topic.client_key and _client_template(topic).fullmatch(key)):
            return topic
    return None


@lru_cache(maxsize=1_024)
def client_of_key(key: str) -> str:
    """The client who alone writes this stream; empty for a stream of anybody."""
    for topic in QUEUED:
        if found := _client_template(topic).fullmatch(key):
            return found[1]
    return ""


def is_foreign_channel(channel: str, topic: Topic) -> bool:
    """Whether an answer that belongs to ``topic`` must not be published there: it is another topic's, or not ours."""
    if not _REPLY_CHANNEL.fullmatch(channel):
        return True
    others = (other for other in CATALOGUE if other is not topic)
    return any(_template(other, channels=True).fullmatch(channel) for other in others)


@cache
def _client_template(topic: Topic) -> re.Pattern[str]:
    template = re.escape(topic.client_key).replace(r"\{P\}", r"\{[^{}]+\}")
    return re.compile(template.replace("<client>", "([A-Za-z0-9_-]{1,32})"))


@cache
def _template(topic: Topic, *, channels: bool = False) -> re.Pattern[str]:
    """Matches the keys of a topic; with ``channels``, the channels of single pairs as well."""
    template = re.escape(topic.key).replace("<timeframe>", "[^:]+").replace(r"\{P\}", r"\{[^{}]+\}")
    return re.compile(template + (r"(:.*)?" if channels and topic.per_pair else ""))
