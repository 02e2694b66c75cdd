"""Where a stack is: its configuration, its Redis, and the note that a running ``heatsink up`` leaves for others."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from shared.adapters.private_files import write_private
from shared.config.bounded_files import read_bounded
from shared.config.credentials import CLIENT, OPERATOR, OWNER, address_of, has_password, known_users, user_name
from shared.config.load import default_config_dir, load_settings, process_environment
from shared.config.model import NO_KEYS, RedisSettings, Settings
from shared.config.secrecy import without_password
from shared.messages.catalogue import BARS, CATALOGUE, DECIDED
from shared.messages.keys import Keys
from shared.messages.signers import OPERATORS
from shared.ports.bus import StackFacts, WriterLeases
from shared.ports.clock import Clock

if TYPE_CHECKING:  # whoever only looks for a stack does not wait for the client of Redis to be imported
    from shared.adapters.redis.bus import RedisBus

STORE_DIR = Path("store")  # where heatsink data keeps klines and books, a folder for each exchange
DATA_DIR = Path(".heatsink")
REDIS_VARIABLE = "HEATSINK_REDIS__URL"
PEOPLE = (OPERATOR, CLIENT)  # as whom somebody at a keyboard signs in
S = TypeVar("S", bound=Struct)
Origin = Literal["argument", "environment", "note", "configuration"]


class RunNote(Struct, frozen=True, kw_only=True):
    """What a running ``heatsink up`` says of itself in ``run.json``.

    pid: its process.
    redis_url, exchange_url, ops_url: where its server, its simulated exchange and its HTTP side answer. A password has
        no place here.
    portfolio: the name of its portfolio.
    exchange: ``sim`` or ``binance``.
    config_dir: the folder of its configuration.
    started_wall_ns: when it began, in wall nanoseconds since 1970.
    users: the folder with the passwords of the server's users; empty where it knows none.
    password_file: the file with the password of a server that has one; empty for none.
    keys_dir: the folder of its keys, with which commands are signed; empty where nothing is.
    """

    pid: int
    redis_url: str
    portfolio: str
    exchange: str
    exchange_url: str
    ops_url: str
    config_dir: str
    started_wall_ns: int
    users: str = ""
    password_file: str = ""
    keys_dir: str = ""


@dataclass(frozen=True, slots=True)
class StackLocator:
    """Says where one stack is, and opens the way to it.

    settings: its configuration.
    config_dir: the folder that the settings were read from.
    redis: its server, and how to sign in there.
    keys: the keys of its portfolio.
    origin: who named the server: the caller's argument, the environment, a running stack's note or the configuration.
    data_dir: the folder in which a stack that runs here keeps its note and its data.
    note: the note, if the stack was found by it.
    """

    settings: Settings
    config_dir: Path
    redis: RedisSettings
    keys: Keys
    origin: Origin
    data_dir: Path
    note: RunNote | None = None

    @property
    def redis_url(self) -> str:
        """The address of its server, as it may be shown."""
        return without_password(self.redis.url)

    def address(self, role: str = "") -> str:
        """An address that works, with the name and password of a user, where the server knows users.

        role: ``operator``, ``client``, ``client.ana``, ``owner``. Empty: an operator, or whoever has a password here.
        Raises ``ConfigError``.
        """
        portfolio = self.keys.portfolio
        if role:
            return address_of(self.redis, role if role == OWNER else user_name(role, portfolio))
        return address_of(
            self.redis, *(user_name(each, portfolio) for each in PEOPLE), *known_users(Path(self.redis.users))
        )

    def knows(self, user: str) -> bool:
        """Whether the password of a user is here."""
        return bool(self.redis.users) and user in known_users(Path(self.redis.users))

    @property
    def exchange(self) -> str:
        """``sim`` or ``binance``."""
        return self.note.exchange if self.note else self.settings.exchange.kind

    @property
    def exchange_url(self) -> str:
        """The address of the simulated exchange."""
        return self.note.exchange_url if self.note else self.settings.exchange.url

    @property
    def streams(self) -> dict[str, list[str]]:
        """The keys of its streams by the name of their topic."""
        return streams_of(self.settings, self.keys)

    @property
    def keys_dir(self) -> str:
        """The folder of its keys; empty where nothing is signed."""
        folder = self.note.keys_dir if self.note else self.settings.signing.keys
        return "" if folder == NO_KEYS else folder

    @asynccontextmanager
    async def bus(self, role: str = "") -> AsyncIterator["RedisBus"]:
        """A bus that leaves no trace of a reader on the server. What is commanded by it is signed as an operator.

        role: as whom, see ``address``. Raises ``BusLostError``, ``ConfigError``.
        """
        from shared.adapters.redis.bus import RedisBus
        from shared.adapters.signing import signatures_of

        signatures = signatures_of(self.keys_dir, OPERATORS)
        async with RedisBus.connect(self.address(role), self.keys, signatures) as bus:
            yield bus

    async def clock(self, bus: StackFacts) -> Clock:
        """Market time: the simulated exchange's where it has set one, wall time otherwise."""
        from shared.adapters.clocks import RealClock, ScaledClock

        origin = None if self.exchange == "binance" else await bus.clock_origin()
        return RealClock() if origin is None else ScaledClock(origin)

    async def risk_records(self, bus: WriterLeases, kind: str, as_type: type[S]) -> dict[str, S]:
        """What the risk service stored last of one kind, by name: halts, limits, steps of the ramp."""
        return await bus.stored_records(DECIDED.written_by, kind, as_type)


