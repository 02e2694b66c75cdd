"""Checks of addresses and hosts: of a form that can be reached. Whether anybody answers is for ``heatsink doctor``."""

import re
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from shared.config.faults import did_you_mean, shown
from shared.config.model import ExchangeSettings, OpsSettings, RedisSettings, SimulatorSettings
from shared.config.secrecy import without_password
from shared.config.tables import Tables

REDIS_EXAMPLE, EXCHANGE_EXAMPLE = "redis://127.0.0.1:6379/0", "http://127.0.0.1:9080"
_HOST = re.compile(r"[A-Za-z0-9._:%-]+")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:]{2,39}")
_DATABASE = re.compile(r"/?[0-9]{0,5}", re.ASCII)
# What may follow a ? in the address of a server: the client would take anything else for an option, and fail on it.
_QUERY = ("db", "ssl_ca_certs", "ssl_cert_reqs", "ssl_certfile", "ssl_keyfile")
_CERTIFICATES = ("none", "optional", "required")


def check_addresses(tables: Tables, file: str, redis: RedisSettings | None, exchange: ExchangeSettings | None) -> None:
    """The server, and the simulated exchange where there is one."""
    if redis is not None:
        parts = _check_url(tables, file, "redis.url", redis.url, ("redis", "rediss", "unix"), REDIS_EXAMPLE)
        if parts is not None:
            _check_redis(tables, file, redis.url, parts)
    if exchange is not None and exchange.kind == "sim":
        parts = _check_url(tables, file, "exchange.url", exchange.url, ("http", "https"), EXCHANGE_EXAMPLE)
        if parts is not None and (parts.path or parts.query or parts.fragment):
            problem = "the paths of the exchange are added to it, so it must have none of its own"
            tables.fault_at("exchange.url", file, exchange.url, problem, f'Write "{parts.scheme}://{parts.netloc}".')


def check_hosts(tables: Tables, file: str, simulator: SimulatorSettings | None, ops: OpsSettings | None) -> None:
    """Where servers listen: an empty host would be every network of this machine, without anybody saying so."""
    for dotted, settings in (("simulator.host", simulator), ("ops.host", ops)):
        if settings is not None and not _HOST.fullmatch(settings.host):
            remedy = 'Write "127.0.0.1" for this machine alone, or "0.0.0.0" for every network it is on.'
            tables.fault_at(dotted, file, settings.host, "not the name or address of a host", remedy)
        for name in settings.hosts if settings is not None else ():
            if not _NAME.fullmatch(name):
                problem = f"{shown(name)} is not the name of a host"
                remedy = 'Write names alone, such as ["ops", "heatsink.example.com"]: no port, no http://, no *.'
                tables.fault_at(dotted + "s", file, None, problem, remedy)


def _check_url(
    tables: Tables, file: str, dotted: str, url: str, schemes: tuple[str, ...], example: str
) -> SplitResult | None:
    """The parts of an address that can be used; None for one that cannot, with a fault."""
    try:
        parts = urlsplit(url)
        host = _HOST.fullmatch(parts.hostname or "") is not None and (parts.port is None or parts.port > 0)
        usable = parts.scheme in schemes and (bool(parts.path) if parts.scheme == "unix" else host)
    except ValueError:
        usable = False
    if usable:
        return parts
    remedy = f'Write an address that starts with {" or ".join(f"{s}://" for s in schemes)}, such as "{example}".'
    tables.fault_at(dotted, file, without_password(url), "not a usable address", remedy)
    return None


def _check_redis(tables: Tables, file: str, url: str, parts: SplitResult) -> None:
    """The client takes the number of the database from the path, and 0 where that is none, without a word."""
    shown = without_password(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    number = query["db"][0] if "db" in query else "" if parts.scheme == "unix" else unquote(parts.path)
    if not _DATABASE.fullmatch(number) or query.get("db") == [""]:
        problem = f"{number.removeprefix('/')!r} is no number of a database"
        tables.fault_at("redis.url", file, shown, problem, f'End it with a number from 0, such as "{REDIS_EXAMPLE}".')
    for name, values in query.items():
        if name not in _QUERY:
            tables.fault_at(
                "redis.url", file, shown, f"an address knows no option {name!r}", did_you_mean(name, _QUERY)
            )
        elif name == "ssl_cert_reqs" and values[0] not in _CERTIFICATES:
            problem = f"{values[0]!r} says nothing about certificates"
            tables.fault_at("redis.url", file, shown, problem, did_you_mean(values[0], _CERTIFICATES))
        elif name.startswith("ssl_") and parts.scheme != "rediss":
            problem = f"{name} belongs to an encrypted connection"
            tables.fault_at("redis.url", file, shown, problem, "Begin the address with rediss://, or leave it out.")
    if parts.fragment:
        problem = "an address has no part behind a #"
        tables.fault_at("redis.url", file, shown, problem, "Leave it out, or write %23 for a #.")
