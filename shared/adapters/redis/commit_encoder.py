"""A commit as ``hs_commit`` in ``heatsink.lua`` takes it: a list of keys, and one plan that names them by number.

The plan is MessagePack, which the server's Lua reads without help. A Redis Function must declare every key that it
touches, so the keys stand outside of the plan.
"""

from collections import defaultdict

import msgpack

from shared.adapters.codec import encode_for_commit, encode_for_wire
from shared.adapters.redis.keys import (
    DECISION_TTL_MS,
    MARKER_TTL_MS,
    decision_key,
    machine_keys,
    proposal_marker,
    reserved_key,
)
from shared.adapters.signing import UNSIGNED
from shared.adapters.signing.entries import signature_of
from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.messages.catalogue import DEAD
from shared.messages.keys import Keys
from shared.messages.market import BarClosed
from shared.messages.orders import OrderDecided
from shared.ports.bus import Proposal
from shared.ports.signatures import Signatures
from shared.ports.writer_lease import Commit

JOURNAL_KEEP = 100_000


class CommitEncoder:
    """Encodes the commits of one writer lease.

    service: the machine's name, which stands in its keys.
    home: how the keys of its state begin. The part in braces keeps them in one slot of a Redis Cluster.
    keys: where the messages stand that it writes.
    decisions_ms: how long a decision is kept.
    signatures: what is signed with what it writes.
    written: the streams that were written to, and how many entries they keep.
    """

    def __init__(
        self,
        service: str,
        home: str,
        keys: Keys,
        decisions_ms: int = DECISION_TTL_MS,
        signatures: Signatures = UNSIGNED,
    ) -> None:
        own = machine_keys(home, service)
        self._keys = [own.meta, own.cursors, own.state, own.journal, reserved_key(home)]
        self._decisions_ms, self._signatures = decisions_ms, signatures
        self.written: dict[str, int] = {own.journal: JOURNAL_KEEP}
        self._topics = keys
        self._tag = home[home.index("{") : home.index("}") + 1]

    def is_home(self, stream: str) -> bool:
        """Whether a stream shares the hash tag of the state, so that a commit can acknowledge its entries."""
        return self._tag in stream

    def encode(self, commit: Commit, epoch: int, group: str) -> tuple[list[str], bytes]:
        """The keys, and the plan as MessagePack.

        epoch: that of the writer. group: the consumer group by which it read what it acknowledges.
        Raises ``ContentRefusedError`` for a message that is longer than what is read.
        """
        keys, numbers = self._keys.copy(), dict[str, int]()

        def number(key: str) -> int:
            known = numbers.get(key)
            if known is None:
                keys.append(key)
                known = numbers[key] = len(keys)
            return known

        outputs: list[tuple[int, int, bytes, list[str], bytes]] = []
        decisions, markers = [], []
        for message in commit.outputs:
            body = encode_for_commit(message)
            for topic, key in self._topics.places_of(message):
                self.written[key] = topic.keep
                place = f"{commit.seq}-{len(outputs) + 1}"
                signature = signature_of(self._signatures, message, key, body, place)
                outputs.append((number(key), topic.keep, body, _channels(key, message), signature))
            if isinstance(message, OrderDecided):
                stored = number(decision_key(self._topics, message.order_id))
                decisions.append((stored, len(outputs), self._decisions_ms))
            elif isinstance(message, Proposal):
                markers.append((number(proposal_marker(key, message.id)), MARKER_TTL_MS, len(outputs)))
        acks: dict[str, list[str]] = defaultdict(list)
        for stream, entry_id in commit.handled:
            if self.is_home(stream):
                acks[stream].append(entry_id)
        plan: dict[str, object] = {
            "epoch": str(epoch),
            "seq": str(commit.seq),
            "digest": str(commit.digest),
            "seal": commit.seal,
            "journal": _journalled(commit, epoch),
            "keep": JOURNAL_KEEP,
            "guards": [_arguments(check) for check in commit.reservation_checks],
            "decisions": decisions,
            "markers": markers,
            "outputs": outputs,
            "records": [(key, False if body is None else body) for key, body in commit.records.items()],
            "cursors": list(commit.cursors.items()),
            "acks": [(number(stream), group, ids) for stream, ids in acks.items()],
        }
        if commit.letters:
            dead = self._topics.of(DEAD)
            self.written[dead] = DEAD.keep
            plan["letters"] = (number(dead), [encode_for_wire(letter) for letter in commit.letters])
        return keys, packed(plan)


def _arguments(check: ReservationCheck) -> tuple[str, str, str, str]:
    return check.order_id, repr(check.risk_usdt), repr(check.open_usdt), repr(check.limit_usdt)


def _channels(key: str, message: Message) -> list[str]:
    return [key, f"{key}:{message.symbol}"] if isinstance(message, BarClosed) else [key]


def _journalled(commit: Commit, epoch: int) -> bytes:
    return packed(
        {
            "seq": commit.seq,
            "epoch": epoch,
            "handled": len(commit.handled),
            "outputs": [message.id for message in commit.outputs],
            "records": list(commit.records),
            "digest": str(commit.digest),
        }
    )


def packed(plan: dict[str, object]) -> bytes:
    """MessagePack as the server's Lua reads it: bytes and text alike as raw strings."""
    body: bytes = msgpack.packb(plan, use_bin_type=False)
    return body
