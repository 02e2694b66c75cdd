"""A small stack on a real server for tests of poison: the four machines, the market, and who proposes."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal

from redis.exceptions import ResponseError

from services.execution.service import spec_of as execution_spec
from services.risk.service import spec_of as risk_spec
from services.sizing.service import spec_of as sizing_spec
from services.wiring import machine_homes
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import machine_keys
from shared.adapters.redis.repair import KeyFault, Machine, Stack, look
from shared.application.stack import streams_of
from shared.config.model import Settings
from shared.messages.catalogue import DECIDED
from shared.messages.market import MarkChanged
from shared.messages.orders import OrderDecided
from shared.messages.reports import PlacedReported
from shared.ports.bus import Heartbeat
from shared.ports.clock import ClockOrigin
from shared.ports.errors import (
    AlreadyDecidedError,
    BusLostError,
    CorruptStateError,
    FencedError,
    MisplacedKeyError,
    StateGoneError,
)
from shared.runtime.host import MachineHost
from shared.runtime.service import StartOverError
from tests.domain.risk.risk_harness import PRICES, UNIVERSE
from tests.keys import MAIN
from tests.runtime.host.process import Process
from tests.runtime.host.risk_stage import PLAN, a_market
from tests.samples import HOUR, T0, bar, book, proposal, samples

SETTINGS = Settings(universe=UNIVERSE, plan=PLAN)
SPECS = {"risk": risk_spec, "execution": execution_spec, "sizing": sizing_spec}
BTC = "BTC/USDT"
ROUNDS = 8  # of everybody's work until it must have come to rest
# How a service may end or start over: by name. Anything else is a crash.
KNOWN = (StartOverError, BusLostError, AlreadyDecidedError, StateGoneError, CorruptStateError, FencedError)


class SmallStack:
    """risk, execution and sizing in this process. orders: proposed so far. hour: of the last bar."""

    def __init__(self, bus: RedisBus, clock: ManualClock) -> None:
        self.bus, self.clock = bus, clock
        self.market = RedisBus(bus.client, MAIN)  # of market_data, which has the market's lease
        self.orders, self.hour = 0, 24 * 30
        self.ended: dict[str, str] = {}
        self.processes = {
            name: Process(bus, lambda spec_of=spec_of: spec_of(SETTINGS, clock), clock)  # type: ignore[misc]
            for name, spec_of in SPECS.items()
        }

    @classmethod
    async def begin(cls, bus: RedisBus) -> "SmallStack":
        """A stack that has traded, so that every key is there that a stack has."""
        await bus.named_identity()
        await bus.note_library()
        await bus.agree_on_clock(ClockOrigin(origin_market_ns=T0, origin_wall_ns=T0, speed=1.0))
        stack = cls(bus, await a_market(bus))
        await stack.market.market_lease("market_data").acquire()
        await stack.market_moves()
        for service in ("market_data", "risk"):
            beat = Heartbeat(service=service, pid=1, state="ready", started_wall_ns=1, beat_wall_ns=1)
            await bus.set_heartbeat(beat, "market" if service == "market_data" else "portfolio")
        await stack.settle()
        await bus.propose(proposal("of-bot", quantity=Decimal("0.001"), time_ns=stack.clock.time_ns), "bot")
        await bus.report(next(each for each in samples() if isinstance(each, PlacedReported)), "bot")
        first = await stack.propose()
        assert first is not None
        assert first.verdict == "approve", first
        return stack

    async def market_moves(self) -> None:
        """A new bar, mark and book."""
        self.clock.time_ns += 24 * HOUR
        now_ns, price = self.clock.time_ns, PRICES["BTC"]
        day = bar(BTC, timeframe="1d", hour=self.hour, close=price)
        self.hour += 24
        mark = MarkChanged(id=f"m-{now_ns}", time_ns=now_ns, symbol=BTC, price=price)
        for work in (
            self.market.publish_bars([day]),
            self.market.set_marks([mark]),
            self.market.set_books([book(f"b-{now_ns}", time_ns=now_ns)]),
        ):
            try:
                await work
            except MisplacedKeyError:
                pass
            except FencedError:  # under a new epoch, as market_data would by a new start
                await self.market.market_lease("market_data").acquire()
        for name in ("risk", "execution", "sizing"):
            if (host := self.processes[name].host) is not None:
                host.inbox.renew(mark)

    async def settle(self) -> None:
        """Every machine does what there is to do, as far as it can. What ends it is known, and named."""
        for _ in range(ROUNDS):
            done = 0
            for name, process in self.processes.items():
                try:
                    if process.host is None and await self._waits_for_ever(name):
                        self.ended[name] = "somebody holds its lease who never has to renew it"
                        continue
                    if process.host is None:
                        process.host = MachineHost(
                            process.make_spec(), self.bus, self.clock, process.log, process.memory
                        )
                        await process.host.recover()
                    while found := await process.host.step(wait_ms=0):
                        done += found
                except KNOWN as error:
                    self.ended[name] = f"{type(error).__name__}: {error}"
                    assert process.host is not None
                    await process.host.lease.release()
                    process.host = None
                    done += 1
            if not done:
                break

    async def _waits_for_ever(self, name: str) -> bool:
        """Whether somebody else holds a machine's lease for good: whoever starts waits until it was repaired."""
        lease = machine_keys(MAIN.home, name).lease
        return await self.bus.client.type(lease) == b"string" and await self.bus.client.pttl(lease) == -1

    async def restart(self) -> None:
        """New processes in place of the old ones, which died."""
        for name, process in self.processes.items():
            if process.host is not None:
                await process.host.lease.release()
            self.processes[name] = Process(self.bus, process.make_spec, self.clock)

    async def propose(self, order_id: str = "") -> OrderDecided | None:
        """Propose a small order, and what was decided; None when nothing was."""
        self.orders += 1
        order = proposal(order_id or f"o-{self.orders}", quantity=Decimal("0.001"), time_ns=self.clock.time_ns)
        with suppress(MisplacedKeyError, ResponseError):
            await self.bus.publish([order])
        await self.settle()
        with suppress(MisplacedKeyError):
            found = await self.bus.latest(MAIN.of(DECIDED), 100)
            return next((each for each in found if isinstance(each, OrderDecided) and each.order_id == order.id), None)
        return None

    # --- repair -----------------------------------------------------------------------------------------------------

    @property
    def place(self) -> Stack:
        machines = [Machine(*each) for each in machine_homes(MAIN)]
        return Stack(
            client=self.bus.client,
            keys=MAIN,
            streams=sorted({key for keys in streams_of(SETTINGS, MAIN).values() for key in keys}),
            timeframes=PLAN.timeframes,
            machines=machines,
            reserves=next(each for each in machines if each.service == "risk"),
        )

    async def faults(self) -> list[KeyFault]:
        return await look(self.place)

    async def mended(self) -> list[str]:
        """Mend until nothing is wrong; the keys that were mended."""
        keys: list[str] = []
        for _ in range(3):
            found = await self.faults()
            for fault in found:
                if fault.mend is not None:
                    await fault.mend()
                    keys.append(fault.key)
            if not any(fault.mend for fault in found):
                return keys
        raise AssertionError(f"it is never mended: {await self.faults()}")


Poison = Callable[[RedisBus, str], Awaitable[object]]
FOREIGN_ROW = b"\xffname"
LAST_ID = f"{2**64 - 1}-{2**64 - 1}"


async def _garbage(bus: RedisBus, key: str) -> None:
    await bus.client.set(key, b"\xff\x00garbage")


async def _hash(bus: RedisBus, key: str) -> None:
    await bus.client.hset(key, mapping={FOREIGN_ROW: b"\xff\x00garbage"})


async def _list(bus: RedisBus, key: str) -> None:
    await bus.client.rpush(key, b"garbage")


async def _set(bus: RedisBus, key: str) -> None:
    await bus.client.sadd(key, b"garbage")


async def _sorted_set(bus: RedisBus, key: str) -> None:
    await bus.client.zadd(key, {b"garbage": 1.0})


async def _stream(bus: RedisBus, key: str) -> None:
    await bus.client.xadd(key, {"m": b"\xff\x00garbage"})


POISONS: dict[str, Poison] = {
    "string": _garbage, "hash": _hash, "list": _list, "set": _set, "zset": _sorted_set, "stream": _stream,
}  # fmt: skip