def find_stack(
    *, redis_url: str | None, config_dir: Path | None, data_dir: Path, environ: Mapping[str, str] | None = None
) -> StackLocator:
    """Find the server by the argument, else the environment, else a stack that runs from ``data_dir``, else the
    configuration. Raises ``ConfigError``.
    """
    variables = process_environment() if environ is None else environ
    note = None if redis_url or variables.get(REDIS_VARIABLE) else read_note(data_dir)
    folder = config_dir or (Path(note.config_dir) if note else default_config_dir(variables))
    settings = load_settings(folder, variables)
    if note:
        return StackLocator(
            settings=settings,
            config_dir=folder,
            redis=RedisSettings(url=note.redis_url, users=note.users, password_file=note.password_file),
            keys=Keys(note.portfolio),
            origin="note",
            data_dir=data_dir,
            note=note,
        )
    origin: Origin = "argument" if redis_url else "environment" if variables.get(REDIS_VARIABLE) else "configuration"
    redis = settings.redis
    if redis_url:  # it says all, unless it leaves out who
        redis = RedisSettings(url=redis_url) if has_password(redis_url) else replace(redis, url=redis_url)
    return StackLocator(
        settings=settings,
        config_dir=folder,
        redis=redis,
        keys=settings.keys,
        origin=origin,
        data_dir=data_dir,
    )


def streams_of(settings: Settings, keys: Keys) -> dict[str, list[str]]:
    """Stream keys by the topic's name, bars in every timeframe in use; topics without a stream are left out."""
    others = {topic.name: [keys.of(topic)] for topic in CATALOGUE if topic.durable and topic is not BARS}
    return {BARS.name: [keys.of(BARS, timeframe) for timeframe in settings.plan.timeframes], **others}


# --- the note ---------------------------------------------------------------------------------------------------------


def note_path(data_dir: Path) -> Path:
    """Where the note stands."""
    return data_dir / "run.json"


def write_note(data_dir: Path, note: RunNote) -> None:
    """Write the note in such a way that other processes see all of it or nothing, and other people nothing."""
    write_private(note_path(data_dir), msgspec.json.format(msgspec.json.encode(note)).decode())


def read_note(data_dir: Path) -> RunNote | None:
    """The note of a stack that still runs; None when there is none, or its writer is gone."""
    try:
        note = msgspec.json.decode(read_bounded(note_path(data_dir)), type=RunNote)
    except (OSError, ValueError, RecursionError):  # none of ours
        return None
    return note if _is_running(note.pid) else None


def remove_note(data_dir: Path) -> None:
    note_path(data_dir).unlink(missing_ok=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    except OverflowError:  # no number of a process
        return False
    return True
