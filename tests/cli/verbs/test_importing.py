"""``heatsink import positions`` as an operator types it, answered by a real risk service through Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.cli.verbs.options import operator_name
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import ASK, AUDIT, CONTROL, DECIDED
from shared.messages.orders import ImportDecided
from shared.messages.portfolio import PositionsImported
from shared.runtime.host import MachineHost
from tests.cli.verbs.operators_stage import Run, execution_service, run
from tests.cli.verbs.operators_stage import risk_service as silent_risk_service
from tests.domain.risk.risk_harness import D
from tests.keys import MAIN

__all__ = ["run"]  # a fixture
WHY = ("--reason", "moved from the old bot")


@asynccontextmanager
async def risk_service(bus: RedisBus) -> AsyncIterator[MachineHost]:
    """The risk service of the scene, which hears questions too."""
    keys = bus.keys
    async with silent_risk_service(bus) as host, bus.listen(keys.of(ASK)) as listener:
        hearing = asyncio.ensure_future(host.inbox.follow(listener))
        yield host
        hearing.cancel()


def file_of(folder: Path, *rows: str) -> str:
    path = folder / "held.csv"
    path.write_text("\n".join(("pair,quantity,cost,stop", *rows)))
    return str(path)


async def test_an_import_is_shown_asked_about_and_booked(redis_bus: RedisBus, run: Run, tmp_path: Path) -> None:
    file = file_of(tmp_path, "BTC,1,18250.5,19100", "cash,50000,,")
    async with execution_service(redis_bus), risk_service(redis_bus) as host:
        kept = await asyncio.to_thread(run, "import", "positions", file, *WHY, typed="n\n")
        assert kept.exit_code == 1
        shown = " ".join(kept.stdout.split())
        assert "BTC/USDT 1 18,250.5 20,000 $1,750 19,100 $20,000 $9" in shown
        assert "cash $198,499 $50,000" in shown
        assert "NAV $199,999 $71,500" in shown
        assert "over the limits: BTC/USDT: $20,000 held and on order, the cap is $3,575 (5.00% of NAV)" in kept.stdout
        assert "It comes in all the same." in kept.stdout
        assert "Take this into the books?" in kept.stdout
        assert await redis_bus.latest(MAIN.of(CONTROL), 10) == []
        booked = await asyncio.to_thread(run, "import", "positions", file, *WHY, "--yes")
        assert booked.exit_code == 0
        assert "IMPORT    1 BTC/USDT: NAV $199,999 -> $71,500, cash $50,000" in booked.stdout
        ledger = host.spec.machine.state.ledger  # type: ignore[attr-defined]
        assert (ledger.account.cash, ledger.quantity("BTC/USDT")) == (50_000, 1)
    [imported] = [each for each in await redis_bus.latest(MAIN.of(AUDIT), 10) if isinstance(each, PositionsImported)]
    assert (imported.who, imported.reason) == (operator_name(), "moved from the old bot")
    [told] = [each for each in await redis_bus.latest(MAIN.of(DECIDED), 10) if isinstance(each, ImportDecided)]
    assert (told.symbol, told.quantity, told.stop_price) == ("BTC/USDT", 1, D(19_100))


async def test_what_does_not_fit_is_told_before_anybody_is_asked(redis_bus: RedisBus, run: Run, tmp_path: Path) -> None:
    file = file_of(tmp_path, "ETH,1,,", "BTC,1,,21000")
    async with risk_service(redis_bus):
        told = await asyncio.to_thread(run, "import", "positions", file, *WHY, "--yes")
        assert told.exit_code == 1
        assert "Nothing can be imported:" in told.stderr
        assert "ETH/USDT: the pair is in the books already: 1 ETH/USDT held; leave it out." in told.stderr
        assert "BTC/USDT: stop 21000 is not below the price of 20000" in told.stderr
        assert await redis_bus.latest(MAIN.of(CONTROL), 10) == []


async def test_a_fault_of_the_file_is_told_with_its_line(redis_bus: RedisBus, run: Run, tmp_path: Path) -> None:
    told = await asyncio.to_thread(run, "import", "positions", file_of(tmp_path, "BTC,one,,"), *WHY)
    assert (told.exit_code, "held.csv: line 2: quantity 'one' is no amount" in told.stderr) == (1, True)


async def test_where_nobody_can_be_asked_nothing_is_booked(redis_bus: RedisBus, run: Run, tmp_path: Path) -> None:
    async with risk_service(redis_bus):
        unasked = await asyncio.to_thread(run, "import", "positions", file_of(tmp_path, "BTC,1,,"), *WHY)
        assert (unasked.exit_code, "Nothing was done" in unasked.stderr, "--yes" in unasked.stderr) == (1, True, True)
        assert await redis_bus.latest(MAIN.of(CONTROL), 10) == []
