"""How far a machine is: what the last commit left, and what the next one counts on."""

from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b

from msgspec import Struct

from shared.adapters.codec import encode
from shared.domain.machine import ReservationCheck
from shared.messages.base import Message
from shared.ports.streams import Entry, entry_order, is_end_of_ids
from shared.ports.writer_lease import Commit, Snapshot
from shared.runtime.host.seal import Sealer, Tally


class Progress:
    """The number of the last commit, the cursors, the digest of all records, and what the next seal says.

    The digest is the exclusive or of one hash per record. So a change of one record changes it without a look at the
    others, and it does not depend on their order.

    seq: the number of the last commit.
    cursors: the id of the last entry handled, by stream.
    digest: of all records as the next commit leaves them.
    is_sealed: whether the last commit is sealed with the key that the next one would be.
    """

    def __init__(self, snapshot: Snapshot, sealer: Sealer, *, reserves: bool = False) -> None:
        self.seq, self.cursors = snapshot.seq, dict(snapshot.cursors)
        self._hashes = {key: _hash_of(key, body) for key, body in snapshot.records.items()}
        self.digest = _combined(self._hashes.values())
        self._believed: dict[str, str] = {}  # places of signed words, for the next commit
        self._sealer, secret = sealer, sealer.secret
        self._records = Tally(secret, snapshot.records) if secret else None
        self._cursors = Tally(secret, snapshot.cursors)
        self._reserved = Tally(secret, snapshot.reserved if reserves else {})
        self.is_sealed = not snapshot.seq or not snapshot.seal or snapshot.seal.split(" ")[1:2] == [sealer.key or "-"]

    @property
    def records(self) -> int:
        """How many records there are."""
        return len(self._hashes)

    def is_new(self, entry: Entry) -> bool:
        """Whether the entry was not part of an earlier commit: a stream's entries are handled in order of their ids."""
        last = self.cursors.get(entry.stream)
        return last is None or entry_order(entry.id) > entry_order(last)

    def advance(self, entries: Sequence[Entry]) -> None:
        """Count these as handled by the next commit. Those of one stream stand in the order of their ids."""
        for stream, last in {each.stream: each for each in entries if not is_end_of_ids(each.id)}.items():
            if self.is_new(last):
                self.cursors[stream] = last.id

    def believe(self, row: str, place: str) -> None:
        """Count a signed word as taken by the next commit: ``row`` is a cursor of its own (``signed_entries``)."""
        self.cursors[row] = self._believed[row] = place

    def next_commit(
        self,
        entries: Sequence[Entry],
        outputs: Sequence[Message],
        records: Mapping[str, Struct | None],
        checks: Sequence[ReservationCheck],
        letters: Sequence[Message] = (),
    ) -> Commit:
        """The commit of a step: the entries it has handled, what it gives out, the records that it changed, and what it
        refused.
        """
        rows = {key: None if record is None else encode(record) for key, record in records.items()}
        for key, body in rows.items():
            self.digest ^= self._hashes.pop(key, 0)
            if self._records is not None:
                self._records.put(key, body)
            if body is not None:
                self._hashes[key] = _hash_of(key, body)
                self.digest ^= self._hashes[key]
        reached = {entry.stream: self.cursors[entry.stream] for entry in entries if entry.stream in self.cursors}
        cursors, self._believed = reached | self._believed, {}
        for row, last in cursors.items():
            self._cursors.put(row, last)
        for check in checks:
            self._reserved.put(check.order_id, f"{check.risk_usdt:.17g}" if check.risk_usdt > 0 else None)
        return Commit(
            seq=self.seq + 1,
            outputs=outputs,
            records=rows,
            cursors=cursors,
            handled=[(entry.stream, entry.id) for entry in entries],
            digest=self.digest,
            reservation_checks=checks,
            letters=letters,
            seal=self._sealer.seal(self.seq + 1, self.digest, self._records, self._cursors, self._reserved),
        )


def _hash_of(key: str, body: bytes) -> int:
    return int.from_bytes(blake2b(key.encode() + b"\x00" + body, digest_size=8).digest())


def _combined(hashes: Iterable[int]) -> int:
    digest = 0
    for value in hashes:
        digest ^= value
    return digest
