"""The Python client beside a real server and a real risk service."""

import asyncio
import inspect
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from itertools import islice

import pytest
from heatsink_client import AsyncGate, Gate, GateError, MissedError, StaleError, UnreachableError
from heatsink_client.messages import OrderDecided, OrderProposed, PositionSized

from shared.messages.halts import Halted, Resumed
from shared.messages.orders import OrderDecided as Decided
from tests.clients.gate_harness import NOW_NS, PAIRS, RunningGate, running_gate
from tests.patience import PATIENCE_SECONDS
from tests.samples import T0, samples

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningGate]:
    with running_gate(tmp_path_factory.mktemp("gate")) as gate:
        yield gate


@pytest.fixture
def gate(running: RunningGate) -> Iterator[Gate]:
    with Gate(running.url, strategy="mine") as gate:
        yield gate


def test_an_order_within_the_limits_is_approved_and_true(gate: Gate) -> None:
    verdict = gate.propose("BTC/USDT", "buy", 0.5, stop_price=99, id="fine-1")
    assert verdict
    assert (verdict.verdict, verdict.quantity, verdict.requested) == ("approve", Decimal("0.5"), Decimal("0.5"))
    assert isinstance(verdict.decided, OrderDecided)
    assert (verdict.decided.strategy, verdict.decided.stop_price) == ("mine", Decimal(99))


def test_an_order_over_a_limit_is_trimmed_and_says_by_which_rule(gate: Gate) -> None:
    verdict = gate.propose("BTC/USDT", "buy", "1000", stop_price="50", id="large-1")
    assert verdict
    assert verdict.verdict == "trim"
    assert 0 < verdict.quantity < verdict.requested
    assert verdict.binding
    assert verdict.binding in verdict.reason


