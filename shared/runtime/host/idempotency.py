"""Orders may come twice: written twice, published and written, or repeated by a client that got no answer.

Each is decided once, and every repeat is answered with the decision that stands. Whether an order was decided before is
known in three places. The machine remembers the latest of them, which is fast and enough for nearly all repeats.
The store has every decision of 30 days, and refuses a commit that would decide an order again. And the stream of
decisions has the latest ones in order, from which a machine that starts fills its memory.

Another order under an id that was decided is no repeat: the machine refuses it, and the first verdict stands.

What the machine has forgotten, the store's refusal tells (``AlreadyDecidedError``): the process starts over, and asks
the store about every order before it is handed to the machine. Some client repeats old orders then, and starting over
for each of them would keep the gate shut. See docs/decisions/0002.
"""

from collections.abc import Sequence
from typing import Protocol

from shared.adapters.codec import sent_by
from shared.domain.risk.gate.repeats import difference, proposal_of
from shared.messages.base import Message
from shared.messages.orders import CancelProposed, OrderProposed, ProposalRefused, StopRaised
from shared.ports.bus import Bus, Proposal
from shared.ports.streams import Entry

ANSWERED_KEPT = 1_000


class OrderDecider(Protocol):
    """What a machine that decides orders does about repeats.

    orders_remembered: how many decided orders it recognises when they come again.
    """

    orders_remembered: int

    def remember(self, answer: Message) -> None:
        """Take note of a decision that was made before, so that its order is not decided again; or of what was said to
        another proposal.
        """
        ...

    def said_to(self, proposal: CancelProposed | StopRaised) -> Message | None:
        """What was said to a cancel or a raised stop when it came before; None where that is not known."""
        ...

    def take_repeats(self) -> Sequence[str]:
        """The ids of orders that came once more since the last call, and got nothing new."""
        ...


class OrderIdempotency:
    """See ``MachineSpec.idempotency``.

    machine: it decides the orders.
    channel: where they may come by PUBLISH; the stream of the same name is where they are kept.
    decided: the stream of its decisions.
    """

    def __init__(self, machine: OrderDecider, *, channel: str, decided: str) -> None:
        self.channel = channel
        self._machine, self._decided = machine, decided
        self._answered: set[Message] = set()  # what came by PUBLISH and was answered since the last step

    async def load(self, bus: Bus) -> None:
        """Let the machine remember the latest decisions and answers, oldest first."""
        for answer in reversed(await bus.latest(self._decided, self._machine.orders_remembered)):
            self._machine.remember(answer)

    async def recall(self, bus: Bus, entries: Sequence[Entry]) -> None:
        """Ask the store about orders that may have been decided so long ago that the machine has forgotten them."""
        asked = [entry.message.id for entry in entries if isinstance(entry.message, OrderProposed)]
        if asked:
            for decision in (await bus.decisions(tuple(dict.fromkeys(asked)))).values():
                self._machine.remember(decision)

    async def take_in(self, bus: Bus, message: Message) -> Message | None:
        """Put what came by PUBLISH into its stream, unless it is the copy of what a commit wrote there: that is no
        repeat, and the entry is answered. What came before is answered as it was then; what is another one under an id
        that was used is given back, for the machine to answer.
        """
        message = sent_by(message, "")  # a channel has no owner
        if message in self._answered:  # since the last step
            return None
        if not isinstance(message, Proposal) or await bus.take_in(message):
            return None
        if not isinstance(message, OrderProposed):
            return await self._said_before(bus, message)
        if (decision := await bus.decision(message.id)) is None:
            return None
        if difference(message, proposal_of(decision)):
            self._machine.remember(decision)
            return message
        await self._repeat(bus, message, decision)
        return None

    async def _said_before(self, bus: Bus, proposal: CancelProposed | StopRaised) -> Message | None:
        """A stop does not rise by an old copy, as a takeover hears them. To cancel an order is meant whenever it comes,
        so a cancel that was refused is looked at again.
        """
        said = self._machine.said_to(proposal)
        if said is None or (isinstance(proposal, CancelProposed) and isinstance(said, ProposalRefused)):
            return proposal
        await self._repeat(bus, proposal, said)
        return None

    async def _repeat(self, bus: Bus, proposal: Message, said: Message) -> None:
        if len(self._answered) < ANSWERED_KEPT:
            self._answered.add(proposal)
        await bus.echo([said])

    async def answer_repeats(self, bus: Bus) -> None:
        """Publish the stored decisions on orders that came once more: each once for a step, however often it came."""
        self._answered.clear()
        if repeats := tuple(dict.fromkeys(self._machine.take_repeats())):
            await bus.echo(tuple((await bus.decisions(repeats)).values()))
