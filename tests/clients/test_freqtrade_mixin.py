"""What the mixin for freqtrade does with real risk and execution services, for a bot whose books are kept by hand."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from heatsink_client import Gate, StaleError
from heatsink_freqtrade import BehindHeatsink
from heatsink_freqtrade.asking import Asking
from heatsink_freqtrade.books import BotOrder, BotTrade

from shared.adapters.redis.bus import RedisBus
from shared.messages.catalogue import EXECUTED
from shared.messages.control import Flatten
from shared.messages.orders import OrderClosed, OrderFilled, StopPlaced
from shared.messages.reports import ReportAwaited, ReportRefused
from tests.clients.gate_harness import CLIENT_EXECUTES, RunningGate, running_gate
from tests.keys import MAIN
from tests.patience import patiently

D = Decimal
PRICE, STOP = 100.0, 95.0
needs_processes = pytest.mark.processes


@dataclass
class HandBooks:
    """freqtrade's, of which a test says what stands in them."""

    by_id: dict[str, BotOrder] = field(default_factory=dict)
    held: dict[str, BotTrade] = field(default_factory=dict)
    is_dry_run: bool = True
    stops_at_exchange: bool = False

    def trades(self) -> list[BotTrade]:
        return [*self.held.values()]

    def orders(self) -> list[BotOrder]:
        return [*self.by_id.values()]

    def order(self, pair: str, order_id: str) -> BotOrder | None:
        return self.by_id.get(order_id)

    def is_lost(self, pair: str, side: str, since: float) -> bool | None:
        return False

    def tick(self, pair: str, price: float, *, up: bool) -> Decimal:
        return D(str(price))

    def trade(self, side: str, order_id: str, quantity: float, pair: str = "BTC/USDT", *, price: float = PRICE) -> None:
        """An order that filled at once, and what it made of the position."""
        amount = D(str(quantity))
        self.by_id[order_id] = BotOrder(
            order_id=order_id, pair=pair, side=side, quantity=amount, filled=amount, price=D(str(price)),
            fee_usdt=D("0.1"), is_open=False, is_limit=False,
        )  # fmt: skip
        if side == "buy":
            at_exchange = 0.0 if self.stops_at_exchange else None
            self.held[pair] = BotTrade(pair=pair, amount=amount, stop_loss=STOP, at_exchange=at_exchange)
        else:
            del self.held[pair]

    def open_sale(self, order_id: str, quantity: float, pair: str) -> None:
        """One that rests at the exchange."""
        self.trade("sell", order_id, quantity, pair, price=PRICE * 1.5)
        self.by_id[order_id] = replace(self.by_id[order_id], filled=D(0), is_open=True, is_limit=True)
        self.hold(quantity, pair)

    def hold(self, quantity: float, pair: str) -> None:
        self.held[pair] = BotTrade(pair=pair, amount=D(str(quantity)), stop_loss=STOP)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    with running_gate(tmp_path_factory.mktemp("gate"), "execution", settings=CLIENT_EXECUTES) as gate:
        yield gate


@pytest.fixture
def gate(running: RunningGate) -> Iterator[Gate]:
    with Gate(running.url, strategy="bot", timeout=60) as gate:
        yield gate


@pytest.fixture
def books() -> HandBooks:
    return HandBooks()


def asking(running: RunningGate, folder: Path, books: HandBooks, *, timeout: float = 60) -> Asking:
    made = Asking(Gate(running.url, strategy="bot", timeout=timeout), folder / "journal.sqlite", books)
    made.round()
    return made


def wanted(bot: Asking, prefix: str, stake: float = 100.0, pair: str = "BTC/USDT") -> float:
    return bot.stake(prefix, pair, stake, PRICE, least=5.0, stop=STOP, is_limit=False)


def buy(bot: Asking, books: HandBooks, prefix: str, order_id: str, pair: str = "BTC/USDT") -> None:
    stake = wanted(bot, prefix, pair=pair)
    assert stake > 0
    assert bot.may_send(pair, stake / PRICE)
    books.trade("buy", order_id, stake / PRICE, pair)
    bot.filled(pair, order_id)


