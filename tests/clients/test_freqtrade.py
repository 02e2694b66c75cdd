"""Two days of unmodified freqtrade behind heatsink, with a strategy that wants more than any limit allows.

Both are killed in the middle. What has to hold is computed from freqtrade's own database, and compared with heatsink's
snapshots and fills. freqtrade runs on the market's clock, 720 times as fast as ours: its loop is its own, as in a live
bot, and only its clock and its sleeps are ours (``market_clock.c``).
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from threading import Event, Thread

import pytest
from heatsink_client import Gate, GateError
from heatsink_client.messages import PortfolioMarked

from shared.adapters.binance.account import open_account
from shared.adapters.clocks import ScaledClock
from shared.application.trade_comparison import compare_trades
from shared.domain.timeframes import SECOND_NS
from shared.messages.catalogue import DECIDED, EXECUTED, PORTFOLIO
from shared.messages.control import Flatten, Halt
from shared.messages.orders import OrderDecided, OrderFilled
from shared.ports.account import AccountTrade
from tests.clients.bot_stack import BotStack, bot_program, bot_stack
from tests.clients.freqtrade_bot import WALLET_USDT, FreqtradeBot
from tests.patience import patiently

SPEED, LEAST_USDT = 720.0, 50.0  # more than the commissions in coins leave over, in all of its trades
DAY_NS, HOUR_NS = 86_400 * SECOND_NS, 3_600 * SECOND_NS
HEAT, PAIR_CAP = 0.006, 0.05  # the first is lowered, so that it is reached by a few positions
MARGIN = 1.02  # of heat: between two looks of the watcher
LIMITS = {"HEATSINK_LIMITS__HEAT": str(HEAT), "HEATSINK_LIMITS__EQUITY_AT_RISK": "0.002"}
DRIFT = 1.10  # by which prices may have moved a position since it was approved

pytestmark = [pytest.mark.processes, pytest.mark.chaos, pytest.mark.stack(seconds=300)]


class Watcher:
    """Holds freqtrade's database against heatsink's snapshots, over and over.

    looks, agreed, over: how often it looked, both had the same positions, and prices had carried heat over its limit.
    faults: what did not hold, in words.
    """

    def __init__(self, bot: FreqtradeBot, url: str) -> None:
        self._bot, self._gate = bot, Gate(url, timeout=1)
        self.agreed, self.looks, self.over, self.most_heat, self.most_held = 0, 0, 0, 0.0, 0
        self.faults: list[str] = []
        self._below: set[str] = set()
        self._held: list[set[str]] = []

    def look(self) -> None:
        before = self._bot.held()
        try:
            snapshot = self._gate.portfolio(max_age=3)
        except GateError:
            return
        after = self._bot.held()
        self.looks += 1
        marks = {position.symbol: position for position in snapshot.positions}
        heat = sum(
            float(held.amount) * max(0.0, marks[pair].mark - held.stop) for pair, held in after.items() if pair in marks
        )
        self.most_heat, self.most_held = max(self.most_heat, heat / snapshot.nav), max(self.most_held, len(after))
        self._check_caps(snapshot, heat / snapshot.nav, set(after))
        if before == after and {p: h.amount for p, h in after.items()} == {p: m.quantity for p, m in marks.items()}:
            self.agreed += 1
            if heat / snapshot.nav > snapshot.heat_open + 1e-5:
                self.faults.append(
                    f"freqtrade risks {heat / snapshot.nav:.5f}, heatsink counts {snapshot.heat_open:.5f}"
                )
            below = {
                p for p, h in after.items() if (stop := marks[p].stop) is None or h.stop < float(stop) * (1 - 1e-9)
            }
            self.faults += [f"the stop of {pair} rests below the one counted on" for pair in below & self._below]
            self._below = below

    def _check_caps(self, snapshot: PortfolioMarked, heat: float, held: set[str]) -> None:
        """Prices may carry heat over its limit. Nothing more is bought then."""
        if heat > HEAT * MARGIN:
            self.over += 1
            if len(self._held) > 1 and held - self._held[0]:
                self.faults.append(f"{held - self._held[0]} bought at a heat of {heat:.5f}, the limit is {HEAT}")
            self._held = [*self._held, held][-2:]
        else:
            self._held = []
        for position in snapshot.positions:
            if position.notional_usdt > PAIR_CAP * DRIFT * snapshot.nav:
                self.faults.append(f"{position.symbol}: {position.notional_usdt / snapshot.nav:.3f} of NAV")

    @contextmanager
    def watching(self) -> Iterator[None]:
        ended = Event()

        def watch() -> None:
            while not ended.wait(0.25):
                self.look()

        thread = Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def until_market(stack: BotStack, bot: FreqtradeBot, days: float) -> None:
    """Until so much of the market has passed. It ends early where freqtrade does."""
    clock = ScaledClock(stack.origin)
    while clock.now_ns() < stack.origin.origin_market_ns + days * DAY_NS:
        assert bot.runs, bot.log.read_text()[-3000:]
        time.sleep(0.1)


def test_two_days_of_freqtrade_keep_to_every_limit_whoever_is_killed(tmp_path: Path) -> None:
    bot_program("freqtrade")
    with bot_stack(tmp_path, speed=SPEED, settings=LIMITS) as stack, ExitStack() as ended:
        bot = FreqtradeBot(stack, strategy="WantingBehindHeatsink", dry_run=True)
        ended.callback(bot.kill)
        watcher = Watcher(bot, stack.url)
        bot.start()
        patiently(lambda: len(bot.purchases()) >= 3)
        with watcher.watching():
            until_market(stack, bot, 0.5)
            bot.kill()
            bot.start()
            until_market(stack, bot, 1.0)
            bought_meanwhile = _with_heatsink_dead(stack, bot)
            until_market(stack, bot, 1.4)
            bought_while_halted = _halted(stack, bot)
            flattened = next(iter(bot.held()), "")
            stack.publish(Flatten(id="flatten", time_ns=0, symbol=flattened, who="a test", reason="to see it sold"))
            patiently(lambda: not _is_held_by_heatsink(stack, flattened))
            until_market(stack, bot, 2.1)
        _to_rest(stack, bot)

        assert bought_meanwhile == []
        assert bought_while_halted == 0
        assert watcher.faults == []
        assert watcher.agreed > watcher.looks / 2 > 100
        _check_the_books(stack, bot, watcher)


def _with_heatsink_dead(stack: BotStack, bot: FreqtradeBot) -> list[int]:
    """Kill all of it, its server too; start it again after a while. Returns how many purchases there were meanwhile."""
    stack.kill_heatsink()
    time.sleep(1.0)  # a purchase that was approved before may be on its way
    before = bot.purchases()
    until = time.monotonic() + 20
    counts = []
    while time.monotonic() < until:
        counts.append(len(bot.purchases() - before))
        time.sleep(0.2)
    stack.start_heatsink()
    assert bot.runs
    patiently(lambda: bot.purchases() - before)  # and it goes on
    return [count for count in counts if count]


def _halted(stack: BotStack, bot: FreqtradeBot) -> int:
    """Halt the portfolio for four hours of the market, and count the purchases from soon after the beginning on."""
    now_ns = ScaledClock(stack.origin).now_ns()
    until_ns = now_ns + 4 * HOUR_NS
    stack.publish(Halt(id="halt", time_ns=0, who="a test", reason="to see it stand", until_ns=until_ns))
    with Gate(stack.url) as gate:
        patiently(lambda: any(halt.trigger == "operator" for halt in gate.halts()))
    time.sleep(1.0)
    before = bot.purchases()
    until_market(stack, bot, (until_ns - HOUR_NS / 2 - stack.origin.origin_market_ns) / DAY_NS)
    return len(bot.purchases() - before)


def _is_held_by_heatsink(stack: BotStack, pair: str) -> bool:
    with Gate(stack.url) as gate:
        return pair in {position.symbol for position in gate.portfolio().positions}


async def _trades_there(stack: BotStack, bot: FreqtradeBot) -> dict[str, Sequence[AccountTrade]]:
    """Of each pair, as ``heatsink reconcile`` asks for them."""
    account = open_account(stack.exchange_url, "k", "s")
    try:
        pairs = {pair for _, pair, _, _ in bot.fills()}
        return {pair: await account.trades(pair) or [] for pair in pairs}
    finally:
        await account.close()


def _counts_on_what_rests(stack: BotStack, bot: FreqtradeBot) -> bool:
    """Whether there are stops at the exchange, and none below the one that heatsink counts on."""
    with Gate(stack.url) as gate:
        counted = {position.symbol: position.stop for position in gate.portfolio().positions}
    resting = bot.stops()
    return bool(resting) and all(price >= float(counted.get(pair) or 0) * (1 - 1e-9) for pair, price in resting.items())


def _to_rest(stack: BotStack, bot: FreqtradeBot) -> None:
    """freqtrade is halted, goes on until everything is told, and is killed then."""
    stack.publish(Halt(id="last", time_ns=0, who="a test", reason="the end"))
    with Gate(stack.url) as gate:
        patiently(lambda: any(not halt.symbol and not halt.until_ns for halt in gate.halts()))

        def is_same() -> bool:
            positions = {position.symbol: position.quantity for position in gate.portfolio().positions}
            return positions == {pair: held.amount for pair, held in bot.held().items()}

        patiently(is_same)
    time.sleep(2.0)
    bot.kill()


def _check_the_books(stack: BotStack, bot: FreqtradeBot, watcher: Watcher) -> None:
    filled = [message for message in stack.latest(EXECUTED) if isinstance(message, OrderFilled)]
    told = sorted((fill.side, fill.symbol, fill.quantity, fill.price) for fill in filled)
    assert told == bot.fills()
    snapshot = stack.latest(PORTFOLIO, 1)[0]
    spent = sum(
        (fill.quantity * fill.price * (1 if fill.side == "buy" else -1) + fill.fee_usdt for fill in filled), Decimal(0)
    )
    assert snapshot.cash == WALLET_USDT - spent
    decided = [message for message in stack.latest(DECIDED) if isinstance(message, OrderDecided)]
    bought = [message for message in decided if message.side == "buy"]
    approved = [message for message in bought if message.quantity_approved]
    assert max(message.heat_after for message in approved) <= HEAT
    verdicts = {verdict: sum(message.verdict == verdict for message in bought) for verdict in ("trim", "reject")}
    assert min(verdicts.values()) > 5
    assert {"portfolio_heat", "pair_cap_nav", "halted"} <= {message.binding for message in bought}
    looks = f"{watcher.looks} looks, {watcher.agreed} with equal positions, {watcher.over} over the limit"
    most = f"most heat {watcher.most_heat:.4%} of {HEAT:.2%}, {watcher.most_held} held"
    print(f"{len(told)} fills, {len(approved)} purchases approved, {verdicts}; {looks}; {most}")


def test_freqtrade_trades_live_on_the_simulated_exchange_and_all_three_agree(tmp_path: Path) -> None:
    """By limit orders and stops that rest there, with commissions taken out of the coin."""
    bot_program("freqtrade")
    with bot_stack(tmp_path, speed=SPEED, settings=LIMITS) as stack, ExitStack() as ended:
        bot = FreqtradeBot(stack, strategy="WantingBehindHeatsinkByLimit", dry_run=False)
        ended.callback(bot.kill)
        bot.start()
        patiently(lambda: len(bot.purchases()) >= 3)
        until_market(stack, bot, 0.3)
        patiently(bot.has_stored_what_it_sent)  # else it loses an order, which is left to its owner: not told here
        bot.kill()
        bot.start()
        until_market(stack, bot, 0.5)
        assert _halted(stack, bot) == 0
        until_market(stack, bot, 0.8)
        patiently(lambda: len(bot.fills()) > 10)
        patiently(lambda: _counts_on_what_rests(stack, bot))
        stack.publish(Halt(id="last", time_ns=0, who="a test", reason="the end"))
        with Gate(stack.url) as gate:
            patiently(lambda: any(not halt.symbol and not halt.until_ns for halt in gate.halts()))
            stack.publish(Flatten(id="flatten", time_ns=0, who="a test", reason="to see it sold"))
            patiently(lambda: not any(position.notional_usdt > LEAST_USDT for position in gate.portfolio().positions))
            patiently(lambda: not bot.held() and not gate.portfolio().open_orders)
            time.sleep(2.0)
            bot.kill()
            positions = {position.symbol: position.quantity for position in gate.portfolio().positions}
        filled = [message for message in stack.latest(EXECUTED) if isinstance(message, OrderFilled)]
        assert sorted((fill.side, fill.symbol, fill.quantity, fill.price) for fill in filled) == bot.fills()
        assert sum(fill.stop is True for fill in filled) == bot.stops_that_sold()
        assert compare_trades(filled, asyncio.run(_trades_there(stack, bot)), since_ms=0) == []
        assert stack.coins("k") == positions  # dust: what commissions left over
        cash, snapshot = stack.cash("k"), stack.latest(PORTFOLIO, 1)[0]
        assert abs(snapshot.cash - cash) < Decimal("0.01")
        print(f"{len(filled)} fills; cash {cash} at the exchange, {snapshot.cash} in the books")
