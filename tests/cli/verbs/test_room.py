"""``heatsink room`` and ``heatsink shadow``, answered by a risk machine over a real server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from services.cli.__main__ import app
from shared.adapters.clocks import RealClock
from shared.adapters.codec import decode, encode
from shared.adapters.redis.bus import RedisBus
from shared.domain.plan import Limits
from shared.messages.ask import RoomAnswered, ShadowCounted
from shared.messages.catalogue import ASK
from shared.messages.control import Halt
from shared.ports.clock import ClockOrigin
from tests.domain.risk.risk_harness import RiskHarness
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS
from tests.samples import HOUR, T0

Verb = Callable[..., Awaitable[Result]]


@asynccontextmanager
async def answering(url: str, harness: RiskHarness) -> AsyncIterator[None]:
    """Something that hears questions and answers on the asker's channel, as the risk service does."""

    async def answer(bus: RedisBus, listener: object) -> None:
        while True:
            heard = await listener.next(0.1)  # type: ignore[attr-defined]
            if heard is None:
                continue
            for message in harness.handle(decode(heard[1], ASK.messages)):
                assert isinstance(message, RoomAnswered | ShadowCounted)
                await bus.client.publish(message.reply_to, b"not a message")
                await bus.client.publish(message.reply_to, encode(message))

    async with RedisBus.open(url, MAIN) as bus, bus.listen(MAIN.of(ASK)) as listener, asyncio.TaskGroup() as group:
        task = group.create_task(answer(bus, listener))
        yield
        task.cancel()


@pytest.fixture
def harness() -> RiskHarness:
    return RiskHarness(shadow=Limits(heat=0.06, book_age_seconds=0.0))


@pytest.fixture
async def verb(valkey_server: str, tmp_path: Path, harness: RiskHarness) -> AsyncIterator[Verb]:
    """Runs a verb while the harness answers; the verb has an event loop, so it runs in a thread."""
    async with RedisBus.open(valkey_server, MAIN) as bus:
        await bus.client.flushall()
        await bus.agree_on_clock(
            ClockOrigin(origin_market_ns=T0 + HOUR, origin_wall_ns=RealClock().wall_ns(), speed=60.0)
        )

    def run(*arguments: str) -> Awaitable[Result]:
        parts = [*arguments, "--redis-url", valkey_server, "--data", str(tmp_path)]
        return asyncio.to_thread(CliRunner().invoke, app, parts)

    async with asyncio.timeout(PATIENCE_SECONDS), answering(valkey_server, harness):
        yield run


def flat(text: str) -> str:
    return " ".join(text.split())


async def test_room_of_one_pair_is_a_sentence_and_every_ceiling(verb: Verb, harness: RiskHarness) -> None:
    result = await verb("room", "eth")
    text = flat(result.stdout)
    assert "At most 6.6666 ETH = $10,000 could be bought now with a stop at " in text
    assert "ETH/USDT, by its share of NAV, has $10,000 of $10,000 left." in text
    assert "> pair_cap_nav 6.66667 ETH = $10,000 $10,000 $0.00 $10,000" in text
    assert "portfolio_heat" in text
    assert "phase live" in text
    assert "nothing was reserved" in text
    assert harness.machine.state.heat.reserved_risk == 0.0


async def test_room_of_all_pairs_is_a_table_with_one_row_each(verb: Verb, harness: RiskHarness) -> None:
    harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="odd prices", symbol="XRP/USDT"))
    lines = [flat(line) for line in (await verb("room")).stdout.splitlines()]
    assert lines[0] == "pair could buy notional stop set by why"
    assert any(line.startswith("BTC/USDT 0.5 $10,000") and "pair_cap_nav" in line for line in lines)
    assert any(line.startswith("XRP/USDT nothing") and "odd prices" in line for line in lines)
    assert len(lines) == 1 + 7 + 1


async def test_room_with_a_price_of_its_own_takes_it_exactly(verb: Verb) -> None:
    result = await verb("room", "ETH", "--stop", "1400.5", "--json")
    answer = json.loads(result.stdout)
    assert answer["rooms"][0]["stop_price"] == "1400.5"
    limited = await verb("room", "ETH", "--limit", "1600")
    assert "its limit price 1,600 is over the collar, 1,530" in flat(limited.stdout)


async def test_room_of_a_halted_pair_says_who_may_clear_it(
    verb: Verb, harness: RiskHarness, valkey_server: str
) -> None:
    halted = harness.handle(Halt(id="h", time_ns=harness.now_ns, who="ana", reason="odd prices", symbol="ETH/USDT"))
    async with RedisBus.open(valkey_server, MAIN) as bus:
        await bus.publish(halted)
    text = flat((await verb("room", "ETH")).stdout)
    assert "Nothing of ETH/USDT could be bought now: nothing new is let into ETH/USDT since " in text
    assert "by ana, operator: odd prices; an operator may clear it: heatsink resume ETH --reason WHY" in text


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [
        ("abc", "'abc' is no price; write it like 1500.25"),
        ("-5", "-5 must be above 0"),
        ("0", "0 must be above 0"),
        ("nan", "nan must be above 0"),
    ],
)
def test_a_price_that_is_none_is_refused_before_anything_is_asked(wrong: str, remedy: str) -> None:
    result = CliRunner().invoke(app, ["room", "ETH", f"--stop={wrong}"])
    assert result.exit_code == 2
    assert remedy in " ".join(result.stderr.split())


def test_a_price_without_a_pair_is_refused() -> None:
    assert CliRunner().invoke(app, ["room", "--stop", "100"]).exit_code == 2


async def test_room_of_a_pair_that_the_service_does_not_have_says_what_it_says(verb: Verb) -> None:
    result = await verb("room", "DOGE")  # in the shipped universe, not on the harness
    assert result.exit_code == 1
    assert "The risk service says: symbol 'DOGE/USDT' is not in the universe" in result.stderr


async def test_shadow_tells_the_sentence_and_the_rules(verb: Verb, harness: RiskHarness) -> None:
    harness.buy("ETH/USDT", "1")
    result = await verb("shadow")
    assert "none of 1 order " in result.stdout
    assert "shadow policy" in result.stdout
    assert json.loads((await verb("shadow", "--json")).stdout)["decisions"] == 1
