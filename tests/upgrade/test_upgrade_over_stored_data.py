"""A stack that is upgraded over its own data goes on where the version before it stopped."""

from collections import Counter
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgpack
import pytest

from shared.adapters.clocks import ManualClock
from shared.adapters.codec import encode
from shared.adapters.redis.bus import RedisBus
from shared.messages.halts import Alerted
from shared.messages.orders import OrderDecided, OrderFilled, ProposalRefused
from shared.messages.signals import PositionSized, SignalRefused
from tests.upgrade.record import Row, b64decode, made_after, restore, written
from tests.upgrade.scene import Stack

ADDED_SINCE = {
    "finished",
    "unpriced",
    "set_aside",
    "client_order",
    "client_position",
    "client_ended",
    "owners",
}  # kinds of records that no recording has
# Earlier versions dropped in silence what is refused by name today.
SILENT_THEN = {ProposalRefused.__name__, SignalRefused.__name__}
RECORDED = sorted(Path(__file__).parent.glob("recorded-*.jsonl.gz"))


async def restored(bus: RedisBus, path: Path) -> tuple[Stack, list[Row]]:
    """Services of this version over what the earlier one left, and what the earlier one made of it."""
    head, *rows = written(path)
    await restore(bus.client, [row for row in rows if "key" in row])
    stack = Stack(bus, ManualClock(head["clock_ns"]))
    await stack.start()
    return stack, [row for row in rows if "topic" in row]


def decoded(row: Row) -> dict[str, Any]:
    """A message as plain data. Positions stood in the order of the stored hash, which differs from server to server.

    Without the policy, which is the name of all settings that there are: each new one changes it.
    """
    message: dict[str, Any] = msgpack.unpackb(b64decode(row["body"]))
    message = {name: value for name, value in message.items() if not name.startswith("policy")}
    if message["type"] == PositionSized.__name__:
        message["stop_price"] = round(message["stop_price"])  # it stands on the price step now
    if "positions" in message:
        message["positions"].sort(key=itemgetter("symbol"))
    return message


def as_known_then(made: Any, then: Any) -> Any:
    """A message as the earlier version would have written it: without what was added since."""
    if isinstance(then, dict) and isinstance(made, dict):
        return {name: as_known_then(made[name], then[name]) for name in then if name in made}
    if isinstance(then, list) and isinstance(made, list) and len(made) == len(then):
        return [as_known_then(one, other) for one, other in zip(made, then, strict=True)]
    return made


# Earlier versions forgot daily figures when a pair got another name, and with them a part of what getting out of it
# costs: 0.6 USDT of 350 at risk. So these stand rounded, to so many places.
FORGOTTEN_AT_A_RENAME = {"heat": 3, "heat_open": 3, "heat_before": 3, "heat_after": 3, "open_risk_usdt": -1}
RESIDUE = 1e-12  # of a sum of floats that is 0: earlier versions told it


def as_meant(value: Any) -> Any:
    """Without residues, and without the short name of all settings, which has changed with those that were added."""
    if isinstance(value, dict):
        known = {name: item for name, item in value.items() if name not in ("policy", "policy_before")}
        return {
            name: round(item, FORGOTTEN_AT_A_RENAME[name]) if name in FORGOTTEN_AT_A_RENAME else as_meant(item)
            for name, item in known.items()
        }
    if isinstance(value, list):
        return [as_meant(item) for item in value]
    return 0.0 if isinstance(value, float) and abs(value) < RESIDUE else value


def is_unknown_then(message: dict[str, Any]) -> bool:
    """Whether no earlier version said it: of a criterion that only halted, nobody was warned."""
    return message["type"] in SILENT_THEN or (message["type"] == Alerted.__name__ and message["trigger"] == "liquidity")


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
async def test_services_go_on_from_records_of_an_earlier_version_to_the_same_messages(
    redis_bus: RedisBus, path: Path
) -> None:
    stack, expected = await restored(redis_bus, path)
    made = [row for row in await made_after(stack) if not is_unknown_then(decoded(row))]
    then, now = [decoded(row) for row in expected], [decoded(row) for row in made]
    assert [row["topic"] for row in made] == [row["topic"] for row in expected]
    known = [as_known_then(one, other) for one, other in zip(now, then, strict=True)]
    assert as_meant(known) == as_meant(then)
    verdicts = Counter(each["verdict"] for each in then if each["type"] == OrderDecided.__name__)
    assert verdicts["approve"] > 5
    assert verdicts["reject"] >= 2
    assert any(each["type"] == OrderFilled.__name__ and each["side"] == "sell" for each in then)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
async def test_every_kind_of_record_of_every_machine_was_recorded_and_is_read(redis_bus: RedisBus, path: Path) -> None:
    """So that no kind of record can change its form unnoticed."""
    head, *rows = written(path)
    await restore(redis_bus.client, [row for row in rows if "key" in row])
    stack = Stack(redis_bus, ManualClock(head["clock_ns"]))
    stored = {row["key"]: row["hash"] for row in rows if "hash" in row}
    await stack.start()
    for host in stack.hosts:
        state = stored[f"{host.spec.home}:state:{host.spec.service}"]
        kinds = host.spec.machine.records.kinds
        assert {field.partition(":")[0] for field in state} == set(kinds) - ADDED_SINCE
        for field, body in state.items():
            kind, _, name = field.partition(":")
            assert msgpack.unpackb(b64decode(body)).keys() <= fields_of(host.spec.machine.records.get(kind, name, Any))


def fields_of(record: Any) -> set[str]:
    assert record is not None
    found: set[str] = set(msgpack.unpackb(encode(record)))
    return found


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.name)
async def test_an_order_that_was_decided_before_the_upgrade_is_not_decided_again(
    redis_bus: RedisBus, path: Path
) -> None:
    stack, _ = await restored(redis_bus, path)
    decision = await redis_bus.decision("client-btc")
    assert decision is not None
    assert decision.quantity_approved > Decimal(0)
    before = await redis_bus.client.xlen("hs:{main}:orders:decided")
    proposed = next(
        each for each in await redis_bus.latest("hs:{main}:orders:proposed", 500) if each.id == "client-btc"
    )
    await redis_bus.publish([proposed])
    await stack.settle()
    after = await redis_bus.latest("hs:{main}:orders:decided", 500)
    assert len(after) >= before
    assert sum(isinstance(each, OrderDecided) and each.order_id == "client-btc" for each in after) == 1
