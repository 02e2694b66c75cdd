"""The shipped simulated exchange as a process of its own, which no server has to be there for.

``lone_exchange.py PORT ORIGIN_MARKET_NS ORIGIN_WALL_NS SPEED CONFIG_DIR``
"""

import asyncio
import sys
from pathlib import Path

from services.exchange_sim.exchange import ExchangeOptions, SimulatedExchange
from services.exchange_sim.market.generated import GeneratedMarket
from services.exchange_sim.market.market import Market
from shared.adapters.clocks import ScaledClock
from shared.config.load import load_settings
from shared.domain.timeframes import MS_NS
from shared.ports.clock import ClockOrigin

SEED, WEIGHT = 7, 1_000_000


async def main(port: str, market_ns: str, wall_ns: str, speed: str, folder: str) -> None:
    origin = ClockOrigin(origin_market_ns=int(market_ns), origin_wall_ns=int(wall_ns), speed=float(speed))
    universe = load_settings(config_dir=Path(folder), environ={}).universe
    market = Market(GeneratedMarket(universe, SEED, origin.origin_market_ns // MS_NS))
    exchange = SimulatedExchange(
        market, ScaledClock(origin), ExchangeOptions(tick_ms=50, weight_per_minute=WEIGHT, cash_usdt=200_000.0)
    )
    async with exchange.running("127.0.0.1", int(port)):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
