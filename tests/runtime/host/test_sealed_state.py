"""What a machine left in the store is held against its seal, while it works and when it starts."""

from pathlib import Path

import pytest

from services import wiring
from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.client import library_code
from shared.adapters.signing import write_new_keys
from shared.application.sealing import adopt
from shared.messages.catalogue import EXECUTED
from shared.ports.errors import CorruptStateError, StateGoneError
from tests.keys import MAIN
from tests.runtime.host.forgery import Portfolio

META, CURSORS, RESERVED = (f"{MAIN.home}:{kind}" for kind in ("meta:risk", "cursors:risk", "reserved"))


@pytest.fixture(params=["signed", "unsigned"])
async def portfolio(request: pytest.FixtureRequest, redis_bus: RedisBus, tmp_path: Path) -> Portfolio:
    begun = await Portfolio.begin(redis_bus, tmp_path / "keys" if request.param == "signed" else None)
    await begun.buy("o-1")
    return begun


async def refusals(portfolio: Portfolio) -> list[str]:
    """What the host at work says, and the next one to start."""
    said = []
    for attempt in (portfolio.hosts[wiring.RISK]._look, lambda: portfolio.start(wiring.RISK)):
        with pytest.raises(CorruptStateError) as error:
            await attempt()
        said.append(str(error.value))
    return said


async def test_what_nobody_touched_passes_and_so_does_the_next_start(portfolio: Portfolio) -> None:
    await portfolio.hosts[wiring.RISK]._look()
    await portfolio.start(wiring.RISK)
    await portfolio.hosts[wiring.RISK]._look()


async def test_a_cursor_that_was_set_back_stops_the_service_before_a_fill_counts_twice(portfolio: Portfolio) -> None:
    stream = MAIN.of(EXECUTED)
    assert await portfolio.bus.client.hget(CURSORS, stream) != b"0-0"
    assert await portfolio.bus.client.hset(CURSORS, stream, "0-0") == 0  # there before, and forged now
    assert all("its cursors are not what commit" in said for said in await refusals(portfolio))


@pytest.mark.parametrize("total", ["-1000000000", "nan", "1e12"])
async def test_a_sum_of_reserved_risk_that_its_orders_do_not_hold_is_refused(portfolio: Portfolio, total: str) -> None:
    await portfolio.bus.client.hset(META, "reserved", total)
    assert await portfolio.bus.client.hget(META, "reserved") == total.encode()
    assert all(f"sum of reserved risk is {total}" in said for said in await refusals(portfolio))


async def test_a_row_of_reserved_risk_that_no_commit_wrote_is_refused(portfolio: Portfolio) -> None:
    assert await portfolio.bus.client.hset(RESERVED, "o-9", "-1000000000") == 1
    assert all("its reserved risk are not" in said for said in await refusals(portfolio))


async def test_a_record_that_was_changed_is_refused_at_the_next_start(portfolio: Portfolio) -> None:
    keys = await portfolio.bus.client.hkeys(f"{MAIN.home}:state:risk")
    assert await portfolio.bus.client.hdel(f"{MAIN.home}:state:risk", keys[0]) == 1
    with pytest.raises(CorruptStateError, match=r"records (are not what|do not match the digest of) commit"):
        await portfolio.start(wiring.RISK)


async def test_a_seal_that_somebody_made_up_or_took_away_is_refused(portfolio: Portfolio) -> None:
    seal = (await portfolio.bus.client.hget(META, "seal")).decode()
    await portfolio.bus.client.hset(META, "seal", seal[:-4] + "0000")
    assert all("its seal is not of commit" in said for said in await refusals(portfolio))
    await portfolio.bus.client.hset(META, "seal", "")
    if portfolio.keys:
        with pytest.raises(CorruptStateError, match="it was never sealed"):
            await portfolio.start(wiring.RISK)


