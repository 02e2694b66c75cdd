"""The simulated exchange as a service: it sets the stack's clock and serves its market by it.

Gives out nothing on the bus but the clock (``hs:clock``); everything else goes over Binance's REST and stream protocol.
"""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from services import wiring
from services.exchange_sim.beginning import begun_with_readers
from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.faults import ScriptedFault, read_script
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from services.exchange_sim.market.replayed import ReplayedMarket
from shared.adapters.clocks import ScaledClock
from shared.adapters.private_files import password_in
from shared.config.faults import ConfigError, Fault
from shared.config.model import Settings, SimulatorSettings
from shared.domain.timeframes import LAST_DATE, MS_NS, SECOND_NS, iso_ns
from shared.domain.universe import Universe
from shared.ports.clock import WAITING, ClockOrigin
from shared.runtime.service import Context, Service

FACT_SECONDS = 1.0


def market_of(simulator: SimulatorSettings, universe: Universe, start_ms: int) -> Market:
    """The market that the settings ask for, as it is from ``start_ms`` on. Raises ``ConfigError``: starting again would
    find the same file.
    """
    if not simulator.replay:
        if not iso_ns(simulator.first_date) <= start_ms * MS_NS <= iso_ns(LAST_DATE):
            problem = f"market time would begin at {_iso(start_ms * MS_NS)}, and there is no market then"
            remedy = f"Write a date from {simulator.first_date} to {LAST_DATE}, or set the clock of this machine."
            raise ConfigError([Fault("stack.toml", "simulator.start", simulator.start, problem, remedy)])
        return Market(GeneratedMarket(universe, simulator.seed, start_ms))
    try:
        return Market(ReplayedMarket(Path(simulator.replay), start_ms))
    except ValueError as error:
        remedy = "Name a file of klines that has that date, or another date."
        raise ConfigError([Fault("stack.toml", "simulator.replay", simulator.replay, str(error), remedy)]) from error


def check(settings: Settings) -> None:
    """What the service reads for itself alone, before it runs. Raises ``ConfigError``."""
    script_of(settings.simulator)


def script_of(simulator: SimulatorSettings) -> tuple[ScriptedFault, ...]:
    """The faults to come. Raises ``ConfigError``."""
    if not simulator.faults:
        return ()
    try:
        return read_script(Path(simulator.faults))
    except (OSError, ValueError) as error:
        remedy = "Mend the script of faults, or leave it out."
        raise ConfigError([Fault("stack.toml", "simulator.faults", simulator.faults, str(error), remedy)]) from error


def _token_of(simulator: SimulatorSettings) -> str:
    """The token of whoever may give it faults; made now where there is none. Raises ``ConfigError``."""
    if not simulator.token_file:
        return ""
    try:
        return password_in(Path(simulator.token_file))
    except (OSError, ValueError) as error:
        remedy = "Name a file in a folder that can be written, or leave it empty: then nobody may give faults."
        raise ConfigError(
            [Fault("stack.toml", "simulator.token_file", simulator.token_file, str(error), remedy)]
        ) from error


async def run(context: Context) -> None:
    """Serve until cancelled. A clock that was set before goes on: a restarted exchange is where it would be."""
    settings, simulator = context.settings, context.settings.simulator
    earlier = await context.bus.clock_origin()
    start_ns = earlier.origin_market_ns if earlier is not None else simulator.start_ns(context.clock.wall_ns())
    # In a thread: a long recording takes its time, and the heart beats meanwhile.
    market = await asyncio.to_thread(market_of, simulator, settings.universe, start_ns // MS_NS)
    options = ExchangeOptions(
        weight_per_minute=settings.exchange.weight_per_minute,
        seed=simulator.seed,
        script=script_of(simulator),
        token=_token_of(simulator),
        names=(*simulator.hosts, urlsplit(settings.exchange.url).hostname or ""),
    )
    # Time begins when the market is ready to be asked, so that loading a recording costs none of it.
    clock = await _agreed_clock(context, start_ns)
    exchange = SimulatedExchange(market, clock, options)
    async with exchange.running(simulator.host, simulator.port) as port:
        context.log.info(
            "exchange_listening",
            url=f"http://{simulator.host}:{port}",
            market=simulator.replay or f"generated, seed {simulator.seed}",
            pairs=len(market.listed(clock.now_ns() // MS_NS)),
            market_time=_iso(clock.now_ns()),
            speed=clock.speed,
        )
        context.health.ready()
        if clock.origin.is_waiting:
            clock.origin = await begun_with_readers(context, simulator.wait_seconds)
        await _report(context, exchange, clock)


async def _agreed_clock(context: Context, start_ns: int) -> ScaledClock:
    """The clock that the stack has already, or a new one that begins here."""
    simulator, wall_ns = context.settings.simulator, context.clock.wall_ns()
    begins_wall_ns = WAITING if simulator.wait_seconds else 0
    origin = await context.bus.agree_on_clock(
        ClockOrigin(
            origin_market_ns=start_ns, origin_wall_ns=wall_ns, speed=simulator.speed, begins_wall_ns=begins_wall_ns
        )
    )
    if origin.speed != simulator.speed or (simulator.start and simulator.start_ns(wall_ns) != start_ns):
        context.log.warning(
            "clock_continued", speed=origin.speed, started_at=_iso(start_ns), reason="hs:clock was set before"
        )
    return ScaledClock(origin)


async def _report(context: Context, exchange: SimulatedExchange, clock: ScaledClock) -> None:
    """Tell how the exchange is doing, and once that its recording has ended."""
    end_ms, has_ended = exchange.market.end_ms, False
    while True:
        if not has_ended and end_ms is not None and clock.now_ns() // MS_NS >= end_ms:
            has_ended = True
            context.log.warning("recording_ended", reason="no pair trades any more", market_time=_iso(clock.now_ns()))
        context.health.fact(connections=len(exchange.hub.connections), faults=exchange.faults.happened.total())
        await clock.sleep_wall(FACT_SECONDS)


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns // SECOND_NS, UTC).isoformat()


SERVICE = Service(wiring.EXCHANGE_SIM, run, wiring.scope_of(wiring.EXCHANGE_SIM), keeps_time=True)
