"""Where the messages of one portfolio stand on the server: the keys of its streams, which name its channels too."""

import re
from collections.abc import Sequence

from shared.messages.base import Message
from shared.messages.catalogue import BARS, COPIED_TO, PROPOSED, TOPIC_OF, Topic, is_foreign_channel
from shared.messages.market import BarClosed

Place = tuple[Topic, str]
_CLIENT = re.compile(r"[A-Za-z0-9_-]{1,32}")


class Keys:
    """The keys of one portfolio, built once and handed on; what belongs to the market has the same key in all of them.

    portfolio: its name. home: the beginning of every key that is the portfolio's own. Its braces are a hash tag, which
    keeps all of these keys in one slot of a Redis Cluster.

        keys = Keys("main")
        keys.of(DECIDED)        # hs:{main}:orders:decided
        keys.of(BARS, "1h")     # hs:bars:1h
    """

    def __init__(self, portfolio: str) -> None:
        self.portfolio = portfolio
        self.home = f"hs:{{{portfolio}}}"
        self._places: dict[type[Message], tuple[Place, ...]] = {
            kind: tuple((topic, self.of(topic)) for topic in (own, *COPIED_TO[kind]))
            for kind, own in TOPIC_OF.items()
            if own is not BARS
        }

    def of(self, topic: Topic, timeframe: str = "") -> str:
        """The key of a topic's stream. Raises ``ValueError`` for bars without a timeframe."""
        if "<timeframe>" in topic.key and not timeframe:
            raise ValueError(f"topic {topic.name!r} needs a timeframe")
        return topic.key.replace("hs:{P}", self.home).replace("<timeframe>", timeframe)

    @property
    def clients(self) -> str:
        """The hash with the names of all clients that have a queue of their own."""
        return f"{self.home}:clients"

    def of_client(self, client: str, topic: Topic = PROPOSED) -> str:
        """The key of a client's own queue. Raises ``ValueError`` for what cannot be a client's name.

        topic: of what it sends there; one for which clients have queues (``Topic.client_key``).
        """
        if not _CLIENT.fullmatch(client):
            raise ValueError(f"client {client!r}: a name has 1 to 32 of A-Z a-z 0-9 - _")
        return topic.client_key.replace("hs:{P}", self.home).replace("<client>", client)

    def of_message(self, message: Message) -> str:
        """The key of the stream that a message belongs to."""
        return self.places_of(message)[0][1]

    def places_of(self, message: Message) -> Sequence[Place]:
        """Every stream that a message is appended to, and its key: its own topic's first, then those with copies."""
        if isinstance(message, BarClosed):
            return ((BARS, self.of(BARS, message.timeframe)),)
        return self._places[type(message)]

    def reply_channel(self, message: Message) -> str:
        """Where an answer is published: ``reply_to``, or its topic's channel when it names none; empty when it must
        not be. A reply channel begins with ``hs:`` and is nobody else's: an asker must not speak on another topic.
        """
        topic = TOPIC_OF[type(message)]
        channel = getattr(message, "reply_to", "") or self.of(topic)
        return "" if is_foreign_channel(channel, topic) else channel
