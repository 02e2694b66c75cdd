"""Whoever can write to the server cannot make a stack act: each case counts that the forgery was there."""

from decimal import Decimal
from pathlib import Path

import pytest

from services import wiring
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import KeyFolder, forget_old, rotate, signatures_of, write_new_keys
from shared.config.faults import ConfigError
from shared.domain.execution.orders.store import POSITION, VenuePosition
from shared.messages.base import Message
from shared.messages.catalogue import AUDIT, CONTROL, DECIDED, EXECUTED, PORTFOLIO, SET_ASIDE, Topic
from shared.messages.control import Halt, Resume, SetLimits
from shared.messages.dead_letter import EntrySetAside
from shared.messages.halts import Halted, ResumeAsked
from shared.messages.orders import (
    CancelDecided,
    OrderClosed,
    OrderDecided,
    StopApproved,
    StopPlaced,
    StopRaised,
    WriteOffDecided,
)
from shared.messages.portfolio import CommandRefused, LimitsChanged, PhaseChanged
from shared.ports.signatures import NotSignedError
from shared.runtime.service import StartOverError
from tests.keys import MAIN
from tests.runtime.host.forgery import Portfolio
from tests.samples import T0, decision, fill, samples

BTC = "BTC/USDT"
D = Decimal


@pytest.fixture
async def signed(redis_bus: RedisBus, tmp_path: Path) -> Portfolio:
    return await Portfolio.begin(redis_bus, tmp_path / "keys")


@pytest.fixture
async def unsigned(redis_bus: RedisBus) -> Portfolio:
    return await Portfolio.begin(redis_bus, None)


def sample(kind: type[Message]) -> Message:
    return next(message for message in samples() if type(message) is kind)


def held(portfolio: Portfolio) -> Decimal:
    """What execution holds of BTC."""
    records = portfolio.hosts[wiring.EXECUTION].spec.machine.records
    position = records.get(POSITION, BTC, VenuePosition)
    return position.quantity if position else D(0)


def booked(portfolio: Portfolio) -> Decimal:
    """What the ledger holds of BTC."""
    quantity: Decimal = portfolio.hosts[wiring.RISK].spec.machine.state.ledger.quantity(BTC)  # type: ignore[attr-defined]
    return quantity


async def test_what_the_services_themselves_say_is_signed_and_believed(signed: Portfolio) -> None:
    await signed.buy("o-1")
    assert held(signed) == booked(signed) == D("0.1")
    for topic in (DECIDED, EXECUTED, PORTFOLIO):
        assert all(fields.get(b"s") for fields in await signed.entries(topic))
    assert await signed.refused() == []


async def test_without_keys_everything_is_as_it_was_and_no_entry_has_a_signature(unsigned: Portfolio) -> None:
    await unsigned.buy("o-1")
    assert held(unsigned) == booked(unsigned) == D("0.1")
    assert not any(b"s" in fields for fields in await unsigned.entries(DECIDED))


BIG = decision("o-big", symbol=BTC, verdict="approve", quantity_requested=D(100_000), quantity_approved=D(100_000))


@pytest.mark.parametrize("keys", [True, False])
async def test_a_verdict_on_100000_btc_that_the_gate_never_gave_is_not_executed(
    redis_bus: RedisBus, tmp_path: Path, keys: bool
) -> None:
    portfolio = await Portfolio.begin(redis_bus, tmp_path / "keys" if keys else None)
    assert await portfolio.forge(BIG, DECIDED) == 1
    assert held(portfolio) == booked(portfolio) == 0
    assert await portfolio.entries(EXECUTED) == []
    [letter] = await portfolio.refused()
    assert letter.consumer == wiring.EXECUTION
    assert "no reservation for order o-big" in letter.reason


async def test_a_verdict_that_differs_from_its_reservation_is_not_executed(unsigned: Portfolio) -> None:
    await unsigned.hosts[wiring.EXECUTION].lease.release()
    del unsigned.hosts[wiring.EXECUTION]
    await unsigned.buy("o-1")
    [real] = [each for each in await unsigned.bus.latest(MAIN.of(DECIDED), 9) if isinstance(each, OrderDecided)]
    await unsigned.bus.client.delete(MAIN.of(DECIDED))
    fields = {name: getattr(real, name) for name in real.__struct_fields__} | {"quantity_approved": D(100_000)}
    assert await unsigned.forge(OrderDecided(**fields), DECIDED) == 1
    await unsigned.start(wiring.EXECUTION)
    await unsigned.work()
    assert held(unsigned) == 0
    assert "the gate approved 0.1 in order o-1" in (await unsigned.refused())[0].reason


