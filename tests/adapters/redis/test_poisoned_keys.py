"""Every key of a stack that runs is poisoned, one at a time, with everything that a key may hold.

Nobody crashes: whoever cannot go on says which key it is. What does not need the key works as before, and repair brings
back what does.
"""

from collections import Counter
from collections.abc import Iterator

import pytest
from _pytest.mark.structures import ParameterSet

from shared.adapters.redis.bus import RedisBus
from shared.adapters.redis.keys import decision_key
from shared.messages.catalogue import BARS, DECIDED, EXECUTED, PROPOSED
from shared.ports.errors import MisplacedKeyError
from tests.adapters.redis.repaired_stack import FOREIGN_ROW, LAST_ID, POISONS, SmallStack
from tests.keys import MAIN
from tests.samples import fill
from tests.tables import sampled

MINE = "hs:{main}:"
MACHINES = ("risk", "execution", "sizing")
STREAMS = (
    "hs:bars:1d", "hs:pairs", "hs:feeds", "hs:signals", "hs:dead", "hs:set-aside", MINE + "sizes", MINE + "portfolio",
    MINE + "halts", MINE + "audit", MINE + "control", MINE + "orders:proposed", MINE + "orders:decided",
    MINE + "orders:executed", MINE + "orders:reported", MINE + "clients:bot", MINE + "reports:bot",
    MINE + "journal:risk", MINE + "journal:execution", MINE + "journal:sizing",
)  # fmt: skip
HASHES = (
    "hs:library", "hs:marks", "hs:books", "hs:services", "{hs:bars:1d}:last", "{hs:market}:meta", MINE + "services",
    MINE + "reserved", MINE + "clients",
    *(f"{MINE}{kind}:{name}" for kind in ("meta", "cursors", "state", "tries") for name in MACHINES),
)  # fmt: skip
STRINGS = (
    "hs:identity", "hs:clock", "{hs:market}:lease", "{hs:bars:1d}:epoch", "{hs:marks}:epoch", "{hs:books}:epoch",
    MINE + "decision:o-1", MINE + "lease:risk", MINE + "lease:execution",
)  # fmt: skip
KINDS = dict.fromkeys(STREAMS, "stream") | dict.fromkeys(HASHES, "hash") | dict.fromkeys(STRINGS, "string")
# Without these the gate decides nothing: what it reads of proposals, what it writes to, what it goes on from. Whoever
# proposes is told, or the proposal waits.
OF_THE_GATE = {
    *(MINE + key for key in ("orders:proposed", "orders:decided", "journal:risk", "reserved")),
    *(f"{MINE}{kind}:risk" for kind in ("meta", "cursors", "state")),
    "hs:identity",
}
HELD_FOR_EVER = (MINE + "lease:risk", "string")  # by somebody who never has to renew it: whoever starts waits
# An answer to what the market does may be due on these, and without it a step is not taken.
PERHAPS = {MINE + key for key in ("portfolio", "halts", "audit")}
BEYOND_REPAIR = {f"{MINE}state:{name}" for name in MACHINES}
HIT = Counter[str]()
CASES = [(key, poison) for key in KINDS for poison in POISONS if not (KINDS[key] == poison == "stream")]


def cases() -> Iterator[ParameterSet]:
    """Of each key one kind of poison, another one for each, and half of these wide; all others with those of chaos."""
    kinds = list(POISONS)
    for key, poison in CASES:
        number = list(KINDS).index(key)
        turn = (kinds.index(poison) - number) % len(kinds)
        marks = pytest.mark.chaos if turn else pytest.mark.wide if number % 2 else ()
        yield pytest.param(key, poison, marks=marks, id=f"{poison} at {key}")


@pytest.mark.parametrize(("key", "poison"), list(cases()))
async def test_a_poisoned_key_stops_what_depends_on_it_and_repair_brings_that_back(
    redis_bus: RedisBus, key: str, poison: str
) -> None:
    stack = await SmallStack.begin(redis_bus)
    kept = await redis_bus.client.dump(key)
    if poison != KINDS[key] or poison == "string":
        await redis_bus.client.delete(key)
    await POISONS[poison](redis_bus, key)
    HIT[poison] += 1
    decided = []
    for _ in range(2):  # for those that run, and for those that start
        await stack.market_moves()
        decided.append(await stack.propose())
        await redis_bus.heartbeats()
        await stack.restart()
    if key not in OF_THE_GATE | PERHAPS and (key, poison) != HELD_FOR_EVER:
        assert None not in decided, stack.ended
    await check_repair(stack, key, kept)


