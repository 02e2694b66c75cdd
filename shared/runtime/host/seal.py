"""The seal: what a machine vouches for with every commit, and holds the store against.

Records, cursors and the store's own rows of reserved risk are each summed up in a *tally*. The seal says what the three
tallies were after which commit, on whose data, made by which function library; where keys are configured, nobody
without the machine's key can make one. It is checked at every start, and with every renewal of the lease for all that
may be large but the records: a process has those in memory.

A tally is the exclusive or of one keyed hash per row. So a change of one row changes it without a look at the others.
Without the key, nobody can choose rows that cancel each other out. Where no key is configured, the digest of the
records stands for their tally: a second hash of every record would tell nothing more.
"""

import math
from collections.abc import Mapping
from hashlib import blake2b

from shared.ports.errors import CorruptStateError
from shared.ports.signatures import Seal, Signatures
from shared.ports.writer_lease import Snapshot

VERSION = "1"
TALLY_BYTES = 16
ROUNDING_USDT = 0.01  # of the store's running sum, over many orders
REMEDY = "find out who wrote there; to go on with what is there: heatsink keys adopt"


class Tally:
    """One hash of many rows, that follows each change of one."""

    def __init__(self, secret: bytes, rows: Mapping[str, bytes | str] | None = None) -> None:
        self._secret = secret
        self._rows: dict[str, int] = {}
        self.sum = 0
        for name, body in (rows or {}).items():
            self.put(name, body)

    def put(self, name: str, body: bytes | str | None) -> None:
        """A row is like this from now on; None: it is gone."""
        self.sum ^= self._rows.pop(name, 0)
        if body is not None:
            content = body if isinstance(body, bytes) else body.encode()
            row = blake2b(name.encode() + b"\x00" + content, key=self._secret, digest_size=TALLY_BYTES).digest()
            self._rows[name] = number = int.from_bytes(row)
            self.sum ^= number


class Sealer:
    """Makes the seals of one machine on one server, and checks them.

    machine: its home and name. reserves: whether the store's rows of reserved risk are of this machine's making.
    identity: that of the server's data. library: a hash of the functions that it commits by.
    """

    def __init__(self, signatures: Signatures, machine: str, *, reserves: bool, identity: str, library: str) -> None:
        self._signatures, self._machine, self._reserves = signatures, machine, reserves
        self.identity, self._library = identity, library
        self.key = signatures.seal(b"").key
        self.secret = signatures.secret(self.key)

    def seal(self, seq: int, digest: int, records: Tally | None, cursors: Tally, reserved: Tally) -> str:
        """The seal of what a commit leaves. records: None where no key is configured."""
        sums = (digest if records is None else records.sum, cursors.sum, reserved.sum)
        tallies = [f"{each:032x}" for each in sums]
        statement = self._statement(seq, digest, self.identity, self._library, tallies)
        seal = self._signatures.seal(statement)
        return " ".join((VERSION, seal.key or "-", self._library or "-", *tallies, seal.mac))

    def check(self, found: Snapshot, *, with_records: bool) -> None:
        """Raises ``CorruptStateError`` that says what does not match."""
        if not found.seal:
            self._refuse_unsealed(found)
            return
        try:
            version, key, library, records, cursors, reserved, mac = found.seal.split(" ")
        except ValueError:
            raise self._corrupt("its seal cannot be read") from None
        key, library = ("" if part == "-" else part for part in (key, library))
        if key and not self._signatures.are_checked:
            raise self._corrupt("it is sealed with a key, and none is configured: set signing.keys")
        secret = self._signatures.secret(key)
        if self._signatures.are_checked and not secret:
            raise self._corrupt(f"it is sealed with the key {key or 'of nobody'}, which is not among this machine's")
        tallies = [records, cursors, reserved]
        statements = (
            self._statement(found.seq, found.digest, identity, library, tallies) for identity in (self.identity, "")
        )
        if version != VERSION or not any(self._signatures.holds(each, Seal(key, mac)) for each in statements):
            raise self._corrupt(f"its seal is not of commit {found.seq}, or not of these data")
        self._compare(found, secret, tallies, with_records=with_records)

    def _compare(self, found: Snapshot, secret: bytes, tallies: list[str], *, with_records: bool) -> None:
        held: list[tuple[str, Mapping[str, bytes | str]]] = [
            ("records", found.records),
            ("cursors", found.cursors),
            ("reserved risk", found.reserved if self._reserves else {}),
        ]
        for (what, rows), told in zip(held, tallies, strict=True):
            if what == "records" and not (with_records and secret):  # recovery checks their digest
                continue
            if f"{Tally(secret, rows).sum:032x}" != told:
                raise self._corrupt(f"its {what} are not what commit {found.seq} left")
        if self._reserves:
            self._check_sum(found)

    def _check_sum(self, found: Snapshot) -> None:
        """The store's own sum, which decides what it lets through, against its own rows."""
        try:
            total = float(found.reserved_usdt or 0.0)
            rows = math.fsum(map(float, found.reserved.values()))
        except ValueError:
            total = rows = math.nan
        if not abs(total - rows) <= ROUNDING_USDT + 1e-9 * abs(rows):
            raise self._corrupt(f"the store's sum of reserved risk is {found.reserved_usdt}, its orders hold {rows:g}")

    def _refuse_unsealed(self, found: Snapshot) -> None:
        if found.seq and self._signatures.are_checked:
            raise self._corrupt("keys are configured, and it was never sealed with one")

    def _corrupt(self, what: str) -> CorruptStateError:
        return CorruptStateError(f"{self._machine}: {what}: {REMEDY}")

    def _statement(self, seq: int, digest: int, identity: str, library: str, tallies: list[str]) -> bytes:
        return "\n".join((VERSION, self._machine, str(seq), str(digest), identity, library, *tallies)).encode()
