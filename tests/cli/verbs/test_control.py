"""``halt``, ``resume`` and ``flatten`` as an operator types them, answered by a real risk service through Redis."""

import asyncio

from msgspec import structs

from shared.adapters.clocks import RealClock
from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import CONTROL, DECIDED
from shared.messages.control import Halt
from shared.messages.market import PairListed, PairStatus
from tests.cli.verbs.operators_stage import (
    HELD,
    Run,
    execution_service,
    risk_service,
    run,
)
from tests.domain.risk.approvals import approve
from tests.keys import MAIN

__all__ = ["run"]  # a fixture


async def test_a_kill_asks_back_before_it_is_resumed(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus) as host:
        halted = await asyncio.to_thread(run, "halt", "--reason", "odd prices")
        assert "HALTED    the portfolio (halted): odd prices" in halted.output
        kept = await asyncio.to_thread(run, "resume", "--reason", "odd", typed="n\n")
        assert kept.exit_code == 1
        assert "Resume the portfolio in spite of this?" in kept.output
        assert len(host.spec.machine.state.halts.all()) == 1  # type: ignore[attr-defined]
        ended = await asyncio.to_thread(run, "resume", "--reason", "all fine", typed="y\n")
        assert ended.exit_code == 0
        assert "resumed   the portfolio after" in ended.output
        assert host.spec.machine.state.halts.all() == []  # type: ignore[attr-defined]


async def test_who_can_not_be_asked_back_is_told_the_option_that_answers(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus):
        await asyncio.to_thread(run, "halt", "--reason", "odd prices")
        unasked = await asyncio.to_thread(run, "resume", "--reason", "fine")
        assert (unasked.exit_code, "Aborted" in unasked.stderr) == (1, False)
        code = unasked.stderr.partition("heatsink resume --reason WHY --code ")[2].strip()
        ended = await asyncio.to_thread(run, "resume", "--reason", "fine", "--code", code)
        assert "resumed   the portfolio after" in ended.output
        unsold = await asyncio.to_thread(run, "flatten")
        assert (unsold.exit_code, "--yes" in unsold.stderr) == (1, True)


async def test_a_halted_pair_resumes_in_one_step(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus):
        await asyncio.to_thread(run, "halt", "eth", "--reason", "odd", "--minutes", "30", "--reducing")
        ended = await asyncio.to_thread(run, "resume", "ETH", "--reason", "fine")
        assert (ended.exit_code, "resumed   ETH/USDT after" in ended.output) == (0, True)
    halts = [each for each in await redis_bus.latest(MAIN.of(CONTROL), 10) if isinstance(each, Halt)]
    assert [(each.symbol, each.mode, each.reason) for each in halts] == [("ETH/USDT", "reducing", "odd")]


async def test_a_refused_command_ends_with_an_error_that_says_why(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus):
        answer = await asyncio.to_thread(run, "resume", "ETH", "--reason", "fine")
        assert answer.exit_code == 1
        assert "Refused: ETH/USDT is not halted." in answer.stderr
        await asyncio.to_thread(run, "halt")
        wrong = await asyncio.to_thread(run, "resume", "--code", "12345678", "--reason", "fine")
        assert "nobody asked to resume the portfolio" in wrong.stderr


async def test_a_resume_without_a_reason_is_refused_here_or_by_the_service(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus):
        await asyncio.to_thread(run, "halt", "ETH")
        missing = await asyncio.to_thread(run, "resume", "ETH")
        assert (missing.exit_code, "--reason" in missing.stderr) == (2, True)
        blank = await asyncio.to_thread(run, "resume", "ETH", "--reason", " ")
        assert (blank.exit_code, "says nothing; say why trading resumes" in blank.stderr) == (1, True)
        ended = await asyncio.to_thread(run, "resume", "ETH", "--reason", "fine")
        assert (ended.exit_code, "resumed   ETH/USDT after" in ended.output) == (0, True)


