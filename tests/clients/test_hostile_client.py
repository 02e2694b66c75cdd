"""A client that means ill beside an honest one, each with its own Redis user: real processes, and nothing in common.

Whatever the one does, nothing is booked that was not approved and reported as it was, no service ends, and the other
one has its verdicts. The books are made anew here, from what the honest client and the stream say, and compared.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from heatsink_client import Gate

from shared.messages.catalogue import DEAD, DECIDED, EXECUTED, HALTS, PORTFOLIO, PROPOSED, REPORTED
from shared.messages.dead_letter import MessageRefused
from shared.messages.halts import Halted
from shared.messages.orders import OrderDecided, OrderFilled, ProposalRefused
from shared.messages.portfolio import PortfolioMarked
from shared.messages.reports import ReportRefused
from tests.clients.hostile_process import ME, MINE
from tests.clients.hostile_scene import CAREFUL, HONEST, Scene, attacked, stack
from tests.e2e.invariants import check_decisions, check_fills, check_ledger
from tests.keys import MAIN
from tests.patience import PATIENCE_SECONDS

pytestmark = [pytest.mark.processes, pytest.mark.sockets]

PRICE, FEE, HEAT_LIMIT = Decimal(100), Decimal("0.001"), 0.08


class Honest:
    """Proposes, executes what was approved in two trades, and reports it. sold, bought: units, as it knows them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.fills: list[tuple[str, str, Decimal]] = []

    def trade(self, first: int, count: int) -> None:
        """So many orders, one after the other; each has its verdict before the next one."""
        with Gate(self._url, strategy=HONEST, timeout=PATIENCE_SECONDS) as gate:
            for number in range(first, first + count):
                symbol = ("BTC/USDT", "ETH/USDT")[number % 2]
                side: Any = "sell" if number % 5 == 4 else "buy"
                order_id, quantity = f"honest-{number}", Decimal("0.06")
                verdict = gate.propose(symbol, side, quantity, stop_price=None if side == "sell" else 95, id=order_id)
                assert (verdict.verdict, verdict.quantity) == ("approve", quantity), verdict
                for half in (1, 2):
                    amount = quantity / 2
                    answer = gate.report_fill(
                        order_id, symbol, side, quantity=amount, price=PRICE, fee_usdt=amount * PRICE * FEE,
                        trade_id=f"{order_id}-{half}",
                    )  # fmt: skip
                    assert answer, answer
                    self.fills.append((symbol, side, amount))


async def the_books(scene: Scene, honest: Honest) -> None:
    """They are what the honest client did, and the one trade that the other one was approved and reported."""
    fills = [*honest.fills, (MINE, "buy", Decimal("0.05"))]
    held: Counter[str] = Counter()
    cash = Decimal(200_000)
    for symbol, side, quantity in fills:
        sign = 1 if side == "buy" else -1
        held[symbol] += sign * quantity  # type: ignore[assignment]
        cash -= sign * quantity * PRICE + quantity * PRICE * FEE
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            [last] = await scene.bus.latest(MAIN.of(PORTFOLIO))
            assert isinstance(last, PortfolioMarked)
            if (last.cash, {row.symbol: row.quantity for row in last.positions}) == (cash, dict(held)):
                break
            await asyncio.sleep(0.1)
    decisions = await scene.messages(MAIN.of(DECIDED), OrderDecided)
    executed = await scene.messages(MAIN.of(EXECUTED))
    check_decisions(decisions, HEAT_LIMIT)
    booked = [each for each in executed if isinstance(each, OrderFilled)]
    check_fills(booked, decisions)
    check_ledger(executed, last)
    assert len(booked) == len(fills)


def careful(scene: Scene, order_id: str) -> Callable[[], None]:
    """One order of the client that signs what it proposes, which is approved."""

    def trade() -> None:
        with Gate(scene.url_of(CAREFUL), timeout=PATIENCE_SECONDS, key=str(scene.keys / f"{CAREFUL}.key")) as gate:
            verdict = gate.propose("BTC/USDT", "buy", "0.06", stop_price=95, id=order_id)
            assert verdict.verdict == "approve", verdict

    return trade


