"""What the parts of this machine share: the records, the time, the latest prices, and how long a report may take."""

from shared.domain.execution.client.prices import LatestPrices
from shared.domain.execution.client.records import ClientStore
from shared.domain.universe import Universe


class ClientState:
    """report_ns, stop_ns: market time within which a client has to report of an order, and to protect what it bought.
    slack_ns: market time by which clocks may differ. ns_per_second: of market time, in a wall second.
    """

    def __init__(
        self, universe: Universe, *, report_ns: int, stop_ns: int, slack_ns: int, ns_per_second: float
    ) -> None:
        self.universe, self.ns_per_second = universe, ns_per_second
        self.report_ns, self.stop_ns, self.slack_ns = report_ns, stop_ns, slack_ns
        self.store = ClientStore()
        self.prices = LatestPrices(universe)
        self.now_ns = 0
        self._since_ns = 0

    def restored(self) -> None:
        """Records were loaded."""
        self.store.restored()
        self._since_ns = 0

    def pass_time(self, time_ns: int) -> None:
        """Move the clock on; back, where it had run ahead."""
        if time_ns > self.now_ns or time_ns < self.now_ns - self.slack_ns:
            self._since_ns = min(self._since_ns, time_ns)
            self.now_ns = time_ns
        self._since_ns = self._since_ns or time_ns

    def is_overdue(self, due_ns: int, waited_ns: int) -> bool:
        """Whether a report is late. After a start nobody is, before what was reported meanwhile has been read."""
        return 0 < due_ns < self.now_ns and self._since_ns + waited_ns < self.now_ns
