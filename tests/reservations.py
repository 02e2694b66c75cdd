"""What the gate leaves in the store with a verdict, for tests of execution that have no gate."""

from shared.adapters.codec import encode
from shared.adapters.memory_bus import MemoryBus
from shared.adapters.redis.bus import RedisBus
from shared.domain.risk.state.reservations import ORDER, OpenOrder
from shared.messages.catalogue import DECIDED
from shared.messages.orders import OrderDecided
from shared.ports.writer_lease import Commit


async def reserve(bus: MemoryBus | RedisBus, verdict: OrderDecided) -> None:
    """The reservation of an order, as the record of a commit."""
    order = OpenOrder(
        order_id=verdict.order_id,
        symbol=verdict.symbol,
        side=verdict.side,
        quantity=verdict.quantity_approved,
        filled=verdict.quantity_approved * 0,
        unit_risk=1.0,
        unit_notional=1.0,
        unit_cash=1.0,
        limit_price=verdict.limit_price,
        stop_price=verdict.stop_price,
    )
    lease = bus.writer_lease(DECIDED.written_by, (), home=bus.keys.home)
    await lease.acquire()
    seq = (await lease.load()).seq + 1
    records = {f"{ORDER}:{verdict.order_id}": encode(order)}
    await lease.commit(Commit(seq=seq, outputs=(), records=records, cursors={}, handled=(), digest=0))
    await lease.release()
