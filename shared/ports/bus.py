"""The bus, which is all that processes of a stack share: streams, live channels, and what stands beside them.

It is cut by who needs what; ``Bus`` is the sum, and what a service is given.

| protocol | what it has | who uses it |
|---|---|---|
| ``Publisher`` | messages out | every service |
| ``StreamReader`` | messages in, without a trace | ops, the command line |
| ``LiveChannels`` | copies, questions, answers | hosts, the command line |
| ``Market`` | bars, marks and books | market_data; hosts read marks and books |
| ``DecisionStore`` | proposals and decisions, each once | the host of the risk machine |
| ``WriterLeases`` | the one writer of a machine's state, or of the market | hosts, market_data |
| ``Liveness`` | heartbeats | every service; ops and the command line read them |
| ``Room`` | how long streams are, and how full the memory is | every service; the gate's host |
| ``StackFacts`` | whose data this is, and what time it is | the start of every service |

Two adapters keep this contract, ``adapters.redis.bus`` and its twin in memory, ``adapters.memory_bus``. The same tests
in ``tests/contracts`` run over both.
"""

from collections.abc import Sequence
from typing import Literal, Protocol, TypeVar

from msgspec import Struct

from shared.messages.keys import Keys
from shared.messages.market import BarClosed, BookSampled, MarkChanged
from shared.messages.orders import CancelProposed, OrderDecided, OrderProposed, StopRaised
from shared.messages.reports import Report
from shared.ports.clock import ClockOrigin
from shared.ports.market_lease import MarketLease
from shared.ports.signatures import Signatures
from shared.ports.streams import LiveChannels, Publisher, StreamReader
from shared.ports.writer_lease import WriterLease

Proposal = OrderProposed | StopRaised | CancelProposed
# Whom a service works for: the market, once for all portfolios on a server, or one portfolio.
Scope = Literal["market", "portfolio"]
S = TypeVar("S", bound=Struct)
# Of clients' queues: so many may there be, and so many proposals of one may wait until the gate has decided them.
MOST_CLIENTS = 100
MOST_WAITING = 1_000


class Market(Protocol):
    """The market as it stands on the bus: every closed bar, and the latest mark and book of each pair.

    Under a ``market_lease`` whatever writes raises ``FencedError``, and writes nothing, once another one took over.
    """

    async def publish_bars(self, bars: Sequence[BarClosed]) -> int:
        """Append the bars that are newer than their pair's last, and return how many were.

        Atomic per timeframe, the longest first: whoever reads an hour finds the day before it, if both came together.
        """
        ...

    async def bar_watermarks(self, timeframe: str) -> dict[str, int]:
        """When the last bar that was published opened, in nanoseconds, by pair."""
        ...

    async def set_marks(self, marks: Sequence[MarkChanged]) -> None:
        """Keep these marks as the latest of their pairs; publish them on the common channel and on each pair's."""
        ...

    async def marks(self) -> dict[str, MarkChanged]:
        """The latest mark of every pair that has one."""
        ...

    async def set_books(self, books: Sequence[BookSampled]) -> None:
        """Keep these order books as the latest of their pairs, and publish them as marks are."""
        ...

    async def books(self) -> dict[str, BookSampled]:
        """The latest order book of every pair that has one."""
        ...


class DecisionStore(Protocol):
    """Proposals and decisions by their order's id, so that each happens once."""

    async def take_in(self, proposal: Proposal) -> bool:
        """Make a proposal that came by PUBLISH durable, unless its stream has it already.

        Returns whether it came for the first time. So does the copy that a commit publishes of what it writes.
        """
        ...

    async def propose(self, proposal: Proposal, client: str) -> OrderDecided | str:
        """Put a proposal into the queue of its client, from which the gate takes in turns with all others.

        It is signed for the client, where the client's key is here.

        Returns the id of its entry there. Of an order that comes again as it was decided, the stored decision: the gate
        has no work with it then.
        Raises ``NotTakenError`` for one that is too long, or when too many of this client wait already, or come too
        fast for a server; nobody else's is ever pushed out. Raises ``ValueError`` for what cannot be a client's name.
        """
        ...

    async def report(self, report: Report, client: str) -> None:
        """Put a report into the queue of its client, which nobody else can write where the server has users.

        Raises ``NotTakenError`` and ``ValueError`` as ``propose`` does.
        """
        ...

    async def decision(self, order_id: str) -> OrderDecided | None:
        """The stored decision on an order; None when there is none, or it was made too long ago to be kept."""
        ...

    async def decisions(self, order_ids: Sequence[str]) -> dict[str, OrderDecided]:
        """The stored decisions on these orders, as far as there are any."""
        ...


