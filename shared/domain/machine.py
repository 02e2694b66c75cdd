"""What a machine is: messages in, messages out, and state kept as records that a host can store.

A machine does no I/O and reads no clock. Two hosts run it: ``runtime.host`` on the bus, ``runtime.replay`` in a loop.
Why its state is records: docs/decisions/0001.
"""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Protocol, TypeVar, cast

from msgspec import Struct

from shared.messages.base import Message

R = TypeVar("R", bound=Struct)


class Records:
    """A machine's durable state: structs by kind and name, and which of them changed since the last commit.

    kinds: the type of each kind, so that a host can read stored bytes back, such as ``{"position": Position}``.

        records.put("position", "BTC/USDT", Position(...))
        records.get("position", "BTC/USDT", Position)
        records.drain()    # {"position:BTC/USDT": Position(...)}
    """

    def __init__(self, kinds: Mapping[str, type[Struct]]) -> None:
        self.kinds = dict(kinds)
        self._rows: dict[str, dict[str, Struct]] = {kind: {} for kind in kinds}
        self._dirty: dict[tuple[str, str], None] = {}

    def admit(self, kinds: Mapping[str, type[Struct]]) -> None:
        """Read rows of these kinds too, which another machine may have left here."""
        self.kinds |= kinds
        for kind in kinds:
            self._rows.setdefault(kind, {})

    def get(self, kind: str, name: str, as_type: type[R]) -> R | None:
        """The row of that name, None without one. as_type: the type that its kind was declared with."""
        return cast("R | None", self._rows[kind].get(name))

    def put(self, kind: str, name: str, row: Struct) -> None:
        """Keep a row in place of the one with that name."""
        self._rows[kind][name] = row
        self._dirty[kind, name] = None

    def delete(self, kind: str, name: str) -> None:
        """Drop a row, if there is one of that name."""
        if self._rows[kind].pop(name, None) is not None:
            self._dirty[kind, name] = None

    def rows(self, kind: str, as_type: type[R]) -> Iterator[tuple[str, R]]:
        """Every row of a kind with its name, in the order of the names; rows may be put and deleted meanwhile.

        Never in the order in which they came: that is lost when a store gives them back.
        """
        for name, row in sorted(self._rows[kind].items(), key=itemgetter(0)):
            assert isinstance(row, as_type)
            yield name, row

    def count(self, kind: str) -> int:
        """How many rows there are of a kind."""
        return len(self._rows[kind])

    def drain(self) -> dict[str, Struct | None]:
        """The rows that changed since the last drain, by ``kind:name``; None for those that were deleted."""
        changed = {f"{kind}:{name}": self._rows[kind].get(name) for kind, name in self._dirty}
        self._dirty.clear()
        return changed

    def forget_changes(self) -> None:
        """Nobody stores the rows: a replay keeps them in memory alone."""
        self._dirty.clear()

    def load(self, rows: Mapping[str, Struct]) -> None:
        """Take over stored rows (keys ``kind:name``) in place of whatever was there."""
        for known in self._rows.values():
            known.clear()
        for key, row in rows.items():
            kind, _, name = key.partition(":")
            self._rows[kind][name] = row
        self._dirty.clear()


class ReservationCheck(Struct, frozen=True, gc=False):
    """One step of a reservation, which the store counts by itself: its second, independent check of heat.

    A commit carries the steps in the order in which the machine took them. An increase must satisfy
    open_usdt + all that is reserved <= limit_usdt, or the whole commit is refused. See docs/decisions/0007.

    order_id: the order that the risk is reserved for.
    risk_usdt: what is reserved for it from now on; 0 releases it.
    open_usdt: the open risk of all positions, as the machine sees it.
    limit_usdt: the heat limit, as an amount.
    """

    order_id: str
    risk_usdt: float
    open_usdt: float = 0.0
    limit_usdt: float = 0.0


class Machine(Protocol):
    """A deterministic object: the same messages in the same order give the same messages and the same records."""

    records: Records

    def handle(self, message: Message) -> Sequence[Message]:
        """Take one message in; give out what follows from it. A message that it has no use for is ignored."""
        ...

    def warm(self, message: Message) -> None:
        """Take in history that was handled before a restart: rebuild what derives from the market, and give nothing
        out.
        """
        ...

    def restored(self) -> None:
        """Records were loaded: rebuild totals and indexes that derive from them."""
        ...
