"""Where the stack is: its configuration, its Redis, and the note that a running ``up`` leaves for the other verbs."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from msgspec import Struct

from services.cli.failing import ToldError
from shared.config.faults import did_you_mean
from shared.config.load import default_config_dir, load_settings, process_environment
from shared.config.model import Settings
from shared.messages.catalogue import BARS, CATALOGUE
from shared.messages.keys import Keys

DATA_DIR = Path(".heatsink")
REDIS_VARIABLE = "HEATSINK_REDIS__URL"


class RunNote(Struct, frozen=True, kw_only=True):
    """What a running ``heatsink up`` says of itself in ``run.json``. wall times in nanoseconds since 1970."""

    pid: int
    redis_url: str
    portfolio: str
    exchange: str
    exchange_url: str
    ops_url: str
    config_dir: str
    started_wall_ns: int


@dataclass(frozen=True, slots=True)
class Place:
    """The stack that a verb talks to. origin: how it was found, for people. data_dir: of a stack that runs here."""

    settings: Settings
    redis_url: str
    keys: Keys
    origin: str
    data_dir: Path
    note: RunNote | None = None

    @property
    def exchange_url(self) -> str:
        """Of the simulated exchange."""
        return self.note.exchange_url if self.note else self.settings.exchange.url

    @property
    def exchange(self) -> str:
        return self.note.exchange if self.note else self.settings.exchange.kind

    @property
    def redis_remedy(self) -> str:
        """What to do when nothing answers at ``redis_url``."""
        if self.origin in ("--redis-url", REDIS_VARIABLE):
            return f"{self.origin} names {self.redis_url}: start that server, or name another one."
        if self.note is not None:
            return f"{self.origin} names {self.redis_url}; heatsink doctor looks at the whole stack."
        start = f"No stack runs from {self.data_dir}: start one with make run or heatsink up"
        return f"{start}, or say where one runs: --data FOLDER, or --redis-url URL."


def note_path(data_dir: Path) -> Path:
    return data_dir / "run.json"


def write_note(data_dir: Path, note: RunNote) -> None:
    """Other processes see all of it or nothing."""
    path = note_path(data_dir)
    draft = path.with_suffix(".draft")
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(note)))
    draft.replace(path)


def read_note(data_dir: Path) -> RunNote | None:
    """The note of a stack that still runs; None when there is none, or its writer is gone."""
    try:
        note = msgspec.json.decode(note_path(data_dir).read_bytes(), type=RunNote)
    except (OSError, msgspec.DecodeError):
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
    return True


def find_stack(
    *, redis_url: str | None, config_dir: Path | None, data_dir: Path, environ: Mapping[str, str] | None = None
) -> Place:
    """The option, else the environment, else a stack that runs from this folder, else the configuration.

    Raises ``ConfigError``.
    """
    variables = process_environment() if environ is None else environ
    note = None if redis_url or variables.get(REDIS_VARIABLE) else read_note(data_dir)
    folder = config_dir or (Path(note.config_dir) if note else default_config_dir(variables))
    settings = load_settings(folder, variables)
    if redis_url:
        return Place(settings, redis_url, settings.keys, "--redis-url", data_dir)
    if variables.get(REDIS_VARIABLE):
        return Place(settings, settings.redis.url, settings.keys, REDIS_VARIABLE, data_dir)
    if note:
        return Place(settings, note.redis_url, Keys(note.portfolio), str(note_path(data_dir)), data_dir, note)
    return Place(settings, settings.redis.url, settings.keys, str(folder / "stack.toml"), data_dir)


class UnknownPairError(ToldError):
    """A pair that is not in the universe."""


def symbol_of(settings: Settings, text: str) -> str:
    """The pair that people mean by ``eth``, ``ETHUSDT`` or ``ETH/USDT``; none by "". Raises ``UnknownPairError``."""
    if not text:
        return ""
    universe = settings.universe
    wanted = text.upper().replace("-", "/")
    for symbol in (name for pair in universe.symbols for name in universe.names_of(pair)):
        base, _, quote = symbol.partition("/")
        if wanted in (symbol, base, base + quote):
            return symbol
    near = did_you_mean(wanted.partition("/")[0], [symbol.partition("/")[0] for symbol in universe.symbols])
    raise UnknownPairError(f"{text} is not in the universe. {near}")


def names_of(settings: Settings, text: str) -> tuple[str, ...]:
    """Every name that the pair has or had, newest first; none for an empty text. Raises ``UnknownPairError``."""
    return settings.universe.names_of(symbol_of(settings, text)) if text else ()


def streams_of(settings: Settings, keys: Keys) -> dict[str, list[str]]:
    """Stream keys by the topic's name, bars in every timeframe in use; topics without a stream are left out."""
    others = {topic.name: [keys.of(topic)] for topic in CATALOGUE if topic.durable and topic is not BARS}
    return {BARS.name: [keys.of(BARS, timeframe) for timeframe in settings.plan.timeframes], **others}
