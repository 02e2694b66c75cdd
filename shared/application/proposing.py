"""Orders that somebody proposes through a front end, and the verdict on each, within a bounded time.

One reader follows the stream of verdicts for all who wait, from before the first proposal: no verdict comes too early,
and none is lost between two looks. What was decided is kept under its order's id, so asking again is always safe.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from msgspec import structs

from shared.domain.risk.gate.repeats import difference, proposal_of
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided, OrderProposed, ProposalRefused
from shared.ports.bus import MOST_WAITING, Bus
from shared.ports.errors import AccessRefusedError, BusLostError

WAIT_MS = 1_000  # of one look at the stream
AT_ONCE_MS = 1
LOOKED_BACK = 1_000  # verdicts among which a refusal is looked for that nobody waited for
# Whether an order has reached its queue: ``no`` and ``yes`` are certain.
Arrived = Literal["no", "maybe", "yes"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One order that is proposed.

    client: in whose queue.
    of_the_moment: fields of the order that its sender left to the market of the moment, such as a quantity that follows
        from an amount: asked once more, it is the same order with other ones. Its trace says what the sender wrote.
    """

    order: OrderProposed
    client: str
    of_the_moment: frozenset[str] = frozenset()

    def is_of(self, decided: OrderDecided) -> bool:
        """Whether a decision is about this order, and not about another one under its id."""
        first = proposal_of(decided)
        same = structs.replace(self.order, **{name: getattr(first, name) for name in self.of_the_moment})
        return decided.trace == self.order.trace_id and not difference(same, first)


@dataclass(frozen=True, slots=True)
class Unknown:
    """There is no verdict yet. That is no refusal: the order may be approved later, unless it has not arrived."""

    arrived: Arrived
    reason: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The id has its verdict, on another order."""

    decided: OrderDecided


Answer = OrderDecided | ProposalRefused | Unknown | Taken
Heard = asyncio.Queue[OrderDecided | ProposalRefused]  # what is said under one id, whoever sent it
NO_ANSWER = "the gate has not answered in time: is the risk service running? (heatsink status)"


class Verdicts:
    """Proposes, and waits for what the gate says. ``begin`` it before the first proposal, and let ``follow`` run."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._key = bus.keys.of(DECIDED)
        self._cursors: dict[str, str] = {}
        self._waiting: dict[str, list[Heard]] = defaultdict(list)

    async def begin(self) -> None:
        """Note the end of the stream: from there on nothing is missed."""
        self._cursors = await self._bus.stream_ends([self._key])

    async def follow(self) -> None:
        """Tell those who wait, until cancelled."""
        while True:
            await self.step(WAIT_MS)

    async def step(self, wait_ms: int) -> None:
        """Read once."""
        for entry in await self._bus.read_from(self._cursors, wait_ms):
            if isinstance(entry.message, OrderDecided):
                self._tell(entry.message.order_id, entry.message)
            elif isinstance(entry.message, ProposalRefused):
                self._tell(entry.message.cause, entry.message)

    async def known(self, asked: Asked) -> Answer | None:
        """The stored verdict on an order, if there is one; it need not be whole. Raises ``BusLostError``."""
        stored = await self._bus.decision(asked.order.id)
        return None if stored is None else _answer_of(asked, stored)

    async def propose(self, asked: Asked, seconds: float) -> Answer:
        """What the gate says to an order, within so much time. Raises ``NotTakenError``."""
        try:
            stored = await self.known(asked)
        except BusLostError as error:  # nothing was sent
            return Unknown("no", str(error))
        if stored is not None:
            return stored
        try:
            with self._awaited(asked.order.id) as heard:
                return await self._sent(asked, heard, seconds)
        except AccessRefusedError as error:
            return Unknown("no", str(error))
        except BusLostError as error:
            return Unknown("maybe", str(error))

    async def find(self, order_id: str, client: str) -> OrderDecided | ProposalRefused | Unknown | None:
        """What became of an order that was proposed before; None when this client has proposed none of this id.

        Raises ``BusLostError``.
        """
        if (stored := await self._bus.decision(order_id)) is not None:
            return stored
        queue = self._bus.keys.of_client(client)
        for said in await self._bus.latest(self._key, LOOKED_BACK):
            if isinstance(said, ProposalRefused) and said.cause == order_id and _is_refusal_in(queue, said):
                if said.entry and await self._is_proposed_after(queue, said.entry, order_id):
                    break  # it was mended and sent again: that one waits
                return said
        for proposal in await self._bus.latest(queue, 2 * MOST_WAITING):
            if isinstance(proposal, OrderProposed) and proposal.id == order_id:
                return await self._bus.decision(order_id) or Unknown("yes", NO_ANSWER)
        return None

    async def _is_proposed_after(self, queue: str, entry: str, order_id: str) -> bool:
        cursors = {queue: entry}
        while entries := await self._bus.read_from(cursors, AT_ONCE_MS):
            if any(isinstance(each.message, OrderProposed) and each.message.id == order_id for each in entries):
                return True
        return False

    async def _sent(self, asked: Asked, heard: Heard, seconds: float) -> Answer:
        """Put it into its queue, and wait."""
        given = await self._bus.propose(asked.order, asked.client)
        if isinstance(given, OrderDecided):
            return _answer_of(asked, given)
        said: OrderDecided | ProposalRefused | None = None
        try:
            async with asyncio.timeout(seconds):
                said = await _first_about(heard, self._bus.keys.of_client(asked.client), given)
        except TimeoutError:
            pass
        if isinstance(said, OrderDecided):
            return _answer_of(asked, said)
        # A refusal may be the answer to somebody else, who used the id after this order. Where nobody said anything, a
        # last look shows what this reader has not come to yet.
        if (stored := await self._bus.decision(asked.order.id)) is not None:
            return _answer_of(asked, stored)
        return said or Unknown("yes", NO_ANSWER)

    @contextmanager
    def _awaited(self, order_id: str) -> Iterator[Heard]:
        """What is said of the order from now on; of several who wait, each hears it."""
        heard: Heard = asyncio.Queue()
        self._waiting[order_id].append(heard)
        try:
            yield heard
        finally:
            self._waiting[order_id].remove(heard)
            if not self._waiting[order_id]:
                del self._waiting[order_id]

    def _tell(self, order_id: str, message: OrderDecided | ProposalRefused) -> None:
        for heard in self._waiting.get(order_id, ()):
            heard.put_nowait(message)


async def _first_about(heard: Heard, queue: str, entry: str) -> OrderDecided | ProposalRefused:
    """The first that is said of an entry. Others may have sent something under its id, and are answered as well."""
    while True:
        said = await heard.get()
        if isinstance(said, OrderDecided) or _is_refusal_in(queue, said, entry):
            return said


def _is_refusal_in(queue: str, refused: ProposalRefused, entry: str = "") -> bool:
    """Whether an order in a queue was refused. entry: which one, where that is known.

    A refusal says where it stood, of what could not be read or handled; not of an order under an id that is taken.
    """
    if refused.source:
        return refused.source == queue and entry in ("", refused.entry)
    return refused.what == OrderProposed.__name__


def _answer_of(asked: Asked, decided: OrderDecided) -> Answer:
    return decided if asked.is_of(decided) else Taken(decided)
