"""The rows of reserved risk, from which the server keeps its own sum."""

import msgspec

from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.keys import reserved_key
from shared.adapters.redis.repair.faults import KeyFault, Mend, Stack
from shared.adapters.redis.repair.kinds import kind_of, wrong_kind
from shared.domain.risk.state.reservations import ORDER, OpenOrder

SLACK_USDT = 0.01
Rows = dict[bytes, bytes]


async def reserved_fault(stack: Stack) -> KeyFault | None:
    """Reserved risk that is not what the records of open orders come to, by order and in all."""
    client, key = stack.client, reserved_key(stack.keys.home)
    state, meta = stack.reserves.key("state"), stack.reserves.key("meta")
    if await kind_of(client, state) not in ("hash", "none") or await kind_of(client, meta) not in ("hash", "none"):
        return None  # nobody can tell yet
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    elif not (problem := await _difference(client, key, state, meta)):
        return None
    return KeyFault(key, problem, "it is counted anew from the records of open orders", _counting(stack))


async def _difference(client: Client, key: str, state: str, meta: str) -> str:
    pipe = client.pipeline(transaction=True)
    pipe.hgetall(key)
    pipe.hgetall(state)
    pipe.hget(meta, "reserved")
    async with bus_errors(key):
        rows, records, total = await pipe.execute()
    wanted, found = _wanted(records), {order.decode(errors="replace"): _amount(risk) for order, risk in rows.items()}
    for order in sorted(wanted.keys() | found.keys()):
        if not abs(found.get(order, 0.0) - wanted.get(order, 0.0)) <= SLACK_USDT:
            return f"holds {found.get(order, 0.0):g} USDT for order {order[:64]}, its record {wanted.get(order, 0.0):g}"
    if not abs(_amount(total or b"0") - sum(wanted.values())) <= SLACK_USDT:
        return f"its sum is {_amount(total or b'0'):g} USDT, its orders hold {sum(wanted.values()):g}"
    return ""


def _wanted(records: Rows) -> dict[str, float]:
    """What each open order reserves, by the records."""
    wanted = {}
    for name, body in records.items():
        if name.startswith(f"{ORDER}:".encode()):
            try:
                order = msgspec.msgpack.decode(body, type=OpenOrder)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue
            if (risk := float(order.left) * order.unit_risk) > 0:
                wanted[order.order_id] = risk
    return wanted


def _amount(text: bytes) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _counting(stack: Stack) -> Mend:
    async def count() -> None:
        client, key = stack.client, reserved_key(stack.keys.home)
        async with bus_errors(key):
            wanted = _wanted(await client.hgetall(stack.reserves.key("state")))
        pipe = client.pipeline(transaction=True)
        pipe.unlink(key)
        if wanted:
            pipe.hset(key, mapping={order: f"{risk:.17g}" for order, risk in wanted.items()})
        pipe.hset(stack.reserves.key("meta"), "reserved", f"{sum(wanted.values()):.17g}")
        async with bus_errors(key):
            await pipe.execute()

    return count
