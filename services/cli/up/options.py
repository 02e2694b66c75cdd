"""What ``heatsink up`` was asked for, and how it becomes settings: options override the environment and the files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from services.cli.up.replay_check import Recording, check_replay
from services.wiring import services_with
from shared.application.wording.formats import clock
from shared.config.faults import ENVIRONMENT, ConfigError, Fault
from shared.config.load import default_config_dir, load_settings, process_environment
from shared.config.model import Settings
from shared.config.preflight import start_faults
from shared.domain.timeframes import DAY_NS, LAST_DATE, iso_ns

COMMAND_LINE = "command line"
MOST_HOURS = 8_760  # a year
TESTED_SPEED = 3_600.0  # up to here verdicts are those of a slower market
OPTION_OF = {
    "HEATSINK_EXCHANGE__KIND": "--exchange",
    "HEATSINK_SIMULATOR__REPLAY": "--replay",
    "HEATSINK_SIMULATOR__START": "--from",
    "HEATSINK_SIMULATOR__SPEED": "--speed",
    "HEATSINK_SIMULATOR__SEED": "--seed",
    "HEATSINK_REDIS__URL": "--redis-url",
}


@dataclass(frozen=True, slots=True)
class UpOptions:
    """The options as they were given; None where one was not.

    data_dir: the folder for what the stack keeps.
    config_dir: the folder of the TOML files.
    exchange: ``sim`` or ``binance``.
    replay: a store or a parquet file of klines to replay.
    start: the date at which the market begins.
    end: the date at which the run ends.
    speed: market seconds in a wall second.
    seed: of the generated market.
    redis_url: a server that runs already.
    resume_after_hours: market time after which halts end that wait for an operator.
    duration_seconds: wall time after which it ends, from the start of the services.
    quiet: only warnings and the summary are shown.
    json_logs: nothing but log lines is shown, as JSON.
    sizes: the panel has a table of all sizes.
    picture: where the last panel is left as an SVG.
    """

    data_dir: Path
    config_dir: Path | None = None
    exchange: str | None = None
    replay: Path | None = None
    start: str | None = None
    end: str | None = None
    speed: float | None = None
    seed: int | None = None
    redis_url: str | None = None
    resume_after_hours: float | None = None
    duration_seconds: float | None = None
    quiet: bool = False
    json_logs: bool = False
    sizes: bool = False
    picture: Path | None = None

    def overrides(self) -> dict[str, str]:
        """The options as the variables that every child reads them from."""
        given = {
            "HEATSINK_EXCHANGE__KIND": self.exchange,
            "HEATSINK_SIMULATOR__REPLAY": os.path.realpath(self.replay) if self.replay else None,
            "HEATSINK_SIMULATOR__START": self.start,
            "HEATSINK_SIMULATOR__SPEED": self.speed,
            "HEATSINK_SIMULATOR__SEED": self.seed,
            "HEATSINK_REDIS__URL": self.redis_url,
        }
        return {name: str(value) for name, value in given.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that is needed before anything is started.

    settings: checked.
    environ: the environment that makes every child read the same settings.
    config_dir: the folder that they were read from.
    own_server: nobody named a server, neither by option nor by variable, so one is started.
    short_history: what a recording has too little of, in words; empty when it has enough.
    too_fast: what a speed beyond the tested ones leads to, in words; empty for one of those.
    holes: what a recording lacks, in words.
    end_ns: market time at which the run ends; 0 for none.
    end_reason: why it ends then, in words.
    """

    settings: Settings
    environ: dict[str, str]
    config_dir: Path
    own_server: bool
    short_history: str = ""
    too_fast: str = ""
    holes: str = ""
    end_ns: int = 0
    end_reason: str = ""

    @property
    def notes(self) -> list[str]:
        """What is no fault, and worth knowing before the start."""
        return [note for note in (self.short_history, self.holes, self.too_fast) if note]


def prepare_settings(options: UpOptions) -> Prepared:
    """Settings with the options applied, on which the services would start.

    Raises ``ConfigError``, in which a fault of an option is named after it.
    """
    inherited = process_environment()
    named = options.config_dir or default_config_dir(inherited)
    folder, overrides = Path(os.path.realpath(named)), options.overrides()
    environ = {**inherited, **overrides, "HEATSINK_CONFIG_DIR": str(folder)}
    faults = [*_replay_without_date(options, inherited), *_odd_numbers(options)]
    try:
        settings = load_settings(named, environ)
    except ConfigError as error:
        faults += _only_simulated(options, options.exchange or "sim")
        raise ConfigError([*faults, *(_named_after_option(fault, overrides) for fault in error.faults)]) from None
    if faults := [*faults, *_only_simulated(options, settings.exchange.kind), *start_faults(settings)]:
        raise ConfigError(faults)
    for row in services_with(settings.exchange.kind):
        row.check(settings)
    recording = _recording(settings, overrides, options.end)
    end_ns, end_reason = _end(options, settings, recording)
    return Prepared(
        settings,
        environ,
        folder,
        own_server="HEATSINK_REDIS__URL" not in environ,
        too_fast=_too_fast(settings),
        short_history=recording.short_history if recording else "",
        holes=recording.holes if recording else "",
        end_ns=end_ns,
        end_reason=end_reason,
    )


