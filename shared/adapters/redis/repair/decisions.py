"""The stored decisions: by each, a repeated order is answered."""

from collections.abc import AsyncIterator

from shared.adapters.codec import decode_or_none
from shared.adapters.redis.client import bus_errors
from shared.adapters.redis.keys import DECISION_TTL_MS, decision_key
from shared.adapters.redis.repair.faults import KeyFault, Mend, Stack
from shared.adapters.redis.repair.kinds import FIRST, kind_of, literal
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided

PAGE = 1_000


async def decision_faults(stack: Stack) -> AsyncIterator[KeyFault]:
    """What stands where a decision belongs, and is none on that order."""
    client, prefix = stack.client, decision_key(stack.keys, "")
    cursor: int | None = None
    while cursor != 0:
        async with bus_errors():
            cursor, keys = await client.scan(cursor or 0, match=literal(prefix) + "*", count=PAGE)
        pipe = client.pipeline(transaction=False)
        for key in keys:
            pipe.get(key)
        async with bus_errors():
            bodies = await pipe.execute(raise_on_error=False)
        for key, body in zip(keys, bodies, strict=True):
            order_id = key.decode(errors="replace").removeprefix(prefix)
            if body is not None and not _is_decision(body, order_id):
                name, mend = key.decode(errors="replace"), _deciding(stack, key, order_id)
                remedy = "the decision of the stream takes its place, or it is taken away where there is none"
                yield KeyFault(name, "is no decision on that order", remedy, mend)


def _is_decision(body: object, order_id: str) -> bool:
    message = decode_or_none(body) if isinstance(body, bytes) else None
    return isinstance(message, OrderDecided) and message.order_id == order_id


def _deciding(stack: Stack, key: bytes, order_id: str) -> Mend:
    async def decide() -> None:
        client, stream, body = stack.client, stack.keys.of(DECIDED), b""
        start, rows = "+", FIRST
        while rows and not body and await kind_of(client, stream) == "stream":
            async with bus_errors(stream):
                rows = await client.xrevrange(stream, max=start, count=PAGE)
            found = (fields.get(b"m", b"") for _, fields in rows)
            body = next((each for each in found if _is_decision(each, order_id)), b"")
            start = "(" + rows[-1][0].decode() if rows else ""
        async with bus_errors():
            await (client.set(key, body, px=DECISION_TTL_MS) if body else client.unlink(key))

    return decide