async def test_limits_are_set_by_operators_alone_and_once(signed: Portfolio) -> None:
    heat = SetLimits(id="c-1", time_ns=signed.clock.now_ns(), who="ana", reason="r", limits={"heat": 1.0})
    state = signed.hosts[wiring.RISK].spec.machine.state  # type: ignore[attr-defined]
    before = state.limits.heat
    assert await signed.forge(heat, CONTROL) == 1
    assert state.limits.heat == before < 1.0
    [told] = [each for each in await signed.bus.latest(MAIN.of(AUDIT), 9) if isinstance(each, CommandRefused)]
    assert "is not signed" in told.reason
    tighter = SetLimits(id="c-2", time_ns=signed.clock.now_ns(), who="ana", reason="r", limits={"heat": 0.05})
    await signed.command(tighter)
    assert state.limits.heat == 0.05
    looser = SetLimits(id="c-3", time_ns=signed.clock.now_ns(), who="ana", reason="r", limits={"heat": 0.07})
    await signed.command(looser)
    assert await signed.copy(CONTROL, entry=1) == 1  # true once, and signed
    assert state.limits.heat == 0.07
    assert "send it again" in (await signed.refused())[-1].reason


FORGED: list[tuple[str, Message, Topic]] = [
    ("a negative fill", fill("o-1", trade="x", symbol=BTC, quantity=D(-5)), EXECUTED),
    ("a fill", fill("o-1", trade="y", symbol=BTC, side="sell", quantity=D("0.1"), price=D(1)), EXECUTED),
    ("an end", OrderClosed(id="c", time_ns=T0, order_id="o-1", symbol=BTC, ending="filled", quantity_filled=D(1)), EXECUTED),  # noqa: E501
    ("a stop", StopPlaced(id="s", time_ns=T0, order_id="stop-x", symbol=BTC, stop_price=D(1), quantity=D(1)), EXECUTED),
    ("a raised stop", StopApproved(id="a", time_ns=T0, symbol=BTC, stop_price=D(2_000_000)), DECIDED),
    ("a cancel", CancelDecided(id="x", time_ns=T0, order_id="o-1", symbol=BTC), DECIDED),
    ("a write-off", WriteOffDecided(id="w", time_ns=T0, symbol=BTC), DECIDED),
    ("a halt", Halt(id="h", time_ns=T0, who="eve", reason="r"), CONTROL),
    ("a resume", Resume(id="r", time_ns=T0, who="eve", reason="r"), CONTROL),
    ("an entry set aside", sample(EntrySetAside), SET_ASIDE),
]  # fmt: skip


@pytest.mark.parametrize(("message", "topic"), [row[1:] for row in FORGED], ids=[row[0] for row in FORGED])
async def test_what_nobody_entitled_wrote_changes_nothing(signed: Portfolio, message: Message, topic: Topic) -> None:
    await signed.buy("o-1")
    audited = await signed.bus.client.xlen(MAIN.of(AUDIT))
    assert await signed.forge(message, topic) == 1
    assert held(signed) == booked(signed) == D("0.1")
    answered = [each for each in await signed.bus.latest(MAIN.of(AUDIT), 9) if isinstance(each, CommandRefused)]
    assert await signed.bus.client.xlen(MAIN.of(AUDIT)) == audited + len(answered)
    letters = await signed.refused()
    assert letters
    assert all("is not signed" in letter.reason for letter in letters)


@pytest.mark.parametrize("kind", [Halted, PhaseChanged, LimitsChanged])
async def test_sizing_hears_of_halts_phases_and_limits_from_the_gate_alone(
    signed: Portfolio, kind: type[Message]
) -> None:
    await signed.start(wiring.SIZING)
    assert await signed.forge(sample(kind), AUDIT) == 1
    [letter] = await signed.refused()
    assert (letter.consumer, letter.field) == (wiring.SIZING, "signature")
    if kind is Halted:  # signed, but by somebody who may not say so
        body = encode(sample(kind))
        signature = signatures_of(signed.keys, wiring.SIZING).sign(MAIN.of(AUDIT), body, "99-1")
        assert await signed.forge(sample(kind), AUDIT, signature=signature) == 1
        assert "signed by sizing, and only risk may say so" in (await signed.refused())[-1].reason


async def test_what_was_said_once_is_not_believed_again_here_or_elsewhere(signed: Portfolio) -> None:
    await signed.buy("o-1")
    await signed.buy("o-2")
    assert await signed.copy(DECIDED, entry=0) == 1
    assert await signed.copy(EXECUTED, entry=0) == 1
    await signed.start(wiring.EXECUTION)
    await signed.start(wiring.RISK)
    assert await signed.copy(DECIDED, entry=1) == 1
    assert held(signed) == booked(signed) == D("0.2")
    letters = await signed.refused()
    assert [("it is a copy" in each.reason or "no reservation" in each.reason) for each in letters] == [True] * 3


async def test_a_message_that_was_changed_is_not_believed(signed: Portfolio) -> None:
    await signed.buy("o-1")
    [first, *_] = await signed.entries(DECIDED)
    changed = StopApproved(id="a", time_ns=T0, symbol=BTC, stop_price=D(19_999))
    assert await signed.forge(changed, DECIDED, signature=first[b"s"]) == 1
    assert "is not risk's: the message was changed" in (await signed.refused())[0].reason
    with pytest.raises(NotSignedError, match="cannot be read"):
        signatures_of(signed.keys, wiring.RISK).read("x", b"", b"1 risk \xff")