@pytest.mark.parametrize("key", sampled(STREAMS, every=5))
async def test_a_stream_with_the_last_id_there_is_takes_entries_again_once_it_was_repaired(
    redis_bus: RedisBus, key: str
) -> None:
    stack = await SmallStack.begin(redis_bus)
    await redis_bus.client.xadd(key, {"m": b"poison"}, id=LAST_ID)
    before = await redis_bus.client.xlen(key) - 1
    decided = []
    for _ in range(2):
        await stack.market_moves()
        decided.append(await stack.propose())
        await stack.restart()
    if key not in OF_THE_GATE | PERHAPS:
        assert None not in decided, stack.ended
    seq = await redis_bus.client.hget(MINE + "meta:risk", "seq")
    assert int(seq) == await redis_bus.client.xlen(MINE + "journal:risk") - (key == MINE + "journal:risk")
    assert key in [fault.key for fault in await stack.faults()]
    await check_repair(stack, key, b"")
    assert await redis_bus.client.xlen(key) >= before
    await redis_bus.client.xadd(key, {"m": b"one more"})


async def check_repair(stack: SmallStack, key: str, kept: bytes) -> None:
    """Repair finds it, and all work again; what cannot be made anew is put back from a copy."""
    found = [fault.key for fault in await stack.faults()]
    assert key in found or await stack.bus.client.type(key) in (KINDS[key].encode(), b"none")
    mended = await stack.mended()
    left = await stack.faults()
    if key in BEYOND_REPAIR and left:
        assert {fault.key for fault in left} == {key}
        await stack.bus.client.delete(key)
        await stack.bus.client.restore(key, 0, kept)
        left = await stack.faults()
    assert left == []
    if key == "hs:identity":  # what is sealed names the data: only a copy, or who looks after them, has the name
        await stack.bus.client.delete(key)
        await stack.bus.client.restore(key, 0, kept)
    stack.ended.clear()
    await stack.bus.note_library()
    await stack.bus.check_library()
    if await stack.bus.identity() == "":
        await stack.bus.named_identity()
    await stack.market_moves()
    again = await stack.propose()
    if again is None and key in BEYOND_REPAIR:  # a foreign row among the records: nobody can tell which it is
        assert "do not match the digest" in stack.ended["risk"]
        await stack.bus.client.hdel(key, FOREIGN_ROW)
        await stack.restart()
        again = await stack.propose()
    assert again is not None, (found, mended, stack.ended)


async def test_all_kinds_of_poison_were_given() -> None:
    assert not HIT or set(HIT) <= set(POISONS)


# --- numbers and rows -----------------------------------------------------------------------------------------------

ROWS = [
    (MINE + "meta:risk", "epoch", b"x"), (MINE + "meta:risk", "seq", b"nan"), (MINE + "meta:risk", "digest", b"-1"),
    (MINE + "meta:risk", "seq", b"9" * 40), (MINE + "cursors:risk", MAIN.of(PROPOSED), b"garbage"),
    (MINE + "cursors:risk", MAIN.of(EXECUTED), LAST_ID.encode()), (MINE + "cursors:sizing", "hs:bars:1d", b"\xff"),
    (MINE + "meta:risk", "epoch", b"9" * 16), (MINE + "meta:risk", "seq", b"9" * 16),
    (MINE + "cursors:risk", MAIN.of(EXECUTED), b"9" * 20 + b"-0"), ("{hs:market}:meta", "epoch", b"9" * 16),
    (MINE + "tries:risk", "start", b"many"), ("hs:services", "risk", b"\xc1"), ("hs:services", b"\xff", b"\xc1"),
    ("{hs:bars:1d}:last", "BTC/USDT", b"soon"), ("{hs:bars:1d}:last", "BTC/USDT", b"9" * 16),
    ("{hs:bars:1d}:last", "BTC/USDT", b"9000000000000"), ("{hs:market}:meta", "epoch", b"inf"),
    ("hs:marks", "BTC/USDT", b"\xc1"), (MINE + "reserved", "o-1", b"nan"), (MINE + "reserved", "o-1", b"garbage"),
    (MINE + "reserved", "stranger", b"-1e9"),
    (MINE + "meta:risk", "reserved", b"nan"), (MINE + "meta:risk", "reserved", b"inf"),
    (MINE + "meta:risk", "reserved", b"-1e9"), (MINE + "meta:risk", "reserved", b"none"),
]  # fmt: skip


