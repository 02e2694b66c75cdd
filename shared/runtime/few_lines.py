"""Of a flood of the same, the log has a few lines, and then one for every tenfold, with the count."""

from shared.domain.timeframes import SECOND_NS

EACH, WINDOW_NS = 5, 60 * SECOND_NS  # wall time


class FewLines:
    """Counts what would be logged. count: of all since the window began."""

    def __init__(self) -> None:
        self.count = 0
        self._window_ns = 0

    def take(self, wall_ns: int) -> bool:
        """Count one more. Whether it is worth a line."""
        if not 0 <= wall_ns - self._window_ns < WINDOW_NS:
            self._window_ns, self.count = wall_ns, 0
        self.count += 1
        return self.is_each or str(self.count).rstrip("0") == "1"

    @property
    def is_each(self) -> bool:
        """Whether there were so few that each has its line."""
        return self.count <= EACH
