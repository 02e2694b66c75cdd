"""A whole stack on a real server, whose machines fail at an entry of each of their streams: it lives, and halts."""

from dataclasses import replace
from decimal import Decimal

from services.wiring import machine_specs
from shared.adapters.clocks import ManualClock
from shared.adapters.redis.bus import RedisBus
from shared.config.model import Settings
from shared.domain.plan import BreakerPlan, Limits
from shared.messages.catalogue import DEAD, DECIDED, HALTS, PORTFOLIO, SET_ASIDE
from shared.messages.control import Resume
from shared.messages.dead_letter import EntrySetAside, MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderDecided
from shared.messages.portfolio import PortfolioMarked
from shared.runtime.machine_spec import MachineSpec
from tests.domain.market_scripts import BTC, ETH, HOUR, T0, UNIVERSE, days, listed, mark, ohlc, one_hour_plan
from tests.keys import MAIN
from tests.runtime.host.fragile_machine import Fragile, poison_of
from tests.runtime.host.process import Process
from tests.samples import proposal

SPEED = 3600.0
NOW_NS = T0 + HOUR


def specs(clock: ManualClock) -> dict[str, MachineSpec]:
    plan = one_hour_plan(
        phase="dry_run", limits=Limits(book_age_seconds=0.0), breakers=BreakerPlan(off=("gap", "market_shock", "feed"))
    )
    made = machine_specs(Settings(universe=UNIVERSE, plan=plan), clock)
    return {spec.service: replace(spec, machine=Fragile(spec.machine)) for spec in made}


async def decision_on(bus: RedisBus, order_id: str) -> OrderDecided:
    found = await bus.latest(MAIN.of(DECIDED), 100)
    return next(each for each in found if isinstance(each, OrderDecided) and each.order_id == order_id)


async def test_a_poison_entry_in_every_stream_of_every_service_is_set_aside_and_the_stack_lives(
    redis_bus: RedisBus,
) -> None:
    bus, clock = redis_bus, ManualClock(speed=SPEED)
    clock.time_ns = NOW_NS
    stack = {name: Process(bus, lambda name=name: specs(clock)[name], clock) for name in specs(clock)}

    async def settle() -> None:
        while sum([await process.settle() for process in stack.values()]):
            pass

    await bus.publish([listed(BTC), listed(ETH)])
    await bus.publish_bars([bar for symbol in (BTC, ETH) for bar in days(70, symbol=symbol, atr_pct=0.05)])
    await bus.set_marks([mark(100.0, hour=1, symbol=symbol) for symbol in (BTC, ETH)])
    await settle()

    read = {(name, stream) for name, spec in specs(clock).items() for stream in spec.inputs}
    for stream in sorted({stream for _, stream in read}):
        await bus.publish([poison_of(stream, ETH, NOW_NS)])
    await bus.publish([proposal("o-1", symbol=BTC, quantity=Decimal(1), stop_price=Decimal(95), time_ns=NOW_NS)])
    await settle()

    letters = [each for each in await bus.latest(DEAD.key, 1000) if isinstance(each, MessageRefused)]
    assert {(letter.consumer, letter.source) for letter in letters} == read
    assert len(letters) == len(read)
    asides = [each for each in await bus.latest(SET_ASIDE.key, 1000) if isinstance(each, EntrySetAside)]
    told = {(aside.service, aside.source) for aside in asides if not aside.id.startswith("poison")}
    assert told == {(name, stream) for name, stream in read if stream != SET_ASIDE.key}
    halts = [each for each in await bus.latest(MAIN.of(HALTS), 1000) if isinstance(each, Halted)]
    assert {halt.symbol for halt in halts if halt.trigger == "set_aside"} == {"", BTC, ETH}
    assert (await decision_on(bus, "o-1")).binding == "halted"

    for symbol in ("", BTC):
        await bus.publish(
            [Resume(id=f"resume-{symbol[:3]}", time_ns=NOW_NS, who="ana", reason="mended", symbol=symbol)]
        )
    await bus.publish([ohlc(0, 100, 100, 100, 100)])
    await bus.publish([proposal("o-2", symbol=BTC, quantity=Decimal(1), stop_price=Decimal(95), time_ns=NOW_NS)])
    await settle()
    assert (await decision_on(bus, "o-2")).verdict in ("approve", "trim")
    [marked] = [each for each in await bus.latest(MAIN.of(PORTFOLIO)) if isinstance(each, PortfolioMarked)]
    assert [position.symbol for position in marked.positions] == [BTC]
