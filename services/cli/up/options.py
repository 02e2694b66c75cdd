"""What ``heatsink up`` was asked for, and how it becomes settings: options override the environment and the files."""

from dataclasses import dataclass
from pathlib import Path

from services.cli.up.replay_check import check_replay
from shared.config.faults import ENVIRONMENT, ConfigError, Fault
from shared.config.load import default_config_dir, load_settings, process_environment
from shared.config.model import Settings
from shared.config.preflight import start_faults

COMMAND_LINE = "command line"
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
    replay: a parquet file of klines to replay.
    start: the date at which the market begins.
    speed: market seconds in a wall second.
    seed: of the generated market.
    redis_url: a server that runs already.
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
    speed: float | None = None
    seed: int | None = None
    redis_url: str | None = None
    duration_seconds: float | None = None
    quiet: bool = False
    json_logs: bool = False
    sizes: bool = False
    picture: Path | None = None

    def overrides(self) -> dict[str, str]:
        """The options as the variables that every child reads them from."""
        given = {
            "HEATSINK_EXCHANGE__KIND": self.exchange,
            "HEATSINK_SIMULATOR__REPLAY": str(self.replay.resolve()) if self.replay else None,
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
    """

    settings: Settings
    environ: dict[str, str]
    config_dir: Path
    own_server: bool
    short_history: str = ""


def prepare_settings(options: UpOptions) -> Prepared:
    """Settings with the options applied, on which the services would start.

    Raises ``ConfigError``, in which a fault of an option is named after it.
    """
    inherited = process_environment()
    folder = (options.config_dir or default_config_dir(inherited)).resolve()
    overrides = options.overrides()
    environ = {**inherited, **overrides, "HEATSINK_CONFIG_DIR": str(folder)}
    faults = _contradictions(options, inherited)
    try:
        settings = load_settings(folder, environ)
    except ConfigError as error:
        raise ConfigError([*faults, *(_named_after_option(fault, overrides) for fault in error.faults)]) from None
    if faults := [*faults, *start_faults(settings)]:
        raise ConfigError(faults)
    short = _short_history(settings, overrides)
    return Prepared(settings, environ, folder, "HEATSINK_REDIS__URL" not in environ, short)


def _short_history(settings: Settings, overrides: dict[str, str]) -> str:
    if settings.exchange.kind != "sim" or not settings.simulator.replay:
        return ""
    if "HEATSINK_SIMULATOR__REPLAY" in overrides:
        return check_replay(settings, COMMAND_LINE, ("--replay", "--from"))
    return check_replay(settings, "stack.toml")


def _named_after_option(fault: Fault, overrides: dict[str, str]) -> Fault:
    if fault.file != ENVIRONMENT or fault.key not in overrides:
        return fault
    return Fault(COMMAND_LINE, OPTION_OF[fault.key], fault.value, fault.problem, fault.remedy)


def _contradictions(options: UpOptions, inherited: dict[str, str]) -> list[Fault]:
    """Options that do not go together."""
    faults = []
    if options.replay and options.start is None and "HEATSINK_SIMULATOR__START" not in inherited:
        problem = "a replay needs the date at which it begins"
        faults.append(Fault(COMMAND_LINE, "--replay", str(options.replay), problem, "Add --from 2022-11-01."))
    if options.exchange == "binance":
        for option, value in (("--replay", options.replay), ("--from", options.start), ("--speed", options.speed)):
            if value is not None:
                remedy = f"Leave out {option}, or use --exchange sim."
                problem = "history and speed belong to the simulated exchange"
                faults.append(Fault(COMMAND_LINE, option, str(value), problem, remedy))
    return faults
