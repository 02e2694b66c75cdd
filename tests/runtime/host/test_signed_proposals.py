"""A client that has to sign: nothing is decided that its own key does not vouch for, and others notice nothing.

Each case counts that the forgery was there.
"""

import os
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from heatsink_client.signing import ClientKey, client_key
from msgspec import structs

from services import wiring
from shared.adapters.clocks import RealClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import CLIENTS_FOLDER, forget_old, rotate, write_new_keys
from shared.config.faults import ConfigError
from shared.domain.plan import ClientPlan
from shared.messages.base import Message
from shared.messages.catalogue import DECIDED
from shared.messages.orders import CancelProposed, OrderDecided, OrderProposed, ProposalRefused, StopRaised
from tests.keys import MAIN
from tests.market_data.market_stage import LogLines
from tests.runtime.host.forgery import Portfolio
from tests.runtime.host.risk_stage import PLAN
from tests.samples import proposal

D = Decimal
SIGNED = structs.replace(PLAN, clients={"ana": ClientPlan(signed=True), "bob": ClientPlan()})
ANA, BOB = MAIN.of_client("ana"), MAIN.of_client("bob")
TOO_LONG_MS = 301_000
FLOOD = 1_500  # more than one client is answered at once


def order(order_id: str, **changes: Any) -> OrderProposed:
    return proposal(order_id, quantity=D("0.01"), stop_price=D(19_000), **changes)


class Signers:
    """Clients' own keys, as their libraries read them, and a portfolio on a server."""

    def __init__(self, portfolio: Portfolio) -> None:
        self.portfolio, self.bus = portfolio, portfolio.bus
        self.folder = Path(portfolio.keys) / CLIENTS_FOLDER

    def key(self, client: str = "ana") -> ClientKey:
        found = client_key(str(self.folder / f"{client}.key"))
        assert found is not None
        return found

    async def put(self, message: Message, signature: bytes = b"", queue: str = ANA) -> None:
        """By the function, as the client libraries do, and let the gate read it."""
        fields = ("s", signature) if signature else ()
        await self.bus.client.fcall("hs_propose", 1, queue, encode(message), *fields)
        await self.portfolio.work()

    async def put_signed(self, message: Message, client: str = "ana") -> None:
        queue = MAIN.of_client(client)
        await self.put(message, self.key(client).signature(queue, encode(message)), queue)

    async def decided(self) -> dict[str, str]:
        found = await self.bus.latest(MAIN.of(DECIDED), 1000)
        return {each.order_id: each.verdict for each in reversed(found) if isinstance(each, OrderDecided)}

    async def refused(self) -> list[ProposalRefused]:
        found = await self.bus.latest(MAIN.of(DECIDED), 1000)
        return [each for each in reversed(found) if isinstance(each, ProposalRefused)]


@pytest.fixture
async def stage(redis_bus: RedisBus, tmp_path: Path) -> Signers:
    folder = tmp_path / "keys"
    write_new_keys(folder / CLIENTS_FOLDER, ["ana", "bob"])
    await redis_bus.client.hset(
        MAIN.clients, mapping={"ana": "0", "bob": "0"}
    )  # or a second passes until they are found
    return Signers(await Portfolio.begin(redis_bus, folder, SIGNED))


async def test_what_its_key_signed_is_decided_and_who_need_not_sign_goes_on_as_before(stage: Signers) -> None:
    await stage.put_signed(order("a-1"))
    await stage.put(order("b-1"), queue=BOB)
    await stage.bus.publish([order("stack-1")])
    await stage.portfolio.work()
    assert await stage.decided() == {"a-1": "approve", "b-1": "approve", "stack-1": "approve"}
    assert await stage.refused() == []


def of_another_body(key: ClientKey) -> bytes:
    return key.signature(ANA, encode(order("a-1", strategy="another")))


def of_another_queue(key: ClientKey) -> bytes:
    return key.signature(BOB, encode(order("a-1")))


def of_another_portfolio(key: ClientKey) -> bytes:
    return key.signature(ANA.replace("{main}", "{other}"), encode(order("a-1")))


