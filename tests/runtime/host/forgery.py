"""A portfolio on a real server whose services sign, and a stranger who can write to it whatever he likes."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from services import wiring
from services.execution.service import spec_of as execution_spec
from services.risk.service import spec_of as risk_spec
from services.sizing.service import spec_of as sizing_spec
from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import signatures_of, write_new_keys
from shared.config.model import Settings
from shared.domain.plan import Plan
from shared.messages.base import Message
from shared.messages.catalogue import DEAD, Topic
from shared.messages.dead_letter import MessageRefused
from shared.messages.market import MarkChanged
from shared.messages.signers import OPERATORS
from shared.runtime.host import MachineHost
from tests.domain.risk.risk_harness import PRICES, UNIVERSE
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines
from tests.runtime.host.risk_stage import PLAN, a_market, settle
from tests.samples import proposal

SPECS = {wiring.RISK: risk_spec, wiring.EXECUTION: execution_spec, wiring.SIZING: sizing_spec}


class Portfolio:
    """Its hosts by name. keys: their folder; empty where nothing is signed."""

    def __init__(self, bus: RedisBus, clock: ManualClock, keys: str, plan: Plan = PLAN) -> None:
        self.bus, self.clock, self.keys, self.plan = bus, clock, keys, plan
        self.hosts: dict[str, MachineHost] = {}

    @classmethod
    async def begin(cls, bus: RedisBus, folder: Path | None, plan: Plan = PLAN) -> "Portfolio":
        if folder is not None:
            write_new_keys(folder, wiring.key_holders())
        clock = await a_market(bus)
        await bus.set_marks(
            [
                MarkChanged(id=f"mark-{base}", time_ns=clock.now_ns(), symbol=f"{base}/USDT", price=price)
                for base, price in PRICES.items()
            ]
        )
        portfolio = cls(bus, clock, str(folder or ""), plan)
        for service in (wiring.RISK, wiring.EXECUTION):
            await portfolio.start(service)
        return portfolio

    def bus_of(self, writer: str) -> RedisBus:
        return RedisBus(self.bus.client, MAIN, signatures=signatures_of(self.keys, writer))

    async def start(self, service: str) -> MachineHost:
        """One more host of it, in place of one before."""
        if service in self.hosts:
            await self.hosts[service].lease.release()
        spec = SPECS[service](Settings(universe=UNIVERSE, plan=self.plan), self.clock)
        self.hosts[service] = host = MachineHost(spec, self.bus_of(service), self.clock, LogLines())
        await host.recover()
        return host

    async def work(self) -> None:
        for host in (*self.hosts.values(), *self.hosts.values()):
            await settle(host)

    async def buy(self, order_id: str, quantity: str = "0.1") -> None:
        await self.bus.publish([proposal(order_id, quantity=Decimal(quantity), stop_price=Decimal(19_000))])
        await self.work()

    async def command(self, *commands: Message) -> None:
        await self.bus_of(OPERATORS).publish(commands)
        await self.work()

    # --- the stranger -------------------------------------------------------------------------------------------------

    async def forge(self, message: Message, topic: Topic, *, signature: bytes = b"") -> int:
        """Write it as anybody can, and let the services read it. Returns how many forgeries there are: 1."""
        fields = {"m": encode(message)} | ({"s": signature} if signature else {})
        before = await self.bus.client.xlen(MAIN.of(topic))
        await self.bus.client.xadd(MAIN.of(topic), fields)
        written = int(await self.bus.client.xlen(MAIN.of(topic))) - int(before)
        await self.work()
        return written

    async def copy(self, topic: Topic, entry: int = -1, to: str = "") -> int:
        """Write an entry that is there once more, signature and all."""
        rows = await self.bus.client.xrange(MAIN.of(topic))
        await self.bus.client.xadd(to or MAIN.of(topic), rows[entry][1])
        await self.work()
        return 1

    async def entries(self, topic: Topic) -> Sequence[dict[bytes, bytes]]:
        return [fields for _, fields in await self.bus.client.xrange(MAIN.of(topic))]

    async def refused(self) -> list[MessageRefused]:
        found = await self.bus.latest(DEAD.key, 100)
        return [letter for letter in reversed(found) if isinstance(letter, MessageRefused)]
