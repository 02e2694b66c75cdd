"""How many orders were approved lately. The memory is bounded, and begins anew with the process."""

from collections import OrderedDict, deque
from collections.abc import Mapping
from types import MappingProxyType

from shared.domain.plan import Limits
from shared.domain.timeframes import SECOND_NS
from shared.messages.orders import OrderProposed

SECOND, MINUTE = 1.0, 60.0
REMEMBERED = 10_000  # strategies in pairs; who makes up more names than that still meets the limit over all


class Throttle:
    """Approvals that opened risk, over all and by strategy and pair.

    speed: market seconds in a wall second; the windows stretch by it.
    before: the throttle that this one replaces; its approvals count on.
    clients: how many approvals a client with bounds may have in a second.
    """

    def __init__(
        self,
        limits: Limits,
        speed: float,
        *,
        before: "Throttle | None" = None,
        clients: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._per_second, self._per_minute = limits.orders_per_second, limits.repeats_per_minute
        self._second_ns, self._minute_ns = SECOND * speed * SECOND_NS, MINUTE * speed * SECOND_NS
        self._all: deque[int] = deque(before._all if before else (), maxlen=self._per_second)
        self._repeats: OrderedDict[tuple[str, str, str], deque[int]] = OrderedDict()
        for key, times in before._repeats.items() if before else ():
            self._repeats[key] = deque(times, maxlen=self._per_minute)
        earlier: Mapping[str, deque[int]] = before._of_clients if before else {}
        self._of_clients: dict[str, deque[int]] = {}
        for name, most in clients.items():
            self._of_clients[name] = deque(earlier.get(name, ()), maxlen=most)

    def forget(self) -> None:
        """The clock had run ahead: forget approvals of a time to come, which would count for ever."""
        self._all.clear()
        self._repeats.clear()
        for times in self._of_clients.values():
            times.clear()

    def is_full(self, client: str, now_ns: int) -> bool:
        """Whether a client with bounds had all the approvals of a second."""
        times = self._of_clients.get(client)
        return times is not None and len(times) == times.maxlen and now_ns - times[0] < self._second_ns

    def fault(self, order: OrderProposed, client: str, now_ns: int) -> str:
        """Why an order comes too fast; empty when it does not.

        No more approvals are remembered than a window may hold, so the oldest one tells whether it is full.
        """
        times = self._all
        if len(times) == self._per_second and now_ns - times[0] < self._second_ns:
            return f"more than {self._per_second} approvals in a second"
        repeats = self._repeats.get((client, order.strategy, order.symbol))
        if repeats is not None and len(repeats) == self._per_minute and now_ns - repeats[0] < self._minute_ns:
            return f"{order.strategy} repeats itself: more than {self._per_minute} in {order.symbol} in a minute"
        return ""

    def count(self, client: str, strategy: str, symbol: str, now_ns: int) -> None:
        """Remember an approval. client: with bounds; empty for any other."""
        self._all.append(now_ns)
        if client in self._of_clients:
            self._of_clients[client].append(now_ns)
        key = (client, strategy, symbol)
        repeats = self._repeats.get(key)
        if repeats is None:
            if len(self._repeats) >= REMEMBERED:
                self._repeats.popitem(last=False)
            repeats = self._repeats[key] = deque(maxlen=self._per_minute)
        repeats.append(now_ns)