def sell(bot: Asking, books: HandBooks, order_id: str, pair: str = "BTC/USDT") -> None:
    amount = float(books.held[pair].amount)
    bot.sell(pair, amount, PRICE, is_limit=False)
    books.trade("sell", order_id, amount, pair)
    bot.filled(pair, order_id)


def positions(gate: Gate) -> dict[str, Decimal] | None:
    """What is held; None until a gate that was killed says it again."""
    try:
        return {position.symbol: position.quantity for position in gate.portfolio().positions}
    except StaleError:
        return None


def said(running: RunningGate, kind: type[Any]) -> list[Any]:
    """On ``executed``, newest first."""

    async def latest(bus: RedisBus) -> list[Any]:
        return [message for message in await bus.latest(MAIN.of(EXECUTED), 10_000) if isinstance(message, kind)]

    return running.run_on_bus(latest)


@needs_processes
def test_a_stake_is_trimmed_to_what_the_gate_allows_and_nothing_more_is_sent(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    allowed = wanted(bot, "t1-", stake=150_000.0)
    assert 5_000 < allowed < 20_000
    assert not bot.may_send("BTC/USDT", allowed / PRICE * 1.01)
    assert not bot.may_send("ETH/USDT", 0.1)
    patiently(lambda: gate.portfolio().open_orders == 1)
    bot.round()  # freqtrade did not place it: the reservation is given back
    patiently(lambda: gate.portfolio().open_orders == 0)
    assert not bot.may_send("BTC/USDT", allowed / PRICE)


@needs_processes
def test_purchases_and_sales_are_booked_as_freqtrade_has_them(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t2-", "two", "ETH/USDT")
    patiently(lambda: [(p.quantity, p.stop) for p in gate.portfolio().positions] == [(D(1), D(95))])
    sell(bot, books, "three", "ETH/USDT")
    patiently(lambda: positions(gate) == {})
    filled = said(running, OrderFilled)
    assert [(f.side, f.quantity, f.price, f.fee_usdt) for f in filled[:2]] == [
        ("sell", D(1), D(100), D("0.1")),
        ("buy", D(1), D(100), D("0.1")),
    ]
    bot.round()  # everything is told already
    assert len(said(running, OrderFilled)) == len(filled)


@needs_processes
def test_a_rejected_purchase_is_not_asked_for_again_on_the_same_candle(
    running: RunningGate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    assert bot.stake("t3-", "BTC/USDT", 100.0, PRICE, least=5.0, stop=101.0, is_limit=False) == 0.0
    before = len(running.decisions())
    assert wanted(bot, "t3-") == 0.0
    assert len(running.decisions()) == before
    assert wanted(bot, "t3b-") > 0
    bot.round()


@needs_processes
def test_what_may_be_bought_for_less_than_the_exchanges_minimum_is_given_back(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    assert bot.stake("t4-", "BTC/USDT", 100.0, PRICE, least=500.0, stop=STOP, is_limit=False) == 0.0
    patiently(lambda: gate.portfolio().open_orders == 0)


@needs_processes
def test_a_bot_that_was_killed_before_its_order_filled_reports_it_at_the_next_start(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    stake = wanted(bot, "t5-", pair="SOL/USDT")
    assert bot.may_send("SOL/USDT", stake / PRICE)
    books.trade("buy", "five", stake / PRICE, "SOL/USDT")
    del bot  # it never heard of the fill

    again = asking(running, tmp_path, books)
    patiently(lambda: positions(gate) == {"SOL/USDT": D(1)})
    assert again.stops.approved("SOL/USDT") == D(95)
    sell(again, books, "six", "SOL/USDT")
    patiently(lambda: positions(gate) == {})


@needs_processes
def test_while_heatsink_is_silent_nothing_is_bought_and_everything_is_sold(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books, timeout=5)  # the first purchase has to be answered in it
    buy(bot, books, "t6-", "seven")
    patiently(lambda: positions(gate) == {"BTC/USDT": D(1)})
    running.kill_server()
    running.kill("risk")
    running.kill("execution")
    assert wanted(bot, "t6b-", pair="ETH/USDT") == 0.0  # it does not know yet, and asks in vain
    bot.round()
    assert wanted(bot, "t6c-", pair="ETH/USDT") == 0.0  # it knows
    sell(bot, books, "eight")
    running.start_server()
    running.start("risk")
    running.start("execution")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])
    assert said(running, OrderFilled)[0].side == "sell"
    patiently(lambda: gate.portfolio().open_orders == 0)
    assert wanted(bot, "t6d-", pair="ETH/USDT") > 0
    bot.round()


@needs_processes
def test_heatsink_flattens_through_the_bot(running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t7-", "nine", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    flatten(running, "flatten-1")
    patiently(lambda: (bot.round(), bot.wants_sold("ETH/USDT"))[1])
    sell(bot, books, "ten", "ETH/USDT")
    assert not bot.wants_sold("ETH/USDT")
    patiently(lambda: positions(gate) == {})
    closed = said(running, OrderClosed)[0]
    assert (closed.ending, closed.symbol) == ("filled", "ETH/USDT")
    assert closed.order_id in {d.order_id for d in running.decisions() if getattr(d, "side", "") == "sell"}
    assert not closed.order_id.startswith("ft-")


def flatten(running: RunningGate, name: str, pair: str = "ETH/USDT") -> None:
    running.publish(Flatten(id=name, time_ns=0, symbol=pair, who="a test", reason="it is time"))


@needs_processes
def test_what_freqtrade_and_heatsink_sell_at_the_same_time_is_booked_as_heatsinks(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books, timeout=2)
    buy(bot, books, "t14-", "forty", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    running.kill("execution")
    flatten(running, "flatten-3")
    patiently(lambda: gate.portfolio().open_orders == 1)
    sell(bot, books, "forty-one", "ETH/USDT")  # it has not heard of heatsink's own
    running.start("execution")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])
    closed = said(running, OrderClosed)[0]
    assert (closed.ending, closed.order_id.startswith("flatten-")) == ("filled", True)
    patiently(lambda: (bot.round(), gate.portfolio().open_orders == 0)[1])
    assert not bot.wants_sold("ETH/USDT")
    assert gate.halts() == ()


@needs_processes
def test_a_sale_of_more_than_heatsink_left_to_sell_is_booked_whole(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t15-", "forty-two", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    assert gate.propose("ETH/USDT", "sell", "0.4", id="a-part", reduce_only=True)
    sell(bot, books, "forty-three", "ETH/USDT")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])
    assert said(running, OrderFilled)[0].quantity == 1
    patiently(lambda: (bot.round(), gate.portfolio().open_orders == 0)[1])
    assert gate.halts() == ()


@needs_processes
def test_heatsinks_sale_is_wanted_until_freqtrade_has_placed_it_and_sold_all_of_it(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t16-", "forty-four", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    flatten(running, "flatten-4")
    patiently(lambda: (bot.round(), bot.wants_sold("ETH/USDT"))[1])
    for _ in range(3):  # the exchange refuses it
        bot.sell("ETH/USDT", 1.0, PRICE, is_limit=False)
        bot.round()
    assert bot.wants_sold("ETH/USDT")
    books.trade("sell", "forty-five", 1.0, "ETH/USDT")
    books.by_id["forty-five"] = replace(books.by_id["forty-five"], filled=D("0.4"))  # and was cancelled then
    books.hold(0.6, "ETH/USDT")
    bot.round()
    patiently(lambda: positions(gate) == {"ETH/USDT": D("0.6")})
    assert bot.wants_sold("ETH/USDT")
    sell(bot, books, "forty-six", "ETH/USDT")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])
    assert not bot.wants_sold("ETH/USDT")
    patiently(lambda: (bot.round(), gate.portfolio().open_orders == 0)[1])


@needs_processes
def test_a_sale_that_rests_is_cancelled_for_heatsink_which_sells_then(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t17-", "forty-seven", "SOL/USDT")
    patiently(lambda: positions(gate) == {"SOL/USDT": D(1)})
    bot.sell("SOL/USDT", 1.0, PRICE * 1.5, is_limit=True)
    books.open_sale("forty-eight", 1.0, "SOL/USDT")
    bot.round()
    flatten(running, "flatten-5", "SOL/USDT")
    patiently(lambda: (bot.round(), bot.is_cancelled("SOL/USDT", "forty-eight"))[1])
    books.by_id["forty-eight"] = replace(books.by_id["forty-eight"], is_open=False)
    patiently(lambda: (bot.round(), bot.wants_sold("SOL/USDT"))[1])
    sell(bot, books, "forty-nine", "SOL/USDT")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])
    assert not bot.is_cancelled("SOL/USDT", "forty-eight")