def test_what_a_rule_rejects_is_false_with_its_reason(gate: Gate) -> None:
    verdict = gate.propose("BTC/USDT", "buy", "1", id="no-stop-1")  # and no stop
    assert not verdict
    assert (verdict.verdict, verdict.quantity, verdict.is_known) == ("reject", 0, True)
    assert "stop" in verdict.reason


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"symbol": "btc/usdt"}, "symbol"),
        ({"id": "ends with a blank "}, "id"),
        ({"side": "short"}, "side"),
        ({"quantity": float("nan")}, "quantity"),
        ({"quantity": Decimal("1e30")}, "quantity"),
        ({"stop_price": "low"}, "stop_price"),
        ({"expires_ns": -1}, "expires_ns"),
        ({"strategy": "x" * 70_000}, "$"),
    ],
    ids=lambda case: str(case)[:30],
)
def test_what_is_no_order_is_refused_with_its_field_and_may_be_mended(gate: Gate, order: dict, field: str) -> None:
    fine = {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.01", "stop_price": "99"}
    verdict = gate.propose(**fine | order)
    assert not verdict
    assert (verdict.verdict, verdict.field, verdict.is_known) == ("refused", field, True)
    assert verdict.reason


def test_the_same_order_again_gets_the_same_verdict_and_another_one_under_its_id_none(gate: Gate) -> None:
    first = gate.propose("ETH/USDT", "buy", "0.5", stop_price="99", id="twice-1")
    assert gate.propose("ETH/USDT", "buy", "0.50", stop_price=99.0, id="twice-1", expires_ns=2 * NOW_NS) == first
    other = gate.propose("ETH/USDT", "buy", "0.6", stop_price="99", id="twice-1")
    assert not other
    assert (other.verdict, other.code, other.field) == ("refused", "other_body", "quantity")
    assert gate.verdict_of("twice-1") == first


def test_a_proposal_carries_what_led_to_it(gate: Gate) -> None:
    size = PositionSized(**{**_size_fields(), "id": "size-7", "time_ns": NOW_NS, "trace": "bar-7"})
    gate.propose("ETH/USDT", "buy", "0.1", stop_price="99", id="because-1", because=size)
    entries = gate.follow("proposed", after="start")
    proposed = next(entry.message for entry in entries if entry.message.id == "because-1")
    assert isinstance(proposed, OrderProposed)
    assert (proposed.cause, proposed.trace, proposed.time_ns) == ("size-7", "bar-7", NOW_NS)


def test_an_order_is_cancelled_and_one_that_is_not_open_is_refused(gate: Gate) -> None:
    assert gate.propose("SOL/USDT", "buy", "0.5", stop_price="80", limit_price="90", id="rests-1")
    assert gate.cancel("rests-1", reason="changed my mind")
    refused = gate.cancel("never-was")
    assert not refused
    assert (refused.outcome, refused.code) == ("refused", "unknown_order")
    of_order = gate.verdict_of("never-was")
    assert (of_order.verdict, of_order.arrived) == ("unknown", "no"), "the cancel was refused, not the order"


def test_a_stop_where_nothing_is_held_is_refused(gate: Gate) -> None:
    refused = gate.raise_stop("SOL/USDT", 95)
    assert (refused.outcome, refused.code) == ("refused", "nothing_held")
    assert gate.raise_stop("SOL/USDT", "high").field == "stop_price"


def test_room_is_what_would_be_approved_and_reserves_nothing(gate: Gate, running: RunningGate) -> None:
    before = len(running.decisions())
    room = gate.room("SOL/USDT", stop_price="90")
    assert room
    assert room.quantity > 0
    assert room.binding in {ceiling.rule for ceiling in room.ceilings}
    assert set(gate.rooms()) >= set(PAIRS)
    assert not gate.room("NOPE/USDT")
    assert len(running.decisions()) == before


def test_the_newest_size_of_each_pair_is_given(gate: Gate, running: RunningGate) -> None:
    old, new, daily = (
        _sized(id="old", quantity=Decimal(1)),
        _sized(id="new", quantity=Decimal(2)),
        _sized(id="daily", timeframe="1d"),
    )
    running.publish(old, new, daily)
    assert gate.sizes()["BTC/USDT"].id == "daily"
    assert gate.sizes(timeframe="1h")["BTC/USDT"].quantity == 2
    with pytest.raises(StaleError, match="there is no size of ETH/USDT yet"):
        gate.sizes(timeframe="1h")["ETH/USDT"]


def test_portfolio_and_halts_are_what_holds_now_and_raise_when_they_are_old(gate: Gate, running: RunningGate) -> None:
    assert gate.portfolio().nav == 200_000
    assert gate.halts() == ()
    running.publish(
        Halted(id="h-1", time_ns=T0, symbol="BTC/USDT", trigger="gap"),
        Halted(id="h-2", time_ns=T0, trigger="operator", reason="tea"),
        Halted(id="h-3", time_ns=T0, symbol="BTC/USDT", trigger="feed"),
        Resumed(id="r-1", time_ns=T0, symbol="BTC/USDT", trigger="gap"),
    )
    assert [(halt.symbol, halt.trigger) for halt in gate.halts()] == [("", "operator"), ("BTC/USDT", "feed")]
    for ask in (gate.portfolio, gate.halts):
        with pytest.raises(StaleError, match=r"s old: the risk service is not running"):
            ask(max_age=-10.0)
    running.publish(
        Resumed(id="r-2", time_ns=T0, trigger="operator"),
        Resumed(id="r-3", time_ns=T0, symbol="BTC/USDT", trigger="feed"),
    )
    assert gate.halts() == ()


def test_market_time_follows_the_clock_of_the_stack(gate: Gate) -> None:
    now, later = gate.market_ns(), gate.market_ns(in_seconds=3600)
    assert now > NOW_NS
    assert later - now >= 3600 * 10**9


def test_a_stream_is_read_on_from_where_a_bot_was(gate: Gate) -> None:
    for number in range(5):
        gate.propose("ETH/USDT", "buy", "0.01", stop_price="99", id=f"follow-{number}")
    everything = list(islice(gate.follow("decided", after="start"), 5))
    rest = list(islice(gate.follow("decided", after=everything[2].id), 2))
    assert rest == everything[3:]


def test_entries_that_are_gone_are_named_instead_of_passed_over(gate: Gate) -> None:
    gate.propose("BTC/USDT", "buy", "0.5", stop_price=99)
    first = next(gate.follow("decided", after="start"))
    with pytest.raises(MissedError, match="no longer kept") as missed:
        next(gate.follow("decided", after="1-1"))
    assert next(gate.follow("decided", after=missed.value.after)) == first
    with pytest.raises(MissedError, match="other data"):
        next(gate.follow("decided", after="99999999999999-0"))


@pytest.mark.parametrize("name", ["marks", "bars", "sizes:1h", "nothing"])
def test_a_stream_that_is_not_there_is_named_with_those_that_are(gate: Gate, name: str) -> None:
    with pytest.raises(GateError, match=r"there is no stream .*; there are bars:1h, "):
        next(gate.follow(name))


def test_a_context_is_not_entered_where_there_is_no_such_gate(running: RunningGate, valkey_server: str) -> None:
    for url, portfolio in ((running.url, "other"), (valkey_server, "main"), ("redis://127.0.0.1:1/0", "main")):
        with pytest.raises(UnreachableError), Gate(url, portfolio=portfolio, timeout=0.3):
            raise AssertionError("it was entered")


async def test_a_server_that_refuses_the_connection_itself_leaves_every_answer_unknown(running: RunningGate) -> None:
    nowhere = running.url.removesuffix("/0") + "/9999"  # a database that no server has
    gate, asynchronous = Gate(nowhere, timeout=0.3), AsyncGate(nowhere, timeout=0.3)
    for verdict in (
        await asyncio.to_thread(gate.propose, "BTC/USDT", "buy", "0.5", stop_price=99),
        await asynchronous.propose("BTC/USDT", "buy", "0.5", stop_price=99),
    ):
        assert (verdict.verdict, verdict.arrived, verdict.code) == ("unknown", "no", "unknown")
        assert "out of range" in verdict.reason
    for room in (await asyncio.to_thread(gate.room, "BTC/USDT"), await asynchronous.room("BTC/USDT")):
        assert not room.is_known
        assert "out of range" in room.reason
    cancelled = await asynchronous.cancel("mine-1")
    assert not cancelled
    with pytest.raises(GateError, match="out of range"):
        await asynchronous.portfolio()
    gate.close()
    await asynchronous.close()


def test_two_clients_that_use_one_id_at_once_never_take_each_others_verdict(running: RunningGate) -> None:
    def propose(number: int) -> list[tuple[str, str, Decimal]]:
        mine = Decimal(number + 6) / 100
        with Gate(running.url) as gate:
            verdicts = [gate.propose("BTC/USDT", "buy", mine, stop_price=99, id=f"both-{each}") for each in range(25)]
        assert all(verdict.requested == mine for verdict in verdicts if verdict.verdict != "refused")
        return [(verdict.order_id, verdict.verdict, verdict.quantity) for verdict in verdicts]

    with ThreadPoolExecutor(4) as pool:
        answers = [answer for found in pool.map(propose, range(4)) for answer in found]
    decided = {each.order_id: each for each in running.decisions() if isinstance(each, Decided)}
    for number in range(25):
        own = [answer for answer in answers if answer[0] == f"both-{number}"]
        assert sorted(verdict == "refused" for _, verdict, _ in own) == [False, True, True, True]
        [quantity] = [quantity for _, verdict, quantity in own if verdict != "refused"]
        assert quantity == decided[f"both-{number}"].quantity_approved


async def test_the_asynchronous_gate_answers_many_at_once(running: RunningGate) -> None:
    async with AsyncGate(running.url) as gate:
        orders = [gate.propose("ETH/USDT", "buy", "0.06", stop_price=99, id=f"async-{each}") for each in range(40)]
        verdicts = await asyncio.gather(*orders)
        assert [verdict.order_id for verdict in verdicts] == [f"async-{each}" for each in range(40)]
        assert all(verdicts)
        assert await gate.cancel("async-1")
        assert (await gate.raise_stop("SOL/USDT", 95)).code == "nothing_held"
        assert await gate.room("ETH/USDT", stop_price=90)
        assert set(await gate.rooms()) >= set(PAIRS)
        assert (await gate.verdict_of("async-7")).verdict == "approve"
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (await gate.portfolio()).open_orders:  # the snapshot of this second may be older than they
                await asyncio.sleep(0.05)
        assert await gate.halts() == ()
        assert await gate.market_ns() > NOW_NS
        assert isinstance(await gate.sizes(), dict)
        async for entry in gate.follow("decided", after="start"):
            assert entry.message
            break
    with pytest.raises(UnreachableError):
        async with AsyncGate("redis://127.0.0.1:1/0", timeout=0.3):
            raise AssertionError("it was entered")


def test_both_gates_have_the_same_methods_with_the_same_arguments() -> None:
    def signatures(kind: type) -> dict[str, list[str]]:
        methods = inspect.getmembers(kind, inspect.isfunction)
        return {
            name: [str(each) for each in inspect.signature(method).parameters.values()]
            for name, method in methods
            if not name.startswith("_")
        }

    assert signatures(Gate) == signatures(AsyncGate)


def _size_fields() -> dict:
    [sized] = [each for each in samples() if type(each).__name__ == "PositionSized"]
    return {name: getattr(sized, name) for name in sized.__struct_fields__}


def _sized(**changes: object):
    from shared.messages.signals import PositionSized as Sized

    return Sized(**{**_size_fields(), "symbol": "BTC/USDT", "timeframe": "1h", **changes})