class WriterLeases(Protocol):
    """The right to write a machine's state or the market, and a look at that state for everybody else."""

    def market_lease(self, service: str) -> MarketLease:
        """The lease of the server's market; from ``acquire`` on this bus writes the market under it.

        service: what the holder is called, to those who are refused.
        A bus that was never asked for it writes the market unchecked: tools and tests do.
        """
        ...

    def writer_lease(
        self, service: str, inputs: Sequence[str], *, home: str, whole: Sequence[str] = (), in_turns: str = ""
    ) -> WriterLease:
        """The lease of one machine; ``acquire`` it before anything else.

        service: the machine's name. inputs: the keys of its streams, in order of priority.
        home: how the keys of its state begin; the part in braces is their hash tag.
        whole: those of the inputs that are read to their end before what was read of others is given out.
        in_turns: the input beside which clients have queues of their own; an entry of each is read in turns.
        """
        ...

    async def stored_records(self, service: str, kind: str, as_type: type[S]) -> dict[str, S]:
        """The committed records of one kind, by name, in the order of names, of a service of this portfolio."""
        ...

    async def stored_rows(self, service: str, kind: str, names: Sequence[str], as_type: type[S]) -> dict[str, S]:
        """Those of them that have these names; what is not there, or cannot be read, is left out."""
        ...


class Heartbeat(Struct, frozen=True, kw_only=True):
    """What a service says of itself every second.

    service: its name.
    pid: its process.
    state: ``starting`` until it works, then ``ready``.
    started_wall_ns: when it started, in wall time.
    beat_wall_ns: when it said this, in wall time.
    facts: figures worth showing, such as bars published.
    """

    service: str
    pid: int
    state: str
    started_wall_ns: int
    beat_wall_ns: int
    facts: dict[str, int | float | str] = {}


class Liveness(Protocol):
    """Heartbeats: the last one of every service of the market, and of this portfolio."""

    async def set_heartbeat(self, beat: Heartbeat, scope: Scope) -> None:
        """Keep this heartbeat in place of the service's last one."""
        ...

    async def heartbeats(self) -> dict[str, Heartbeat]:
        """The last heartbeat of every service that ever ran for this portfolio or for the market, by its name.

        What cannot be read is left out.
        """
        ...


class Room(Protocol):
    """How much the server holds."""

    async def trim(self) -> None:
        """Shorten the streams that are read or written over this bus to what their topics keep.

        Nothing goes that one of a stream's readers was not given, or did not finish.
        """
        ...

    async def memory_used(self) -> float:
        """The share of the server's memory bound that is in use, as a fraction; 0 where it has no bound."""
        ...


class StackFacts(Protocol):
    """What all processes of a stack agree on."""

    async def identity(self) -> str:
        """The name that the server's data was given; empty when it has none: it is new, or was emptied."""
        ...

    async def named_identity(self) -> str:
        """The name of the server's data, given now if it has none yet."""
        ...

    async def note_library(self) -> None:
        """Say by which functions this process commits, for those that run another version and find them here."""
        ...

    async def check_library(self) -> None:
        """Raises ``CorruptStateError`` when somebody replaced the functions by which this process commits."""
        ...

    async def agree_on_clock(self, origin: ClockOrigin) -> ClockOrigin:
        """Set the stack's clock unless it is set, and return the one in force."""
        ...

    async def begin_clock(self, begins_wall_ns: int) -> ClockOrigin:
        """Let market time run from a wall time on, and return the clock in force. For who agreed on a waiting one."""
        ...

    async def clock_origin(self) -> ClockOrigin | None:
        """How the stack's market time runs; None while nobody set it."""
        ...


class Bus(
    Publisher,
    StreamReader,
    LiveChannels,
    Market,
    DecisionStore,
    WriterLeases,
    Liveness,
    Room,
    StackFacts,
    Protocol,
):
    """All of it, for one portfolio. Whatever needs the server raises ``BusLostError`` when that is away.

    keys: where the messages of the portfolio stand.
    signatures: what this process signs and checks with.
    """

    keys: Keys
    signatures: Signatures