def _recording(settings: Settings, overrides: dict[str, str], end: str | None) -> Recording | None:
    if settings.exchange.kind != "sim" or not settings.simulator.replay:
        return None
    until_ns = (_date_ns(end) if end else None) or 0
    if "HEATSINK_SIMULATOR__REPLAY" in overrides:
        return check_replay(settings, COMMAND_LINE, ("--replay", "--from"), until_ns=until_ns)
    return check_replay(settings, "stack.toml", until_ns=until_ns)


def _end(options: UpOptions, settings: Settings, recording: Recording | None) -> tuple[int, str]:
    """When the run ends by market time, and why: at the date that was asked for, or with the recording."""
    end_ns, reason = 0, ""
    if recording is not None:
        end_ns, reason = recording.end_ns, f"the recording ends at {clock(recording.end_ns)}"
    if options.end is None:
        return end_ns, reason
    asked_ns = _date_ns(options.end)
    if asked_ns is None or not settings.simulator.start or asked_ns <= settings.simulator.start_ns(0):
        problem = "no date after the one at which the market begins"
        remedy = f"Write one after {settings.simulator.start or 'a date given by --from'}, such as {_later(settings)}."
        raise ConfigError([Fault(COMMAND_LINE, "--to", options.end, problem, remedy)])
    if end_ns and asked_ns > end_ns:
        return end_ns, reason
    return asked_ns, f"{clock(asked_ns)} has come (--to)"


def _later(settings: Settings) -> str:
    """A date two weeks after the one at which the market begins."""
    start_ns = settings.simulator.start_ns(0) if settings.simulator.start else iso_ns("2022-11-01")
    return clock(min(start_ns + 14 * DAY_NS, iso_ns(LAST_DATE)))[:10]


def _too_fast(settings: Settings) -> str:
    speed = settings.simulator.speed
    if settings.exchange.kind != "sim" or speed <= TESTED_SPEED:
        return ""
    return (
        f"at {speed:,.0f} x the market runs ahead of its readers: book samples and proposals are old by market time, "
        "so verdicts differ from those of a slower run, and far beyond nothing is traded. "
        f"Up to {TESTED_SPEED:,.0f} x is tested"
    )


def _date_ns(text: str) -> int | None:
    try:
        time_ns = iso_ns(text)
    except (ValueError, OverflowError):
        return None
    return time_ns if 0 < time_ns <= iso_ns(LAST_DATE) else None


def _named_after_option(fault: Fault, overrides: dict[str, str]) -> Fault:
    if fault.file != ENVIRONMENT or fault.key not in overrides:
        return fault
    return Fault(COMMAND_LINE, OPTION_OF[fault.key], fault.value, fault.problem, fault.remedy)


def _odd_numbers(options: UpOptions) -> Iterator[Fault]:
    """Options that are no settings, and which nobody else looks at."""
    hours, seconds = options.resume_after_hours, options.duration_seconds
    if hours is not None and not 0 < hours <= MOST_HOURS:
        problem = f"no time above 0 and up to {MOST_HOURS} hours"
        yield Fault(COMMAND_LINE, "--resume-after", f"{hours:g}", problem, "Write hours of market time, such as 6.")
    if seconds is not None and not 0 <= seconds <= MOST_HOURS * 3600:
        problem = "no time up to a year"
        yield Fault(COMMAND_LINE, "--duration", f"{seconds:g}", problem, "Write seconds, or leave it out for no end.")


def _only_simulated(options: UpOptions, exchange: str) -> Iterator[Fault]:
    """Options for a simulated market, where an option, a variable or a file says that the market is a real one."""
    of_simulation = {
        "--replay": options.replay,
        "--from": options.start,
        "--to": options.end,
        "--speed": options.speed,
        "--seed": options.seed,
        "--resume-after": options.resume_after_hours,
    }
    if exchange == "sim":
        return
    for option, value in of_simulation.items():
        if value is not None:
            remedy = f"Leave out {option}, or use --exchange sim."
            yield Fault(COMMAND_LINE, option, str(value), f"the market is {exchange}, a real one", remedy)


def _replay_without_date(options: UpOptions, inherited: dict[str, str]) -> Iterator[Fault]:
    if options.replay and options.start is None and "HEATSINK_SIMULATOR__START" not in inherited:
        problem = "a replay needs the date at which it begins"
        yield Fault(COMMAND_LINE, "--replay", str(options.replay), problem, "Add --from 2022-11-01.")
