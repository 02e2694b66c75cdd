"""The figures in Prometheus' exposition format."""

from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.ops.figures import Figures
from shared.application.projection import Counts
from shared.domain.safe_text import safe

PORTFOLIO_GAUGES = {
    "nav": "Net asset value, USDT",
    "heat": "Open plus reserved risk as a fraction of NAV",
    "heat_open": "Open risk as a fraction of NAV",
    "heat_reserved": "Reserved risk as a fraction of NAV",
    "heat_limit": "The heat limit, fraction of NAV",
    "utilisation": "Notional held as a fraction of NAV",
    "drawdown": "Fall from the high-water mark of NAV, as a fraction of it",
}
COUNTERS = {  # by the field of ``Counts`` that they come from
    "messages": ("type", "Messages by type"),
    "decisions": ("verdict", "Decisions by verdict"),
    "binding": ("rule", "Decisions by the rule that bound"),
    "fills": ("side", "Fills by side"),
    "halts": ("trigger", "Halts by what set them off"),
    "alerts": ("trigger", "Warnings by what set them off"),
    "commands_refused": ("command", "Commands that were not carried out"),
    "untold": ("type", "Messages that these figures leave out because of a bug"),
}


def counted(counts: Counts) -> Iterator[tuple[str, str, int]]:
    """Every counter by its name and label, as far as there is something to count."""
    for figure in COUNTERS:
        for label, count in getattr(counts, figure).items():
            yield figure, label, count


class FiguresCollector(Collector):
    """Gathers when asked, so that nothing has to be kept twice."""

    def __init__(self, figures: Figures, services: dict[str, dict[str, Any]]) -> None:
        self._figures, self._services = figures, services

    def collect(self) -> Iterator[Metric]:
        state, counts = self._figures.state, self._figures.counts
        if (portfolio := state.portfolio) is not None:
            for name, about in PORTFOLIO_GAUGES.items():
                yield GaugeMetricFamily(f"heatsink_{name}", about, value=getattr(portfolio, name))
            yield GaugeMetricFamily("heatsink_positions", "Positions held", value=len(portfolio.positions))
        for figure, (label, about) in COUNTERS.items():
            counter = CounterMetricFamily(f"heatsink_{figure}", about, labels=[label])
            for value, count in getattr(counts, figure).items():
                counter.add_metric([safe(value)], count)
            yield counter
        up = GaugeMetricFamily("heatsink_service_up", "1 while the service's heartbeat is recent", labels=["service"])
        for service, row in self._services.items():
            up.add_metric([safe(service)], float(row["alive"]))
        yield up
        yield self._halted()
        yield GaugeMetricFamily("heatsink_feeds_lost", "Feeds that are lost", value=len(state.lost_feeds))

    def _halted(self) -> Metric:
        halted = GaugeMetricFamily(
            "heatsink_halted", "Halts in force; scope is a pair or `portfolio`", labels=["scope", "trigger", "mode"]
        )
        for (symbol, trigger), halt in self._figures.state.halts.items():
            halted.add_metric([safe(symbol) or "portfolio", safe(trigger), safe(halt.mode)], 1.0)
        return halted


def exposed(figures: Figures, services: dict[str, dict[str, Any]]) -> bytes:
    """All metrics as text."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FiguresCollector(figures, services))
    text: bytes = generate_latest(registry)
    return text