@pytest.mark.parametrize("keys", [True, False])
async def test_a_stop_at_a_hundred_times_the_price_sells_nothing(
    redis_bus: RedisBus, tmp_path: Path, keys: bool
) -> None:
    portfolio = await Portfolio.begin(redis_bus, tmp_path / "keys" if keys else None)
    await portfolio.buy("o-1")
    raised = StopRaised(id="r", time_ns=portfolio.clock.now_ns(), symbol=BTC, stop_price=D(2_000_000))
    await portfolio.bus.publish([raised])
    await portfolio.work()
    assert await portfolio.bus.client.xlen(MAIN.of(DECIDED)) == 2  # the verdict, and the refusal of the stop
    assert held(portfolio) == booked(portfolio) == D("0.1")


async def test_asking_to_resume_does_not_void_the_code_of_an_operator(unsigned: Portfolio) -> None:
    now = unsigned.clock.now_ns()
    await unsigned.command(Halt(id="h", time_ns=now, who="ana", reason="r"))
    await unsigned.command(Resume(id="r-1", time_ns=now, who="ana", reason="r"))
    assert await unsigned.forge(Resume(id="r-2", time_ns=now, who="eve", reason="r"), CONTROL) == 1
    asked = [each for each in await unsigned.bus.latest(MAIN.of(AUDIT), 9) if isinstance(each, ResumeAsked)]
    assert len({each.confirm for each in asked}) == 1
    assert len(asked) == 2
    await unsigned.command(Resume(id="r-3", time_ns=now, who="ana", reason="r", confirm=asked[0].confirm))
    assert not unsigned.hosts[wiring.RISK].spec.machine.state.halts.of("")  # type: ignore[attr-defined]


async def test_a_foreign_stop_id_does_not_make_the_fill_of_the_true_stop_unbelievable(unsigned: Portfolio) -> None:
    await unsigned.buy("o-1")
    state = unsigned.hosts[wiring.RISK].spec.machine.state  # type: ignore[attr-defined]
    true_id = state.ledger.position(BTC).stop_order_id
    false = StopPlaced(id="s", time_ns=T0, order_id="stop-of-eve", symbol=BTC, stop_price=D(18_000), quantity=D("0.1"))
    assert await unsigned.forge(false, EXECUTED) == 1
    assert state.ledger.position(BTC).stop_order_id == true_id != ""
    assert "is not believed" in state.halts.get(BTC, "false_fill").reason


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_keys_are_rotated_without_a_stop_and_the_old_ones_count_for_a_while(signed: Portfolio) -> None:
    folder = Path(signed.keys)
    old = signatures_of(signed.keys, wiring.RISK)
    word = old.sign("s", b"body", "1-1")  # said before, and read after the change
    rotate(folder, wiring.key_holders())
    with pytest.raises(StartOverError, match="another key"):
        await signed.hosts[wiring.RISK]._look()
    for service in (wiring.RISK, wiring.EXECUTION):
        await signed.start(service)
    await signed.buy("o-1")
    assert held(signed) == booked(signed) == D("0.1")
    assert signatures_of(signed.keys, wiring.EXECUTION).read("s", b"body", word).writer == wiring.RISK
    forget_old(folder, wiring.key_holders())
    with pytest.raises(NotSignedError, match="not known here"):
        signatures_of(signed.keys, wiring.EXECUTION).read("s", b"body", word)
    for service in (wiring.RISK, wiring.EXECUTION):
        await signed.start(service)
    await signed.buy("o-2")
    assert held(signed) == booked(signed) == D("0.2")


async def test_a_key_that_was_taken_away_is_void_for_those_that_run(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    write_new_keys(folder, wiring.key_holders())
    word = signatures_of(str(folder), wiring.RISK).sign("s", b"body", "1-1")
    running = signatures_of(str(folder), wiring.EXECUTION)
    rotate(folder, [wiring.RISK])
    assert not running.refresh()
    assert running.read("s", b"body", word).writer == wiring.RISK
    forget_old(folder, [wiring.RISK])
    assert not running.refresh()
    with pytest.raises(NotSignedError, match="not known here"):
        running.read("s", b"body", word)
    (folder / "risk.key").unlink()
    with pytest.raises(ConfigError, match="the key of risk is missing"):
        running.refresh()


def test_nobody_but_the_owner_can_read_keys(tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    assert write_new_keys(folder, wiring.key_holders()) == list(wiring.key_holders())
    assert write_new_keys(folder, wiring.key_holders()) == []
    assert {path.stat().st_mode & 0o777 for path in folder.glob("*.key")} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_file_that_holds_no_key_is_named_and_what_stands_in_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "risk.key").write_text("# ok\nk1 secretsecret\n")
    with pytest.raises(ConfigError, match="line 2 is no key") as error:
        KeyFolder(tmp_path).of("risk")
    assert "secretsecret" not in str(error.value)


async def test_a_service_does_not_start_without_the_keys_of_those_whom_it_hears(signed: Portfolio) -> None:
    (Path(signed.keys) / "execution.key").rename(Path(signed.keys) / "away")
    with pytest.raises(ConfigError, match=r"execution\.key.*is missing"):
        await signed.start(wiring.RISK)
