"""The services shorten their streams all the time, here to very few entries: what a reader needs has to stay."""

import asyncio

from shared.adapters.memory_server import MemoryServer
from tests.keys import MAIN
from tests.simulation.seeded.chance import Chance
from tests.simulation.seeded.watch import Watch

MOST_KEPT = 12
MOST_SECONDS = 2.0


class Trimming:
    """Shortens streams of the portfolio. Those of the market are history, from which machines begin."""

    def __init__(self, server: MemoryServer, watch: Watch, chance: Chance) -> None:
        self._server, self._watch, self._random, self._chance = server, watch, chance.actors, chance

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(0.2, MOST_SECONDS))
            for stream in [key for key in self._server.streams if key.startswith(MAIN.home)]:
                before = self._server.gone[stream]
                self._watch.read_answers()
                self._server.trim(stream, self._random.randint(0, MOST_KEPT))
                if self._server.gone[stream] > before:
                    self._chance.count("trimmed")