async def test_flatten_asks_back_and_tells_the_verdict_on_every_sale(redis_bus: RedisBus, run: Run) -> None:
    async with execution_service(redis_bus), risk_service(redis_bus):
        await asyncio.to_thread(run, "halt", "--reason", "first")  # flatten works under a halt
        kept = await asyncio.to_thread(run, "flatten", typed="n\n")
        assert "1 ETH/USDT at 1,500 = $1,500" in kept.output
        assert "Cancel all orders and sell all of the portfolio at the market?" in kept.output
        assert await redis_bus.latest(MAIN.of(DECIDED), 10) == []
        sold = await asyncio.to_thread(run, "flatten", "--reason", "enough", typed="y\n")
        assert sold.exit_code == 0
        assert "proposed  sell 1 ETH/USDT at the market, by flatten" in sold.output
        assert "APPROVE   sell 1 ETH/USDT" in sold.output
        assert "ETH/USDT: sold 1 at 1,499.25" in sold.output


def listing(status: PairStatus) -> PairListed:
    return PairListed(id=status, time_ns=RealClock().now_ns(), symbol="ETH/USDT", status=status)


async def test_flatten_tells_what_execution_refused_and_a_write_off_takes_it_out_of_the_books(
    redis_bus: RedisBus, run: Run
) -> None:
    async with execution_service(redis_bus), risk_service(redis_bus):
        unheld = await asyncio.to_thread(run, "write-off", "BTC", "--reason", "gone")
        assert (unheld.exit_code, unheld.stdout) == (0, "Nothing to do: nothing is held of BTC/USDT.\n")
        trades = await asyncio.to_thread(run, "write-off", "ETH", "--reason", "gone", "--price", "9000")
        assert (trades.exit_code, trades.stdout) == (1, "")
        assert "Refused: ETH/USDT can be sold, for the exchange trades it: heatsink flatten ETH" in trades.stderr
        await redis_bus.publish([listing("halted")])
        paused = await asyncio.to_thread(run, "write-off", "ETH", "--reason", "gone", typed="y\n")
        assert (paused.exit_code, paused.stdout) == (1, "")
        assert "Refused: ETH/USDT is halted, which may pass; once it has had no price for 600 s" in paused.stderr
        await redis_bus.publish([listing("delisted")])
        kept = await asyncio.to_thread(run, "flatten", "ETH", "--yes")
        assert kept.exit_code == 1
        assert "ETH/USDT: approved, and rejected by execution: ETH/USDT is delisted; what cannot" in kept.output
        assert "Not sold: ETH/USDT." in kept.stderr
        written = await asyncio.to_thread(run, "write-off", "ETH", "--reason", "gone", "--price", "2", "--yes")
        assert (written.exit_code, "WRITE-OFF 1 ETH/USDT at 2 = $2.00" in written.output) == (0, True)
        assert "1 ETH/USDT, bought for $1,500: a loss of $1,498; $" in written.output
        nothing = await asyncio.to_thread(run, "write-off", "ETH", "--reason", "gone", "--yes")
        assert (nothing.exit_code, nothing.stderr) == (0, "")
        assert "Nothing to do: nothing is held of ETH/USDT." in nothing.stdout


async def test_an_order_of_which_its_client_says_nothing_is_written_off(redis_bus: RedisBus, run: Run) -> None:
    async with risk_service(redis_bus) as host:
        machine = host.spec.machine
        machine.state.client_orders = True  # type: ignore[attr-defined]
        approve(machine, structs.replace(HELD, order_id="mine-1", trade_id="t-1"))  # type: ignore[arg-type]
        kept = await asyncio.to_thread(run, "write-off-order", "mine-1", "--reason", "gone", typed="n\n")
        assert kept.exit_code == 1
        written = await asyncio.to_thread(run, "write-off-order", "mine-1", "--reason", "gone", "--yes")
        assert "WRITE-OFF buy 1 ETH/USDT, not filled (mine-1)" in written.output
        again = await asyncio.to_thread(run, "write-off-order", "mine-1", "--reason", "gone", "--yes")
        assert "order_id mine-1 is no open order" in again.output
        assert again.exit_code == 0
