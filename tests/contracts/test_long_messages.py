"""How long a message may be: each topic has its own bound, for those who write as for those who read."""

from decimal import Decimal

import msgpack
import pytest
from msgspec.structs import replace

from shared.adapters.codec import TooLongError, UnreadableError, decode, encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.messages.base import MAX_MESSAGE_BYTES
from shared.messages.catalogue import MAX_SNAPSHOT_BYTES, PORTFOLIO, PROPOSED, SIGNALS
from shared.messages.portfolio import PortfolioMarked, PositionMarked
from shared.messages.signals import SignalRaised
from shared.ports.errors import CommitRefusedError
from shared.ports.writer_lease import Commit
from tests.keys import MAIN
from tests.samples import proposal, samples

AnyBus = MemoryBus | RedisBus
[SNAPSHOT] = [sample for sample in samples() if isinstance(sample, PortfolioMarked)]
[SIGNAL] = [sample for sample in samples() if isinstance(sample, SignalRaised)]
PortfolioKey = MAIN.of(PORTFOLIO)
ProposedKey = MAIN.of(PROPOSED)


def snapshot_of(positions: int) -> PortfolioMarked:
    held = [
        PositionMarked(
            symbol=f"PAIR{number}/USDT",
            sector="Layer 1",
            quantity=Decimal("1234.56789"),
            mark=0.123456,
            stop=Decimal("0.1111"),
            open_risk_usdt=12.3,
            notional_usdt=152.4,
        )
        for number in range(positions)
    ]
    return replace(SNAPSHOT, positions=tuple(held))


def commit_of(seq: int, *outputs: PortfolioMarked) -> Commit:
    records = {"ledger:main": b"row"}
    return Commit(seq=seq, outputs=outputs, records=records, cursors={}, handled=(), digest=1)


async def test_a_snapshot_of_ten_thousand_positions_is_read_by_everybody(bus: AnyBus) -> None:
    snapshot = snapshot_of(10_000)
    assert len(encode(snapshot)) > 10 * MAX_MESSAGE_BYTES
    writer = bus.writer_lease("risk", (), home="hs:{main}")
    await writer.acquire()
    async with bus.listen(PortfolioKey) as listener:
        await writer.commit(commit_of(1, snapshot))
        heard = await listener.next(2.0)
    assert heard is not None
    assert decode(heard[1]) == snapshot
    assert await bus.latest(PortfolioKey) == [snapshot]
    reader = bus.writer_lease("sizing", (PortfolioKey,), home="hs:{main}")
    await reader.acquire()
    [entry] = await reader.read(500)
    assert (entry.message, entry.fault) == (snapshot, None)
    if isinstance(bus, RedisBus):
        [seen] = await bus.read_from({PortfolioKey: "0"}, 500)
        assert seen.message == snapshot


async def test_a_commit_of_what_nobody_can_read_is_refused_and_writes_nothing(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (), home="hs:{main}")
    await lease.acquire()
    with pytest.raises(CommitRefusedError, match=rf"PortfolioMarked .* at most {MAX_SNAPSHOT_BYTES} are read"):
        await lease.commit(commit_of(1, snapshot_of(3), snapshot_of(50_000)))
    assert await bus.latest(PortfolioKey) == []
    assert ((await lease.load()).seq, (await lease.load()).records) == (0, {})
    await lease.commit(commit_of(1, snapshot_of(3)))
    assert await bus.latest(PortfolioKey) == [snapshot_of(3)]


async def test_what_nobody_can_read_is_not_published_either(bus: AnyBus) -> None:
    with pytest.raises(TooLongError, match="SignalRaised"):
        await bus.publish([replace(SIGNAL, strategy="x" * MAX_MESSAGE_BYTES)])
    assert await bus.latest(SIGNALS.key) == []


def padded(plain: dict[str, object], size: int) -> bytes:
    """The message with a field that nobody knows, exactly ``size`` bytes long."""
    spare = size - len(msgpack.packb({**plain, "pad": b"\0" * 300_000})) + 300_000
    body: bytes = msgpack.packb({**plain, "pad": b"\0" * spare})
    return body


@pytest.mark.parametrize("kinds", [(), PROPOSED.messages], ids=["anywhere", "on its topic"])
def test_a_proposal_is_read_up_to_its_own_bound_and_no_further(kinds: tuple[type, ...]) -> None:
    plain = msgpack.unpackb(encode(proposal()))
    with pytest.raises(UnreadableError, match=f"at most {MAX_MESSAGE_BYTES} are read") as caught:
        decode(padded(plain, 300_000), kinds)
    assert caught.value.field == "$"


async def test_a_long_proposal_is_refused_before_it_is_looked_into(bus: AnyBus) -> None:
    lease = bus.writer_lease("risk", (ProposedKey,), home="hs:{main}")
    await lease.acquire()
    long = b"\xc1" * (MAX_MESSAGE_BYTES + 1)  # no MessagePack at all: nobody gets to see that
    if isinstance(bus, MemoryBus):
        bus.append_bytes(ProposedKey, long)
    else:
        await bus.client.xadd(ProposedKey, {"m": long})
    [entry] = await lease.read(500)
    assert entry.fault == ("$", f"{MAX_MESSAGE_BYTES + 1} bytes; at most {MAX_MESSAGE_BYTES} are read")


def test_bytes_beyond_every_bound_are_refused_by_their_number() -> None:
    with pytest.raises(UnreadableError, match=f"at most {MAX_SNAPSHOT_BYTES} are read"):
        decode(b"\xc1" * (MAX_SNAPSHOT_BYTES + 1))