@pytest.mark.parametrize(("key", "row", "body"), sampled(ROWS, every=3))
async def test_a_poisoned_row_crashes_nobody_and_is_repaired(
    redis_bus: RedisBus, key: str, row: str, body: bytes
) -> None:
    stack = await SmallStack.begin(redis_bus)
    await redis_bus.client.hset(key, row, body)
    await stack.market_moves()
    await stack.propose()
    await redis_bus.heartbeats()
    await stack.restart()
    await stack.propose()
    await check_repair(stack, key, b"")
    await stack.restart()
    assert await stack.propose() is not None


async def test_a_sum_of_reserved_risk_that_is_no_number_is_added_up_anew_and_orders_go_on(redis_bus: RedisBus) -> None:
    stack = await SmallStack.begin(redis_bus)
    await redis_bus.client.hset(MINE + "meta:risk", "reserved", "nan")
    decided = await stack.propose()
    assert decided is not None
    assert decided.verdict == "approve"
    total = float(await redis_bus.client.hget(MINE + "meta:risk", "reserved"))
    assert total == pytest.approx(sum(map(float, await redis_bus.client.hvals(MINE + "reserved"))))


async def test_a_row_of_reserved_risk_that_is_no_number_stops_the_gate_by_name_until_it_is_mended(
    redis_bus: RedisBus,
) -> None:
    stack = await SmallStack.begin(redis_bus)
    await redis_bus.client.hset(MINE + "reserved", "stranger", "garbage")
    await redis_bus.client.hset(MINE + "meta:risk", "reserved", "nan")
    assert await stack.propose() is None
    assert "its reserved risk are not what commit" in stack.ended["risk"]
    assert MINE + "reserved" in await stack.mended()


# --- decisions, and what came before them ---------------------------------------------------------------------------


@pytest.mark.parametrize("poison", sampled(sorted(POISONS), every=4))
async def test_what_stands_where_a_decision_belongs_stops_that_order_alone(redis_bus: RedisBus, poison: str) -> None:
    stack = await SmallStack.begin(redis_bus)
    await POISONS[poison](redis_bus, decision_key(MAIN, "poisoned"))
    assert await stack.propose("poisoned") is None
    assert await stack.propose("other") is not None
    assert await stack.mended() == [decision_key(MAIN, "poisoned")]
    assert await redis_bus.decision("poisoned") is None


async def test_a_decision_that_somebody_wrote_over_is_the_one_of_the_stream_again(redis_bus: RedisBus) -> None:
    stack = await SmallStack.begin(redis_bus)
    decided = await redis_bus.decision("o-1")
    await redis_bus.client.set(decision_key(MAIN, "o-1"), b"garbage")
    assert await stack.mended() == [decision_key(MAIN, "o-1")]
    assert await redis_bus.decision("o-1") == decided
    assert await redis_bus.client.pttl(decision_key(MAIN, "o-1")) > 0


async def test_a_fill_that_comes_before_its_order_is_decided_crashes_nobody(redis_bus: RedisBus) -> None:
    stack = await SmallStack.begin(redis_bus)
    await redis_bus.publish([fill("early")])
    assert await stack.propose("early") is not None
    await stack.restart()
    assert await stack.propose("later") is not None


async def test_bars_go_on_in_other_timeframes_and_the_key_is_named(redis_bus: RedisBus) -> None:
    await SmallStack.begin(redis_bus)
    await redis_bus.client.hset("{hs:bars:1d}:last", "BTC/USDT", "soon")
    with pytest.raises(MisplacedKeyError, match="holds no time for BTC/USDT"):
        await redis_bus.bar_watermarks("1d")
    assert await redis_bus.bar_watermarks("1h") == {}
    assert await redis_bus.latest(MAIN.of(DECIDED)) != []
    assert MAIN.of(BARS, "1d") == "hs:bars:1d"