@pytest.mark.parametrize("portfolio", ["signed"], indirect=True)
async def test_a_number_of_a_commit_that_somebody_made_up_is_not_witnessed(portfolio: Portfolio) -> None:
    """Once it is mended, nobody must miss a thousand million commits."""
    made = await portfolio.bus.client.hget(META, "seq")
    await portfolio.bus.client.hset(META, "seq", 10**9)
    at_work = portfolio.hosts[wiring.RISK]
    await at_work._check_witness()
    assert await refusals(portfolio)
    begun = portfolio.hosts[wiring.RISK]
    assert not begun._is_sealed(await portfolio.bus.identity(), await begun.lease.look()), "a standby would note it"
    assert begun.memory.witness.seen is None
    assert at_work.memory.witness.seen is not None
    assert at_work.memory.witness.seen.seq == int(made or 0)
    await portfolio.bus.client.hset(META, "seq", made)
    await portfolio.start(wiring.RISK)


async def test_an_older_state_that_was_put_back_whole_is_noticed(portfolio: Portfolio) -> None:
    client = portfolio.bus.client
    before = {key: await client.hgetall(key) for key in (META, CURSORS, RESERVED)}
    await portfolio.buy("o-2")
    for key, rows in before.items():
        await client.delete(key)
        if rows:
            await client.hset(key, mapping=rows)
    with pytest.raises(StateGoneError, match="was made, the server has"):
        await portfolio.hosts[wiring.RISK]._look()


async def test_a_function_library_that_was_replaced_is_noticed_and_another_version_is_not(portfolio: Portfolio) -> None:
    risk, client = portfolio.bus_of(wiring.RISK), portfolio.bus.client
    await risk.check_library()
    forged = library_code().replace("return {'OK', plan", "return {'OK' , plan")
    assert forged != library_code()
    await client.function_load(forged, replace=True)
    try:
        with pytest.raises(CorruptStateError, match="functions on the server are not heatsink's"):
            await risk.check_library()
    finally:
        await client.function_load(library_code(), replace=True)


async def test_an_operator_takes_for_true_what_is_there_once_the_services_have_ended(portfolio: Portfolio) -> None:
    await portfolio.bus.client.hset(META, "reserved", "-1000000000")
    with pytest.raises(CorruptStateError):
        await portfolio.start(wiring.RISK)
    for host in portfolio.hosts.values():
        await host.lease.release()
    adopted = await adopt(portfolio.bus, [host.spec for host in portfolio.hosts.values()], portfolio.keys)
    assert [each.service for each in adopted] == [wiring.RISK, wiring.EXECUTION]
    assert "sum of reserved risk" in adopted[0].was
    for service in (wiring.RISK, wiring.EXECUTION):
        await portfolio.start(service)
        await portfolio.hosts[service]._look()
    await portfolio.buy("o-2")
    assert await portfolio.refused() == []


async def test_a_portfolio_from_before_there_were_keys_is_adopted_with_what_nobody_has_read(
    redis_bus: RedisBus, tmp_path: Path
) -> None:
    old = await Portfolio.begin(redis_bus, None)
    await old.buy("o-1")
    new = Portfolio(redis_bus, old.clock, str(tmp_path / "keys"))
    write_new_keys(tmp_path / "keys", wiring.key_holders())
    for host in old.hosts.values():
        await host.lease.release()
    with pytest.raises(CorruptStateError, match="heatsink keys"):
        await new.start(wiring.RISK)
    await new.hosts.pop(wiring.RISK).lease.release()
    await adopt(redis_bus, [host.spec for host in old.hosts.values()], new.keys)
    for service in (wiring.RISK, wiring.EXECUTION):
        await new.start(service)
    await new.buy("o-2")
    assert await new.refused() == []
    unsigned = Portfolio(redis_bus, new.clock, "")
    for host in new.hosts.values():
        await host.lease.release()
    with pytest.raises(CorruptStateError, match="none is configured"):
        await unsigned.start(wiring.RISK)
