"""All settings of a process, frozen, built once and passed by argument. Nothing else reads files or the environment."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from shared.domain.plan import Count, Fraction, Plan, Positive, UpToADay
from shared.domain.timeframes import FIRST_DATE, iso_ns
from shared.domain.universe import Universe
from shared.messages.base import PortfolioName
from shared.messages.keys import Keys

Port = Annotated[int, Meta(ge=0, le=65535)]
Cash = Annotated[float, Meta(ge=1, le=1e12)]
Speed = Annotated[float, Meta(ge=0.001, le=1e6)]
Seed = Annotated[int, Meta(ge=0, le=1_000_000_000)]
NO_KEYS = "off"
GENERATED_SINCE = "2017-05-01"  # the first date that has all of the generated market's history before it


class RedisSettings(Struct, frozen=True, kw_only=True):
    """The server that all processes of a stack share.

    url: ``redis://``, ``rediss://`` or ``unix://``; a server of Redis >= 7.0 or Valkey >= 8.
    identity: what ``hs:identity`` has to be on it, so that a server that was emptied or exchanged is refused at every
        start. Empty: each start goes on with what is there, and a portfolio begins anew where nothing is. See
        docs/decisions/0008.
    users: the folder with the passwords of the server's users, of which each process reads its own; see
        ``credentials.py``. Empty: all sign in as the address says.
    password: of the user in the address, or of a server with one password. Its place is the environment.
    password_file: the same, in a file.
    keep_decisions_days: how long a decision is kept, in days of wall time. Until then its id stays taken; afterwards an
        order of the same id counts as a new one. A decision takes about 3 kB of the server's memory, and 3 more
        while it is among the latest 100,000.
    max_memory_mb: of the server that ``heatsink up`` runs, in MiB: a full memory refuses writes of clients. A server of
        your own has its own ``maxmemory``.
    """

    url: str = "redis://127.0.0.1:6379/0"
    identity: str = ""
    users: str = ""
    password: str = ""
    password_file: str = ""
    keep_decisions_days: Annotated[int, Meta(ge=1, le=3650)] = 30
    max_memory_mb: Annotated[int, Meta(ge=64, le=1_048_576)] = 2048


class SigningSettings(Struct, frozen=True, kw_only=True):
    """What is signed, and with which keys (docs/signing.md).

    keys: the folder with a file of keys for each writer, as ``heatsink keys new`` makes it. Empty or ``off``: nothing
        is signed, and whoever can write to the server is believed. ``heatsink up`` makes keys for a server of its own
        unless this is ``off``.
    """

    keys: str = ""


class ExchangeSettings(Struct, frozen=True, kw_only=True):
    """Where the market comes from, and where orders go.

    kind: ``sim``, the simulated exchange at ``url``, or ``binance``, its public streams.
    url: of the simulated exchange, ``http://host:port``; unused with ``binance``.
    orders: ``paper``, the paper exchange on either market; ``client``, each client executes what it was approved, and
        reports; or ``exchange``, real ones. The phase in force has to be meant for it, see ``PhasePlan.paper``: what
        clients execute counts as real.
    weight_per_minute: the request weight that the exchange allows this address.
    report_seconds: with ``client``, wall seconds within which a client has to report of an approved order.
    stop_seconds: with ``client``, wall seconds within which it has to report the stop of what it bought.
    account_key, account_secret: of the account that ``heatsink reconcile`` looks at; their place is the environment.
        The key need not do more than read.
    account_file: the same two, each on a line of its own, in a file that nobody else can read.
    """

    kind: Literal["sim", "binance"] = "sim"
    url: str = "http://127.0.0.1:9080"
    orders: Literal["paper", "client", "exchange"] = "paper"
    weight_per_minute: Count = 6000
    report_seconds: UpToADay = 60.0
    stop_seconds: UpToADay = 15.0
    account_key: str = ""
    account_secret: str = ""
    account_file: str = ""


class PortfolioSettings(Struct, frozen=True, kw_only=True):
    """The portfolio that this stack is about.

    name: it stands in each of its Redis keys as ``{name}``. Portfolios of different names may share a server.
    starting_cash_usdt: the cash that its paper ledger is opened with, once.
    shadow_limits: a second limits file, evaluated beside the live one and never acting; relative to the folder of the
        configuration. Empty: ``shadow.toml`` if there is one.
    """

    name: PortfolioName = "main"
    starting_cash_usdt: Cash = 200_000.0
    shadow_limits: str = ""


class MarketDataSettings(Struct, frozen=True, kw_only=True):
    """How the market is followed. Seconds are of wall time.

    mark_interval_ms: marks of a pair are conflated to one in this time.
    warmup_bars: how many bars are loaded at start, in each timeframe but the daily one.
    warmup_days: how many daily bars are loaded at start.
    late_seconds: a close that is late by more than this is fetched by REST.
    stale_seconds: a feed without a frame for this long counts as lost.
    refresh_seconds: how often the exchange is asked which pairs it lists.
    book_seconds: the time in which every pair's order book is sampled once.
    book_size_usdt: the size of the order that a book's spread is told for.
    book_share: the most that the samples may take of the request weight, as a fraction; more pairs then take longer.
    """

    mark_interval_ms: Annotated[int, Meta(ge=10, le=3_600_000)] = 250
    warmup_bars: Annotated[int, Meta(ge=1, le=1000)] = 200
    warmup_days: Annotated[int, Meta(ge=60, le=1000)] = 90
    late_seconds: Positive = 3.0
    stale_seconds: Positive = 10.0
    refresh_seconds: Positive = 60.0
    book_seconds: Positive = 60.0
    book_size_usdt: Positive = 25_000.0
    book_share: Fraction = 0.2


class SimulatorSettings(Struct, frozen=True, kw_only=True):
    """The simulated exchange.

    host, port: where it listens; port 0 picks a free one.
    speed: market seconds that pass in one wall second.
    seed: of the generated market; the same seed makes the same market.
    replay: a store or a parquet file of klines, in place of a generated market. Empty for none.
    start: the date at which market time begins (ISO, such as 2022-11-01); a replay needs one.
    faults: a script of faults to come (TOML or JSON). Empty for none.
    wait_seconds: how long a market that begins waits for its readers, in wall seconds; 0: it begins at once.
    hosts: names by which it may be called, beside ``host``, those of the loopback and the one in ``exchange.url``.
    token_file: the file with the token that whoever gives it faults has to show, made where there is none. Empty:
        nobody may.
    """

    host: str = "127.0.0.1"
    port: Port = 9080
    speed: Speed = 60.0
    seed: Seed = 7
    replay: str = ""
    start: str = ""
    faults: str = ""
    wait_seconds: Annotated[float, Meta(ge=0, le=3600)] = 0.0
    hosts: tuple[str, ...] = ()
    token_file: str = ""

    @property
    def first_date(self) -> str:
        """The earliest ``start`` that there can be."""
        return FIRST_DATE if self.replay else GENERATED_SINCE

    def start_ns(self, wall_ns: int) -> int:
        """When market time begins: at ``start``, 00:00 UTC if it is a day; without one a generated market begins now.

        wall_ns: the wall clock now, in nanoseconds since 1970. Raises ``ValueError`` for a replay without a date.
        """
        if self.start:
            return iso_ns(self.start)
        if self.replay:
            raise ValueError("simulator.start: a replay needs the date at which it begins")
        return wall_ns


class OpsSettings(Struct, frozen=True, kw_only=True):
    """The HTTP side: health, status and metrics; and proposals of clients that speak HTTP only.

    host, port: where it listens; port 0 picks a free one.
    tokens: the folder with the tokens by which clients propose over HTTP, a file for each, named after the client; see
        ``tokens.py``. Empty, or without a file in it: nobody does.
    verdict_seconds: wall seconds that a request waits for its verdict at most. TradingView waits for 3.
    proposals_per_minute: of one client over HTTP; as many sells beside them, for what reduces risk is held up by
        nothing else.
    hosts: names by which it may be called, beside ``host`` and those of the loopback.
    """

    host: str = "127.0.0.1"
    port: Port = 9090
    tokens: str = ""
    verdict_seconds: Annotated[float, Meta(ge=0.1, le=60)] = 2.5
    proposals_per_minute: Annotated[int, Meta(ge=1, le=100_000)] = 60
    hosts: tuple[str, ...] = ()


class LogSettings(Struct, frozen=True, kw_only=True):
    """What processes write to standard error.

    level: the least that is written.
    form: ``json``, one object a line; ``lines``, for people; ``auto``, lines on a terminal and JSON elsewhere.
    """

    level: Literal["debug", "info", "warning", "error"] = "info"
    form: Literal["auto", "json", "lines"] = "auto"


class Settings(Struct, frozen=True, kw_only=True):
    """Everything a service is built from.

    universe: which pairs are traded, in which sectors (``universe.toml``).
    plan: what is traded how, and within which limits (``limits.toml``, ``phases.toml``, ``strategies.toml``).
    The others stand in ``stack.toml``, each in a section of its name.
    """

    universe: Universe
    plan: Plan = Plan()
    redis: RedisSettings = RedisSettings()
    signing: SigningSettings = SigningSettings()
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