@needs_processes
def test_a_sale_that_has_nothing_to_sell_any_more_is_taken_back_until_that_is_answered(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books, timeout=2)
    buy(bot, books, "t12-", "twenty", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    flatten(running, "flatten-2")
    patiently(lambda: (bot.round(), bot.wants_sold("ETH/USDT"))[1])
    stop = {"trade_id": "stopped", "quantity": 1, "price": STOP, "fee_usdt": 0.1, "stop": True}
    assert gate.report_fill(said(running, StopPlaced)[0].order_id, "ETH/USDT", "sell", **stop)
    patiently(lambda: positions(gate) == {})
    del books.held["ETH/USDT"]
    running.kill("execution")
    bot.round()
    assert bot.wants_sold("ETH/USDT"), "nobody has heard that it is taken back"
    running.start("execution")
    bot.round()
    assert not bot.wants_sold("ETH/USDT")
    assert said(running, OrderClosed)[0].order_id.startswith("flatten-")
    assert gate.halts() == ()


@needs_processes
def test_a_sale_of_dust_that_freqtrade_does_not_have_is_taken_back(
    running: RunningGate, gate: Gate, tmp_path: Path
) -> None:
    books = HandBooks(stops_at_exchange=True)
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t18-", "twenty-three", "ETH/USDT")
    at_exchange(bot, books, "ETH/USDT", STOP)
    flatten(running, "flatten-6")
    patiently(lambda: (bot.round(), bot.wants_sold("ETH/USDT"))[1])
    books.trade("stoploss", "twenty-four", 0.99, "ETH/USDT", price=STOP)  # a commission was taken out of it
    bot.round()
    assert not bot.wants_sold("ETH/USDT")
    patiently(lambda: gate.portfolio().open_orders == 0)
    assert positions(gate) == {"ETH/USDT": D("0.01")}
    buy(bot, books, "t19-", "twenty-five", "ETH/USDT")
    books.held["ETH/USDT"] = replace(books.held["ETH/USDT"], amount=D("1.01"))
    sell(bot, books, "twenty-six", "ETH/USDT")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])


