"""All settings of a process, frozen, built once and passed by argument. Nothing else reads files or the environment."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.domain.plan import Fraction, Plan, Positive
from shared.domain.universe import Universe
from shared.messages.base import PortfolioName
from shared.messages.keys import Keys

Port = Annotated[int, Meta(ge=0, le=65535)]


class RedisSettings(Struct, frozen=True, kw_only=True):
    """url: ``redis://`` or ``unix://``; a server of Redis >= 7.0 or Valkey >= 8.

    identity: what ``hs:identity`` has to be on it: a server that was emptied or exchanged is refused at every start.
    Empty: each start goes on with what is there, and a portfolio begins anew where nothing is.
    """

    url: str = "redis://127.0.0.1:6379/0"
    identity: str = ""


class ExchangeSettings(Struct, frozen=True, kw_only=True):
    """kind: ``sim`` (the simulated exchange at ``url``) or ``binance`` (the public streams; ``url`` unused).

    orders: where orders go: ``paper`` (the paper exchange, on either market) or ``exchange`` (real ones). The phase in
    force has to be meant for it, see ``PhasePlan.paper``.
    """

    kind: Literal["sim", "binance"] = "sim"
    url: str = "http://127.0.0.1:9080"
    orders: Literal["paper", "exchange"] = "paper"
    weight_per_minute: Annotated[int, Meta(ge=1)] = 6000


class PortfolioSettings(Struct, frozen=True, kw_only=True):
    """name: stands in every Redis key as ``{name}``. starting_cash_usdt: opens the paper ledger once.

    shadow_limits: a second limits file, evaluated beside the live one and never acting; relative to the configuration's
    folder. Empty: ``shadow.toml`` if there is one.
    """

    name: PortfolioName = "main"
    starting_cash_usdt: Positive = 200_000.0
    shadow_limits: str = ""


class MarketDataSettings(Struct, frozen=True, kw_only=True):
    """mark_interval_ms: marks are conflated to one per pair in this wall time. warmup_bars: loaded at start for each
    timeframe but the daily one; warmup_days: daily bars. late_seconds: wall time after which a missing close is
    fetched. stale_seconds: wall time without a frame after which a feed counts as lost. refresh_seconds: how often
    exchangeInfo is asked for.
    book_seconds: wall time in which every pair's book is sampled once. book_size_usdt: what its spread is told for.
    book_share: the most that the samples may take of the request weight; more pairs then take longer.
    """

    mark_interval_ms: Annotated[int, Meta(ge=10)] = 250
    warmup_bars: Annotated[int, Meta(ge=1, le=1000)] = 200
    warmup_days: Annotated[int, Meta(ge=60, le=1000)] = 90
    late_seconds: Positive = 3.0
    stale_seconds: Positive = 10.0
    refresh_seconds: Positive = 60.0
    book_seconds: Positive = 60.0
    book_size_usdt: Positive = 25_000.0
    book_share: Fraction = 0.2


class SimulatorSettings(Struct, frozen=True, kw_only=True):
    """The simulated exchange. port 0 picks a free one. replay: a parquet file of klines instead of a generated market;
    start: ISO date where the replay begins. speed: market seconds per wall second. faults: a script of faults (TOML or
    JSON).
    """

    host: str = "127.0.0.1"
    port: Port = 9080
    speed: Positive = 60.0
    seed: int = 7
    replay: str = ""
    start: str = ""
    faults: str = ""

    def start_ns(self, wall_ns: int) -> int:
        """When market time begins: at ``start``, 00:00 UTC if it is a day; without one a generated market begins now.

        wall_ns: the wall clock now, in nanoseconds since 1970. Raises ``ValueError`` for a replay without a date.
        """
        if self.start:
            start = datetime.fromisoformat(self.start)
            return int(start.replace(tzinfo=start.tzinfo or UTC).timestamp()) * 1_000_000_000
        if self.replay:
            raise ValueError("simulator.start: a replay needs the date at which it begins")
        return wall_ns


class OpsSettings(Struct, frozen=True, kw_only=True):
    """The HTTP side: health and metrics."""

    host: str = "127.0.0.1"
    port: Port = 9090


class LogSettings(Struct, frozen=True, kw_only=True):
    """level: the least that is written. form: ``json`` lines, readable ``lines``, or ``auto``: lines on a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "json", "lines"] = "auto"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything a service is built from."""

    universe: Universe
    plan: Plan = Plan()
    redis: RedisSettings = RedisSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    portfolio: PortfolioSettings = PortfolioSettings()
    market_data: MarketDataSettings = MarketDataSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    ops: OpsSettings = OpsSettings()
    logs: LogSettings = LogSettings()

    @property
    def keys(self) -> Keys:
        """Where the messages of this portfolio stand."""
        return Keys(self.portfolio.name)
