"""What stands on the server of one machine: the numbers of its commits, its cursors, records, tries and leases."""

from collections.abc import AsyncIterator

import msgspec

from shared.adapters.redis.client import Client, bus_errors
from shared.adapters.redis.groups import groups_of
from shared.adapters.redis.journal import last_journalled
from shared.adapters.redis.keys import group_prefix, reserved_key
from shared.adapters.redis.repair.faults import KeyFault, Machine, Mend, Stack
from shared.adapters.redis.repair.kinds import deleting, kind_of, wrong_kind
from shared.adapters.redis.writer_lease import ENTRY_ID
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.ports.streams import entry_order, is_end_of_ids

NUMBERS = ("epoch", "seq", "digest")
MOST_DIGITS = 20
LONGEST_LEASE_MS = 60_000
SLACK_USDT = 0.01
RESTORE = "nothing here can give them back: restore the server's data from a copy (docs/repair.md)"
Rows = dict[bytes, bytes]


async def machine_faults(stack: Stack, machine: Machine) -> AsyncIterator[KeyFault]:
    """All that is wrong with one machine's keys; first those on which others build."""
    client = stack.client
    if fault := await wrong_kind(client, machine.key("state"), "hash"):
        yield KeyFault(fault.key, fault.problem, f"the records of {machine.service} are gone: {RESTORE}")
    if fault := await _meta(stack, machine):
        yield fault
    if fault := await _cursors(stack, machine):
        yield fault
    if fault := await _tries(client, machine.key("tries")):
        yield fault
    if fault := await lease_fault(client, machine.key("lease")):
        yield fault


async def lease_fault(client: Client, key: str) -> KeyFault | None:
    """A lease that is none, or that does not end: whoever waits for it would wait for ever."""
    if fault := await wrong_kind(client, key, "string"):
        return KeyFault(key, fault.problem, "it is taken away", deleting(client, key))
    async with bus_errors(key):
        left_ms = int(await client.pttl(key))
    if left_ms == -1 or left_ms > LONGEST_LEASE_MS:
        return KeyFault(key, "is held by somebody who never has to renew it", "it is taken away", deleting(client, key))
    return None


async def _tries(client: Client, key: str) -> KeyFault | None:
    if fault := await wrong_kind(client, key, "hash"):
        return fault
    async with bus_errors(key):
        rows = await client.hgetall(key)
    if all(each.isdigit() and len(each) < MOST_DIGITS for each in rows.values()):
        return None
    return KeyFault(key, "holds notes that are no numbers", "they are taken away", deleting(client, key))


# --- the numbers of its commits -------------------------------------------------------------------------------------


async def _meta(stack: Stack, machine: Machine) -> KeyFault | None:
    client, key = stack.client, machine.key("meta")
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows = await client.hgetall(key)
        odd = [name for name in NUMBERS if not _is_number(rows.get(name.encode(), b"0"))]
        if not odd and (rows or await kind_of(client, machine.key("state")) == "none"):
            return None
        problem = f"holds no number as {', '.join(odd)}" if odd else "is gone, and the records are not"
    if await kind_of(client, machine.key("journal")) != "stream":
        return KeyFault(key, problem, f"the journal is no stream either, and {RESTORE}")
    last = await last_journalled(client, machine.key("journal"))
    if last is None:
        return KeyFault(key, problem, f"no commit stands in the journal, and {RESTORE}")
    remedy = f"commit {last.seq} of the journal is the last one again, under a new epoch"
    return KeyFault(key, problem, remedy, _numbering(stack, machine))


def _is_number(text: bytes) -> bool:
    return text.isdigit() and len(text) <= MOST_DIGITS


def _numbering(stack: Stack, machine: Machine) -> Mend:
    """Numbers as the journal has them. The epoch goes beyond all that were: whoever wrote before is shut out."""

    async def number() -> None:
        client, key = stack.client, machine.key("meta")
        last = await last_journalled(client, machine.key("journal"))
        assert last is not None, "it was there when this was found"
        epochs = [last.epoch, *[epoch async for epoch, _, _ in _groups(stack, machine)]]
        pipe = client.pipeline(transaction=True)
        if await kind_of(client, key) != "hash":
            pipe.unlink(key)
        pipe.hset(key, mapping={"seq": last.seq, "digest": last.digest, "epoch": max(epochs) + 1})
        async with bus_errors(key):
            await pipe.execute()

    return number


# --- cursors --------------------------------------------------------------------------------------------------------


async def _groups(stack: Stack, machine: Machine) -> AsyncIterator[tuple[int, str, dict[str, object]]]:
    """The machine's reading groups: epoch, stream, and what the server says of each."""
    prefix = group_prefix(machine.service, machine.home, stack.keys).encode()
    for stream in stack.streams:
        if await kind_of(stack.client, stream) != "stream":
            continue
        for row in await groups_of(stack.client, stream):
            epoch = row["name"].removeprefix(prefix)
            if epoch != row["name"] and epoch.isdigit() and len(epoch) < MOST_DIGITS:
                yield int(epoch), stream, row


async def _cursors(stack: Stack, machine: Machine) -> KeyFault | None:
    client, key = stack.client, machine.key("cursors")
    if fault := await wrong_kind(client, key, "hash"):
        problem = fault.problem
    else:
        async with bus_errors(key):
            rows: Rows = await client.hgetall(key)
        odd = [stream for stream, at in rows.items() if not _is_cursor(at)]
        if not odd:
            return None
        problem = f"holds no cursor for {odd[0].decode(errors='replace')}"
    return KeyFault(key, problem, "cursors are set to where its groups are", _setting_cursors(stack, machine))


def _is_cursor(at: bytes) -> bool:
    text = at.decode(errors="replace")
    return bool(ENTRY_ID.fullmatch(text)) and not is_end_of_ids(text)


def _setting_cursors(stack: Stack, machine: Machine) -> Mend:
    """Each to before the first entry that was given out and not handled, or to the last that was given out."""

    async def set_cursors() -> None:
        client, key = stack.client, machine.key("cursors")
        newest: dict[str, tuple[int, str]] = {}
        async for epoch, stream, row in _groups(stack, machine):
            if epoch >= newest.get(stream, (0, ""))[0]:
                newest[stream] = epoch, await _handled(client, stream, row)
        kept: Rows = {}
        if await kind_of(client, key) == "hash":
            async with bus_errors(key):
                kept = {name: at for name, at in (await client.hgetall(key)).items() if _is_cursor(at)}
        found = {stream.encode(): at.encode() for stream, (_, at) in newest.items() if at} | kept
        pipe = client.pipeline(transaction=True)
        pipe.unlink(key)
        if found:
            pipe.hset(key, mapping=found)
        async with bus_errors(key):
            await pipe.execute()

    return set_cursors


async def _handled(client: Client, stream: str, row: dict[str, object]) -> str:
    """The last entry that a group has handled; empty where it has none."""
    async with bus_errors(stream):
        pending = await client.xpending_range(stream, row["name"], min="-", max="+", count=1)
        before = f"({pending[0]['message_id'].decode()}" if pending else row["last-delivered-id"]
        if is_end_of_ids(before.decode() if isinstance(before, bytes) else str(before).removeprefix("(")):
            before = f"({2**64 - 1}-0"
        rows = await client.xrevrange(stream, max=before, count=1)
    at = rows[0][0].decode() if rows else ""
    return at if at and entry_order(at) > (0, 0) else ""


# --- reserved risk --------------------------------------------------------------------------------------------------


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
