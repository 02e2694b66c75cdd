"""What a bus raises, and what a process does about it.

| error | what happened | what the process does |
|---|---|---|
| ``BusLostError`` | no server, or no reply | starts over from what is stored, again and again |
| ``MisplacedKeyError`` | a key holds another kind of value | the same, until somebody has moved the key away |
| ``AccessRefusedError`` | the server refuses this user, or what it asks | the same, until somebody has mended it |
| ``AlreadyDecidedError`` | the machine had forgotten an order | starts over, and asks the store first from then on |
| ``FencedError`` | another writer took over | ends; its successor is at work already |
| ``MarketTakenError`` | another market_data writes the server's market | ends before it writes anything |
| ``CommitRefusedError`` | a commit contradicts what is stored | ends: a bug, or a foreign key in the way |
| ``ContentRefusedError`` | a commit says what must not be written | starts over, and looks for what led to it |
| ``CorruptStateError`` | what is stored contradicts itself | ends, and refuses to start until somebody looked |
| ``StateGoneError`` | what was stored is gone | ends, and must not be started again by itself |
| ``NotTakenError`` | a proposal was not taken into its client's queue | tells its client, who may try again later |
"""

from collections.abc import Sequence
from typing import Literal

from shared.messages.orders import OrderDecided

# Why a proposal was not taken into its client's queue, in one word: ``docs/join.md`` says what each means.
NotTaken = Literal["NAME", "SIZE", "MALFORMED", "CLIENTS", "QUOTA"]


class BusLostError(ConnectionError):
    """The server went away or its reply did not arrive: what was under way may or may not have happened."""


class MisplacedKeyError(BusLostError):
    """A key holds another kind of value than heatsink's, so it is another program's. The call did nothing.

    The server is there, but as good as away for whoever needs that key; all goes on by itself once the key is moved.
    """


class AccessRefusedError(BusLostError):
    """The server refused the name and password of this process, or what it asked for. The call did nothing.

    All goes on by itself once its user may do it.
    """


class FencedError(RuntimeError):
    """Another process took the writer lease over: stop at once."""


class MarketTakenError(RuntimeError):
    """Another market_data serves this server, and is alive: a second one would mix two markets."""

    def __init__(self, holder: str) -> None:
        super().__init__(
            f"{holder} writes the market of this server, and one does for all portfolios on it: end it first, or give "
            "this stack a server of its own (redis.url in stack.toml, HEATSINK_REDIS__URL, or heatsink up --redis-url)"
        )
        self.holder = holder


class StateGoneError(RuntimeError):
    """The server no longer has what this process stored there: emptied, replaced, or its last writes lost.

    Nothing may go on from there by itself: a ledger that begins anew would approve what the old one could not.
    """


class CorruptStateError(RuntimeError):
    """The stored records do not match their digest, or entries that they depend on are missing: refuse to start."""


class CommitRefusedError(RuntimeError):
    """A check of the commit itself found it wrong, and nothing was written.

    The sequence does not follow, or a key is of another type.
    """


class ContentRefusedError(CommitRefusedError):
    """What the commit says is wrong: the heat would be over the limit, or a message is longer than what is read."""


class AlreadyDecidedError(RuntimeError):
    """Orders in the commit were decided before, and nothing was written.

    decisions: the stored ones, which stay the answer.
    """

    def __init__(self, decisions: Sequence[OrderDecided]) -> None:
        super().__init__(", ".join(decision.order_id for decision in decisions))
        self.decisions = tuple(decisions)


class NotTakenError(RuntimeError):
    """A proposal was not taken into its client's queue, and nothing was written.

    code: why, in one word. reason: in a sentence, with the remedy.
    """

    def __init__(self, code: NotTaken, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code, self.reason = code, reason


def out_of_step(service: str, seq: int, stored: int) -> Exception:
    """Why a commit does not follow the last one that the store has.

    A writer of the epoch in force counts on commits that the store took. If the store has fewer, it has lost them: a
    replica that was behind took its place, or its file was cut while it was away.
    """
    if stored < seq - 1:
        return StateGoneError(f"{service}: commit {seq - 1} was made, the server has {stored}")
    return CommitRefusedError(f"SEQ: expected sequence after {stored}, got {seq}")


def overtaken(service: str, epoch: int, stored: int) -> Exception:
    """Why a writer's epoch is not the one that the store has.

    A later one means that another writer took over. Epochs only grow: an earlier one means that the store lost some.
    """
    if stored < epoch:
        return StateGoneError(f"{service}: the server is back at epoch {stored}, and has forgotten epoch {epoch}")
    return FencedError(f"{service}: another writer took over after epoch {epoch}: {stored} is in force")