async def caught_up(scene: Scene) -> None:
    """Everything that was written has been taken, so that whatever follows from it is in the books."""
    queues = [MAIN.of_client(client, topic) for client in (ME, HONEST, CAREFUL) for topic in (PROPOSED, REPORTED)]
    streams = [*queues, "hs:signals", MAIN.of(EXECUTED)]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while any(reader.lag or reader.pending for reader in await scene.bus.readers(streams)):
            await asyncio.sleep(0.1)


ATTACKS = (
    "fuzzed_queue", "fuzzed_function", "fuzzed_reports", "fuzzed_signals", "fuzzed_questions", "odd_entries",
    "unapproved_fills", "oversold_fills", "overfills", "odd_prices", "changed_trades", "odd_ends", "odd_stops",
    "fills_of_others", "ends_of_others", "ids_of_others", "forged_clients", "empty_clients", "bare_reports",
    "reports_in_others_queues", "stops_of_others", "stop_fills_of_others", "stop_ends_of_others",
    "unapproved_in_others_pairs", "own_order_in_others_pairs", "unreadable_in_others_pairs", "orders_to_come",
    "answers_to_come", "replayed_to_queue", "replayed_reports", "replayed_in_place",
    "not_signed", "signed_by_chance", "signed_oddly", "signatures_of_other_bodies", "signatures_of_other_names",
    "copies_of_signed",
    "flood_of_orders", "flood_of_repeats", "flood_of_questions", "flood_of_signals", "flood_by_hand", "trespasses",
)  # fmt: skip


@pytest.mark.parametrize("orders", [20, pytest.param(300, marks=pytest.mark.chaos)])
async def test_a_hostile_client_has_nothing_booked_and_keeps_nobody_from_trading(tmp_path: Path, orders: int) -> None:
    async with stack(tmp_path) as scene:
        honest = Honest(scene.url_of(HONEST))
        await asyncio.to_thread(careful(scene, "careful-1"))
        await asyncio.to_thread(honest.trade, 0, 4)
        async with attacked(scene) as attack:
            await asyncio.to_thread(honest.trade, 4, orders)
        await caught_up(scene)
        await asyncio.to_thread(honest.trade, 4 + orders, 4)
        await the_books(scene, honest)
        await asyncio.to_thread(careful(scene, "careful-2"))
        decided = await scene.messages(MAIN.of(DECIDED), OrderDecided)
        counts, said = Counter(attack.told["counts"]), Counter(attack.told["said"])
        reports = await scene.messages(MAIN.of(EXECUTED), ReportRefused)
        refused = Counter(each.code for each in reports)
        answered = Counter(each.code for each in await scene.messages(MAIN.of(DECIDED), ProposalRefused))
        halted = {(each.symbol, each.trigger) for each in await scene.messages(MAIN.of(HALTS), Halted)}
        letters = await scene.messages(DEAD.key, MessageRefused)
    print(
        {"orders": orders, "counts": counts, "said": said, "reports": refused, "proposals": answered, "halted": halted}
    )
    assert [name for name in ATTACKS if not counts[name]] == [], "an attack that never happened proves nothing"
    forbidden = {name: counts[name] for name in ("trespasses", "bare_reports", "reports_in_others_queues")}
    assert forbidden == {name: attack.told["forbidden"].get(name) for name in forbidden}, "each of them is refused"
    assert {each.client for each in reports} == {ME}, "whatever it wrote into the message"
    assert {"MALFORMED", "SIZE"} <= {*said}
    assert {"malformed", "unknown_order", "oversold", "too_much", "out_of_reach", "foreign_order", "other_body",
            "repeated"} <= {*refused}  # fmt: skip
    assert {"malformed", "other_body", "unknown_order"} <= {*answered}
    assert answered["not_signed"]
    assert {each.order_id for each in decided if each.client == CAREFUL} == {"careful-1", "careful-2"}
    assert letters
    assert {symbol for symbol, _ in halted} <= {MINE}, "the pairs of others trade on"