def of_long_ago(key: ClientKey) -> bytes:
    return key.signature(ANA, encode(order("a-1")), RealClock().wall_ns() // 1_000_000 - TOO_LONG_MS)


def of_a_time_to_come(key: ClientKey) -> bytes:
    return key.signature(ANA, encode(order("a-1")), RealClock().wall_ns() // 1_000_000 + TOO_LONG_MS)


def with_another_secret(key: ClientKey) -> bytes:
    return key._replace(secret=b"\0" * 32).signature(ANA, encode(order("a-1")))


def with_another_time(key: ClientKey) -> bytes:
    """The digest of one time under another: a copy that was made to look new."""
    algorithm, name, at_ms, digest = of_long_ago(key).split(b" ")
    return b" ".join((algorithm, name, str(int(at_ms) + TOO_LONG_MS).encode(), digest))


def by_a_key_that_nobody_has(key: ClientKey) -> bytes:
    return key._replace(id="k0").signature(ANA, encode(order("a-1")))


def by_another_algorithm(key: ClientKey) -> bytes:
    return key.signature(ANA, encode(order("a-1"))).replace(b"hmac-sha256", b"none")


FORGERIES = {
    of_another_body: "it was changed, or signed for another queue",
    of_another_queue: "signed for another queue",
    of_another_portfolio: "signed for another queue",
    of_long_ago: "s before it came, and 300 may be: set the clock",
    of_a_time_to_come: "s after it came, and 300 may be: set the clock",
    with_another_secret: "is not client ana's for this message in hs:{main}:clients:ana",
    with_another_time: "is not client ana's",
    by_a_key_that_nobody_has: "client ana has no key k0 here",
    by_another_algorithm: "is no signature of a client: write hmac-sha256, the id of the key",
    lambda _: b"": "client ana has to sign here, and this is not signed: sign with its key",
    lambda _: b"x" * 60_000: "'xxxxxxxxxxxxxxxxxxxxxxxx' is no signature",
    lambda _: b"\xff\x00\n": "is no signature",
}


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda forge: forge.__name__)
async def test_what_its_key_did_not_sign_is_refused_by_name_before_it_is_decided(stage: Signers, forge: Any) -> None:
    await stage.put(order("a-1"), forge(stage.key()))
    assert await stage.bus.client.xlen(ANA) == 1
    assert await stage.decided() == {}
    [refused] = await stage.refused()
    assert (refused.code, refused.field, refused.order_id) == ("not_signed", "signature", "a-1")
    assert FORGERIES[forge] in refused.reason
    [letter] = await stage.portfolio.refused()
    assert (letter.source, letter.field) == (ANA, "signature")
    await stage.put_signed(order("a-1"))  # a refusal takes no id
    assert await stage.decided() == {"a-1": "approve"}


async def test_another_clients_key_does_not_sign_for_it(stage: Signers) -> None:
    await stage.put(order("a-1"), stage.key("bob").signature(ANA, encode(order("a-1"))))
    assert await stage.decided() == {}


@pytest.mark.parametrize(
    "message",
    [
        CancelProposed(id="c-1", time_ns=0, order_id="a-1"),
        StopRaised(id="s-1", time_ns=0, symbol="BTC/USDT", stop_price=D(19_500)),
    ],
    ids=lambda message: type(message).__name__,
)
async def test_cancels_and_stops_are_signed_too(stage: Signers, message: Message) -> None:
    await stage.put_signed(order("a-1", order_type="limit", limit_price=D(19_990)))
    before = len(await stage.bus.latest(MAIN.of(DECIDED), 1000))
    await stage.put(message)
    [refused] = await stage.refused()
    assert (refused.code, refused.what, refused.cause) == ("not_signed", type(message).__name__, message.id)
    assert len(await stage.bus.latest(MAIN.of(DECIDED), 1000)) == before + 1
    await stage.put_signed(message)
    assert [each.code for each in await stage.refused()][1:] != ["not_signed"]


async def test_a_copy_of_what_was_signed_leads_to_the_same_verdict_and_to_nothing_else(stage: Signers) -> None:
    await stage.put_signed(order("a-1"))
    stored = await stage.bus.decision("a-1")
    reserved = await stage.bus.client.hgetall("hs:{main}:risk:reserved")
    [(_, fields)] = await stage.bus.client.xrange(ANA)
    for _ in range(3):
        await stage.bus.client.xadd(ANA, fields)
        await stage.portfolio.work()
    assert await stage.bus.client.xlen(ANA) == 4
    assert await stage.bus.decision("a-1") == stored
    assert await stage.bus.client.hgetall("hs:{main}:risk:reserved") == reserved
    assert await stage.decided() == {"a-1": "approve"}
    assert await stage.refused() == []
    await stage.bus.client.xadd(BOB, fields)  # in another's queue the id is another's
    await stage.portfolio.work()
    assert [each.code for each in await stage.refused()] == ["other_body"]
    assert await stage.bus.decision("a-1") == stored


async def test_a_copy_of_long_ago_is_refused_even_where_the_decision_is_not_kept_any_more(stage: Signers) -> None:
    await stage.put(order("a-1"), of_long_ago(stage.key()))
    assert [each.code for each in await stage.refused()] == ["not_signed"]
    assert await stage.decided() == {}


async def test_what_waited_while_the_gate_was_away_counts_by_when_it_came(stage: Signers) -> None:
    came_ms = RealClock().wall_ns() // 1_000_000 - 3_600_000
    body = encode(order("a-1"))
    await stage.bus.client.xadd(ANA, {"m": body, "s": stage.key().signature(ANA, body, came_ms)}, id=f"{came_ms}-0")
    await stage.portfolio.start(wiring.RISK)
    await stage.portfolio.work()
    assert await stage.decided() == {"a-1": "approve"}


async def test_a_flood_of_forgeries_is_told_of_a_few_times_and_costs_others_no_answer(stage: Signers) -> None:
    pipe = stage.bus.client.pipeline(transaction=False)
    for number in range(FLOOD):
        pipe.xadd(ANA, {"m": encode(order(f"a-{number}")), "s": b"x"})
    await pipe.execute()
    await stage.put(order("b-1"), queue=BOB)
    assert await stage.decided() == {"b-1": "approve"}
    answered = await stage.refused()
    assert 0 < len(answered) < FLOOD
    log = stage.portfolio.hosts[wiring.RISK].log
    assert isinstance(log, LogLines)
    lines = [event for event, _ in log.lines if event.startswith("message")]
    assert 0 < len(lines) < 100
    await stage.put_signed(order("mine"))
    assert (await stage.decided())["mine"] == "approve"


# --- keys -------------------------------------------------------------------------------------------------------------


async def test_a_key_is_changed_without_a_stop_and_a_lost_one_is_void_within_a_second(stage: Signers) -> None:
    lost = stage.key()
    await stage.put_signed(order("a-1"))
    rotate(stage.folder, ["ana"])
    assert stage.key() != lost
    await stage.put_signed(order("a-2"))
    await stage.put(order("a-3"), lost.signature(ANA, encode(order("a-3"))))
    assert await stage.decided() == {"a-1": "approve", "a-2": "approve", "a-3": "approve"}
    forget_old(stage.folder, ["ana"])
    await stage.portfolio.hosts[wiring.RISK]._look()  # as it does every second
    await stage.put(order("a-4"), lost.signature(ANA, encode(order("a-4"))))
    [refused] = await stage.refused()
    assert f"client ana has no key {lost.id} here (any more)" in refused.reason
    (stage.folder / "ana.key").unlink()
    await stage.portfolio.hosts[wiring.RISK]._look()
    await stage.put(order("a-5"))
    assert "a-5" not in await stage.decided()


@pytest.mark.parametrize("content", [None, "no key\n", ""])
async def test_a_client_without_a_key_is_refused_alone_and_the_log_says_so_at_the_start(
    stage: Signers, content: str | None
) -> None:
    key, path = stage.key(), stage.folder / "ana.key"
    path.unlink()
    if content is not None:
        path.write_text(content)
    host = await stage.portfolio.start(wiring.RISK)
    assert isinstance(host.log, LogLines)
    [told] = [fields for event, fields in host.log.lines if event == "client_key_missing"]
    assert told["client"] == "ana"
    await stage.put(order("a-1"), key.signature(ANA, encode(order("a-1"))))
    await stage.put(order("b-1"), queue=BOB)
    assert await stage.decided() == {"b-1": "approve"}
    [refused] = await stage.refused()
    assert "the gate has no key of client ana: its owner looks with heatsink doctor" in refused.reason


async def test_the_gate_does_not_start_where_somebody_must_sign_and_nothing_is_signed(redis_bus: RedisBus) -> None:
    with pytest.raises(ConfigError, match="ana must sign"):
        await Portfolio.begin(redis_bus, None, SIGNED)


async def test_who_proposes_on_behalf_of_a_client_signs_with_its_key(stage: Signers) -> None:
    ops = stage.portfolio.bus_of(wiring.OPS)
    await ops.propose(order("a-1"), "ana")
    await stage.portfolio.work()
    assert await stage.decided() == {"a-1": "approve"}
    os.rename(stage.folder / "ana.key", stage.folder / "away")
    assert ops.signatures.clients.missing(["ana", "bob"]) == ["ana"]
    await ops.propose(order("a-2"), "ana")
    await stage.portfolio.work()
    assert "a-2" not in await stage.decided()


def test_keys_of_clients_stand_apart_from_those_of_services_and_are_their_owners_alone(tmp_path: Path) -> None:
    write_new_keys(tmp_path / CLIENTS_FOLDER, ["risk"])
    assert not (tmp_path / "risk.key").exists()
    assert (tmp_path / CLIENTS_FOLDER).stat().st_mode & 0o777 == 0o700
    assert (tmp_path / CLIENTS_FOLDER / "risk.key").stat().st_mode & 0o777 == 0o600
