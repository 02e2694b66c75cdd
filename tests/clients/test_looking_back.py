"""What became of an order: an old refusal is none of the same order that was mended, sent again, and waits."""

import asyncio
from pathlib import Path

import pytest
from heatsink_client import Gate
from msgspec import structs

from shared.adapters.redis.bus import RedisBus
from shared.messages.orders import ProposalRefused
from tests.clients.test_node_gate import NodeGate
from tests.e2e.test_node_client import installed
from tests.keys import MAIN
from tests.samples import T0, proposal

CLIENTS = Path(__file__).parents[2] / "clients"
ORDER = proposal("o-1")


async def refused_and_sent_again(bus: RedisBus) -> None:
    queue = MAIN.of_client("ana")
    entry = str(await bus.propose(ORDER, "ana"))
    told = ProposalRefused(
        id="refused-1", cause=ORDER.id, time_ns=T0, order_id=ORDER.id, symbol=ORDER.symbol, what="OrderProposed",
        code="not_signed", field="signature", reason="signed by nobody", source=queue, entry=entry,
    )  # fmt: skip
    await bus.publish([told])
    await bus.propose(structs.replace(ORDER, id="o-2"), "ana")
    await bus.publish([structs.replace(told, id="refused-2", cause="o-2", order_id="o-2", entry="9999999999999-0")])
    await bus.propose(ORDER, "ana")


async def test_the_python_client_takes_no_old_refusal_for_an_answer(redis_bus: RedisBus, valkey_server: str) -> None:
    await refused_and_sent_again(redis_bus)
    gate = Gate(valkey_server, client="ana")
    try:
        for order_id, told in ((ORDER.id, "unknown"), ("o-2", "refused")):
            assert (await asyncio.to_thread(gate.verdict_of, order_id)).verdict == told
    finally:
        gate.close()


@pytest.mark.processes
async def test_the_node_client_takes_no_old_refusal_for_an_answer(
    redis_bus: RedisBus, valkey_server: str, request: pytest.FixtureRequest
) -> None:
    await refused_and_sent_again(redis_bus)
    node = NodeGate(installed(CLIENTS / "node", request), valkey_server, "ana")
    try:
        for order_id, told in ((ORDER.id, "unknown"), ("o-2", "refused")):
            assert (await asyncio.to_thread(node, "verdictOf", order_id))["verdict"] == told
    finally:
        node.end()
