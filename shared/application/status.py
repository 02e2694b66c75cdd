"""How a stack stands now: its portfolio, halts, feeds, marks, sizes, services, and how far its readers are behind."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.application.errors import UserError
from shared.application.projection import Projection
from shared.application.stack import StackLocator
from shared.domain.risk.state.halts import HALT
from shared.domain.timeframes import SECOND_NS
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED, FEEDS, PORTFOLIO, SIZES
from shared.messages.halts import Halted
from shared.messages.market import FeedLost
from shared.messages.portfolio import PortfolioMarked
from shared.messages.signals import PositionSized
from shared.ports.bus import Bus, Heartbeat
from shared.ports.clock import Clock
from shared.ports.streams import Reader
from shared.runtime.health import is_alive

FEEDS_READ = 2_000
SIZES_READ = 5_000  # enough for some bars of every pair in several timeframes


class NoSizesError(UserError):
    """Nothing was sized yet, or not this pair."""


@dataclass(frozen=True, slots=True)
class OldestMark:
    """The pair whose mark is the oldest, and its age in wall seconds."""

    symbol: str
    age_seconds: float


@dataclass(frozen=True, slots=True)
class Status:
    """How a stack stands at one moment.

    stack: which one.
    clock: its market time.
    state: what its messages say holds now, with the halts as the risk service has stored them.
    portfolio_age_seconds: how old the portfolio's snapshot is, in wall seconds; 0 while there is none.
    marks: how many pairs have a mark.
    oldest_mark: None while there are no marks.
    beats: the last heartbeat of every service, by its name.
    readers: every reading group, with what it has not read yet.
    """

    stack: StackLocator
    clock: Clock
    state: Projection
    portfolio_age_seconds: float
    marks: int
    oldest_mark: OldestMark | None
    beats: dict[str, Heartbeat]
    readers: list[Reader]

    @property
    def halts(self) -> list[Halted]:
        """Every halt in force, newest first."""
        return sorted(self.state.halts.values(), key=lambda halt: -halt.time_ns)

    @property
    def lost_feeds(self) -> list[FeedLost]:
        """Every feed that is lost, newest loss first."""
        return list(reversed(self.state.lost_feeds.values()))


async def read_status(stack: StackLocator) -> Status:
    """Read everything at once. Raises ``BusLostError``."""
    async with stack.bus() as bus:
        clock, state = await stack.clock(bus), Projection()
        for message in await what_holds(bus):
            state.take(message)
        marks = await bus.marks()
        oldest = min(marks.values(), key=lambda mark: mark.time_ns, default=None)
        return Status(
            stack=stack,
            clock=clock,
            state=state,
            portfolio_age_seconds=_age_seconds(clock, state.portfolio) if state.portfolio else 0.0,
            marks=len(marks),
            oldest_mark=OldestMark(oldest.symbol, _age_seconds(clock, oldest)) if oldest else None,
            beats=await bus.heartbeats(),
            readers=await bus.readers([key for keys in stack.streams.values() for key in keys]),
        )


async def what_holds(bus: Bus) -> list[Message]:
    """The snapshot, the feeds and the halts that hold now, for a ``Projection`` to take in: oldest first of each kind.

    Halts are as old as they are, so they come from the risk service's records: no stream goes back far enough for sure.
    """
    newest_first = (
        await bus.latest(bus.keys.of(PORTFOLIO)),
        await bus.latest(bus.keys.of(FEEDS), FEEDS_READ),
        await halts_in_force(bus),
    )
    return [message for messages in newest_first for message in reversed(messages)]


async def halts_in_force(bus: Bus) -> list[Halted]:
    """Every halt that was not ended yet, newest first, as the risk service has stored it."""
    halts = await bus.stored_records(DECIDED.written_by, HALT, Halted)
    return sorted(halts.values(), key=lambda halt: -halt.time_ns)


async def latest_portfolio(bus: Bus) -> PortfolioMarked | None:
    """The newest snapshot of the portfolio."""
    state = Projection()
    state.take_newest_first(await bus.latest(bus.keys.of(PORTFOLIO)))
    return state.portfolio


async def read_portfolio(stack: StackLocator) -> PortfolioMarked | None:
    """The newest snapshot of the portfolio. Raises ``BusLostError``."""
    async with stack.bus() as bus:
        return await latest_portfolio(bus)


async def read_halts(stack: StackLocator, symbol: str) -> list[Halted]:
    """The halts in force of a pair itself, or of the portfolio for an empty symbol. Raises ``BusLostError``."""
    async with stack.bus() as bus:
        return [halt for halt in await halts_in_force(bus) if halt.symbol == symbol]


async def read_sizes(stack: StackLocator, names: tuple[str, ...] = ()) -> dict[str, PositionSized]:
    """The newest size of every pair, or of the one that has or had these names. Raises ``NoSizesError``."""
    async with stack.bus() as bus:
        state = Projection()
        state.take_newest_first(await bus.latest(stack.keys.of(SIZES), SIZES_READ))
    found = {symbol: size for symbol, size in state.latest_sizes.items() if not names or symbol in names}
    if not found:
        what = f"{names[0]} has" if names else "No pair has"
        raise NoSizesError(f"{what} not been sized yet: a size follows the first closed bar after the start.")
    return found


def _age_seconds(clock: Clock, message: Message) -> float:
    """Wall seconds since the market time of a message."""
    return max(0.0, (clock.now_ns() - message.time_ns) / clock.speed / SECOND_NS)


def as_object(status: Status) -> dict[str, object]:
    """The status as one object for programs."""
    return {
        "redis_url": status.stack.redis_url,
        "exchange": status.stack.exchange,
        "speed": status.clock.speed,
        "market_ns": status.clock.now_ns(),
        "portfolio": status.state.portfolio,
        "portfolio_age_seconds": status.portfolio_age_seconds,
        "halts": status.halts,
        "lost_feeds": status.lost_feeds,
        "oldest_mark": (status.oldest_mark.symbol, status.oldest_mark.age_seconds) if status.oldest_mark else None,
        "services": services_as_objects(status.beats, status.clock),
        "readers": [
            {"stream": reader.stream, "group": reader.group, "lag": reader.lag, "pending": reader.pending}
            for reader in status.readers
        ],
    }


def services_as_objects(beats: Mapping[str, Heartbeat], clock: Clock) -> dict[str, dict[str, Any]]:
    """Every service's last heartbeat as an object for programs, and whether it is recent."""
    wall_ns = clock.wall_ns()
    return {
        name: {
            "alive": is_alive(beat, wall_ns),
            "state": beat.state,
            "pid": beat.pid,
            "age_seconds": round((wall_ns - beat.beat_wall_ns) / SECOND_NS, 3),
            "facts": beat.facts,
        }
        for name, beat in beats.items()
    }