@needs_processes
def test_of_two_bots_with_pairs_of_their_own_neither_executes_what_the_other_sells(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    (tmp_path / "another").mkdir()
    another = asking(running, tmp_path / "another", HandBooks())
    buy(bot, books, "t13-", "twenty-one", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": D(1)})
    refused = len(said(running, ReportRefused))
    sell(bot, books, "twenty-two", "ETH/USDT")
    another.round()
    assert not another.wants_sold("ETH/USDT")
    patiently(lambda: positions(gate) == {})
    another.round()  # it would take the sale back now, if it took it for its own
    assert len(said(running, ReportRefused)) == refused
    assert gate.halts() == ()


@needs_processes
def test_stops_rise_on_both_sides(running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t8-", "eleven", "SOL/USDT")
    held = books.held["SOL/USDT"]
    books.held["SOL/USDT"] = replace(held, stop_loss=96.0)  # freqtrade's own has trailed
    patiently(lambda: (bot.round(), said(running, StopPlaced)[0].stop_price == 96)[1])
    assert gate.raise_stop("SOL/USDT", 97)  # as sizing does, on every bar
    patiently(lambda: (bot.round(), bot.stops.approved("SOL/USDT") == 97)[1])
    bot.round()
    assert said(running, StopPlaced)[0].stop_price == 96  # freqtrade's does not rest there yet
    books.held["SOL/USDT"] = replace(held, stop_loss=97.0)
    bot.round()
    assert said(running, StopPlaced)[0].stop_price == 97
    sell(bot, books, "twelve", "SOL/USDT")
    patiently(lambda: positions(gate) == {})


@needs_processes
def test_a_position_that_is_bought_anew_in_the_same_loop_does_not_inherit_the_stop_of_the_one_before(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t22-", "thirty-four", "SOL/USDT")
    assert gate.raise_stop("SOL/USDT", 99)
    patiently(lambda: (bot.round(), bot.stops.approved("SOL/USDT") == 99)[1])
    sell(bot, books, "thirty-five", "SOL/USDT")
    buy(bot, books, "t23-", "thirty-six", "SOL/USDT")
    assert bot.stops.approved("SOL/USDT") == 95
    sell(bot, books, "thirty-seven", "SOL/USDT")
    patiently(lambda: (bot.round(), positions(gate) == {})[1])


def at_exchange(bot: Asking, books: HandBooks, pair: str, price: float) -> None:
    """freqtrade has its stop there, or none at 0; and its next loop begins."""
    books.held[pair] = replace(books.held[pair], at_exchange=price)
    bot.round()


def stops_told(running: RunningGate, pair: str) -> list[Decimal]:
    return [stop.stop_price for stop in said(running, StopPlaced) if stop.symbol == pair]


@needs_processes
def test_a_stop_at_the_exchange_counts_while_it_rests_there_and_books_what_it_sells(
    running: RunningGate, gate: Gate, tmp_path: Path
) -> None:
    books = HandBooks(stops_at_exchange=True)
    bot = asking(running, tmp_path, books)
    before = len(stops_told(running, "SOL/USDT"))
    buy(bot, books, "t20-", "thirty", "SOL/USDT")
    bot.round()
    assert len(stops_told(running, "SOL/USDT")) == before, "freqtrade has not placed it yet"
    at_exchange(bot, books, "SOL/USDT", 95.0)
    assert stops_told(running, "SOL/USDT")[0] == 95
    assert gate.raise_stop("SOL/USDT", 96)
    patiently(lambda: (bot.round(), bot.stops.approved("SOL/USDT") == 96)[1])
    assert stops_told(running, "SOL/USDT")[0] == 95, "freqtrade's rests where it was"
    at_exchange(bot, books, "SOL/USDT", 96.0)
    assert stops_told(running, "SOL/USDT")[0] == 96
    at_exchange(bot, books, "SOL/USDT", 0.0)
    gone = said(running, ReportAwaited)[0]
    assert (gone.symbol, gone.what, gone.reason) == ("SOL/USDT", "stop", "its client says that no stop works")
    bot.round()
    assert said(running, ReportAwaited)[0].id == gone.id, "it is told once"
    at_exchange(bot, books, "SOL/USDT", 96.0)
    assert len(stops_told(running, "SOL/USDT")) == before + 3
    books.trade("stoploss", "thirty-one", 1.0, "SOL/USDT", price=96.0)
    bot.round()
    patiently(lambda: positions(gate) == {})
    sold = said(running, OrderFilled)[0]
    assert (sold.stop, sold.side, sold.quantity, sold.price) == (True, "sell", D(1), D(96))


@needs_processes
def test_a_stop_that_sold_while_the_bot_was_down_is_booked_once_heatsink_has_named_it(
    running: RunningGate, gate: Gate, tmp_path: Path
) -> None:
    books = HandBooks(stops_at_exchange=True)
    bot = asking(running, tmp_path, books)
    refused = len(said(running, ReportRefused))
    stake = wanted(bot, "t21-", pair="ETH/USDT")
    assert bot.may_send("ETH/USDT", stake / PRICE)
    books.trade("buy", "thirty-two", 1.0, "ETH/USDT")
    books.trade("stoploss", "thirty-three", 1.0, "ETH/USDT", price=STOP)
    again = asking(running, tmp_path, books)
    patiently(lambda: (again.round(), positions(gate) == {} and said(running, OrderFilled)[0].stop)[1])
    assert len(said(running, ReportRefused)) == refused
    assert gate.halts() == ()


@needs_processes
def test_what_commissions_left_over_does_not_keep_a_stop_from_protecting(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path
) -> None:
    bot = asking(running, tmp_path, books)
    buy(bot, books, "t9-", "fourteen", "ETH/USDT")
    dust = D("0.01")
    books.held["ETH/USDT"] = replace(books.held["ETH/USDT"], amount=D(1) - dust)
    sell(bot, books, "fifteen", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": dust})
    buy(bot, books, "t10-", "sixteen", "ETH/USDT")
    patiently(lambda: positions(gate) == {"ETH/USDT": 1 + dust})
    bot.round()
    assert said(running, StopPlaced)[0].quantity == 1
    books.held["ETH/USDT"] = replace(books.held["ETH/USDT"], amount=1 + dust)
    sell(bot, books, "seventeen", "ETH/USDT")
    patiently(lambda: positions(gate) == {})


@needs_processes
def test_an_order_that_freqtrade_placed_without_asking_is_named_and_not_reported(
    running: RunningGate, gate: Gate, books: HandBooks, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bot = asking(running, tmp_path, books)
    books.trade("buy", "thirteen", 1.0, "SOL/USDT")
    bot.round()
    assert "never approved" in caplog.text
    assert positions(gate) == {}


# --- the mixin itself, without freqtrade ------------------------------------------------------------------------------


class Plain:
    """As much of a strategy as these tests need."""

    stoploss = -0.1

    def custom_stake_amount(self, **about: Any) -> float:
        return float(about["proposed_stake"]) / 2

    def confirm_trade_entry(self, **about: Any) -> bool:
        return True

    def confirm_trade_exit(self, **about: Any) -> bool:
        raise RuntimeError("a strategy's own fault")


class Behind(BehindHeatsink, Plain):
    config: Any


STAKE: dict[str, Any] = {
    "pair": "BTC/USDT", "current_time": None, "current_rate": 100.0, "proposed_stake": 50.0, "min_stake": 5.0,
    "max_stake": 1_000.0, "leverage": 1.0, "entry_tag": None, "side": "long",
}  # fmt: skip
ENTRY: dict[str, Any] = {
    "pair": "BTC/USDT", "order_type": "market", "amount": 0.1, "rate": 100.0, "time_in_force": "GTC",
    "current_time": None, "entry_tag": None, "side": "long",
}  # fmt: skip


def behind(run_mode: str) -> Behind:
    strategy = Behind()
    strategy.config = {"runmode": SimpleNamespace(value=run_mode)}
    return strategy


def test_a_backtest_asks_nobody() -> None:
    strategy = behind("backtest")
    assert strategy.custom_stake_amount(**STAKE) == 25.0
    assert strategy.confirm_trade_entry(**ENTRY)


@pytest.mark.parametrize("run_mode", ["live", "dry_run"])
def test_a_strategy_that_never_reached_its_start_buys_nothing_and_sells(run_mode: str) -> None:
    strategy = behind(run_mode)
    assert strategy.custom_stake_amount(**STAKE) == 0.0
    assert not strategy.confirm_trade_entry(**ENTRY)
    leaving = {name: ENTRY[name] for name in ENTRY if name not in ("entry_tag", "side")}
    assert strategy.confirm_trade_exit(**leaving, trade=None, exit_reason="stop_loss")


def test_callbacks_that_would_take_the_gates_place_are_refused_where_they_are_written() -> None:
    with pytest.raises(TypeError, match="confirm_trade_entry"):
        type("Bad", (BehindHeatsink, Plain), {"confirm_trade_entry": lambda self, **about: True})
    with pytest.raises(TypeError, match="has to stand before Plain"):
        type("Wrong", (Plain, BehindHeatsink), {})
