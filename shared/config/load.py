"""Settings from ``deploy/config/*.toml`` and the environment: the only place that reads either.

``HEATSINK_<SECTION>__<KEY>`` overrides a key of a section (``HEATSINK_REDIS__URL``, ``HEATSINK_LIMITS__HEAT``),
``HEATSINK_PHASE`` the phase, ``HEATSINK_CONFIG_DIR`` names the folder. No other variable may begin with ``HEATSINK_``,
but for those that Kubernetes makes of a service's name. Every fault is found in one reading.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct

from shared.config.account_key import check_account_key
from shared.config.addresses import check_addresses, check_hosts
from shared.config.changes import PHASE_KEY, read_changes
from shared.config.checks import (
    check_breakers,
    check_limits,
    check_phases,
    check_ramp,
    check_simulator,
    check_sizing,
    check_strategies,
)
from shared.config.clients import SECTION as CLIENTS
from shared.config.clients import check_clients, read_clients
from shared.config.credentials import check_credentials
from shared.config.environment import CONFIG_DIR, PHASE, read_environment
from shared.config.faults import ENVIRONMENT, ConfigError, did_you_mean
from shared.config.model import (
    ExchangeSettings,
    LogSettings,
    MarketDataSettings,
    OpsSettings,
    PortfolioSettings,
    RedisSettings,
    Settings,
    SigningSettings,
    SimulatorSettings,
)
from shared.config.shadow import read_shadow, shadow_path
from shared.config.strategy_files import with_sources
from shared.config.tables import Tables, unread_keys
from shared.config.universe import read_universe
from shared.domain.plan import BreakerPlan, Costs, Limits, PhasePlan, Plan, RampPlan, SizingPlan, StrategyTable

FILES = ("universe.toml", "limits.toml", "phases.toml", "strategies.toml", "stack.toml")
PLAN_SECTIONS: dict[str, type[Struct]] = {
    "limits": Limits,
    "breakers": BreakerPlan,
    "costs": Costs,
    "sizing": SizingPlan,
}
STACK_SECTIONS: dict[str, type[Struct]] = {
    "redis": RedisSettings,
    "signing": SigningSettings,
    "exchange": ExchangeSettings,
    "portfolio": PortfolioSettings,
    "market_data": MarketDataSettings,
    "simulator": SimulatorSettings,
    "ops": OpsSettings,
    "logs": LogSettings,
}
RAMP = "ramp"
SECTIONS: dict[str, type[Struct]] = PLAN_SECTIONS | STACK_SECTIONS | {RAMP: RampPlan}
HOMES = {
    **dict.fromkeys(("quote", "sectors", "assumed", "renames"), "universe.toml"),
    **dict.fromkeys(PLAN_SECTIONS, "limits.toml"),
    **dict.fromkeys(("phase", "phases", RAMP), "phases.toml"),
    "strategies": "strategies.toml",
    **dict.fromkeys((*STACK_SECTIONS, CLIENTS), "stack.toml"),
}


def settings_from_environment() -> Settings:
    """The settings of this process. Raises ``ConfigError``."""
    return load_settings(default_config_dir(os.environ), os.environ)


def process_environment() -> dict[str, str]:
    """A copy of this process's environment, for the processes that it starts."""
    return dict(os.environ)


def default_config_dir(environ: Mapping[str, str]) -> Path:
    """``HEATSINK_CONFIG_DIR``; else ``deploy/config`` here; else the one that came with the source."""
    if named := environ.get(CONFIG_DIR):
        return Path(named)
    here = Path("deploy/config")
    return here if here.is_dir() else Path(__file__).parents[2] / "deploy" / "config"


def load_settings(
    config_dir: Path, environ: Mapping[str, str], changes: Mapping[str, str] = MappingProxyType({})
) -> Settings:
    """Everything a process is built from. Raises ``ConfigError`` with all faults of all files at once.

    changes: of single settings for one run, by their names in the files; see ``shared/config/changes.py``.
    """
    tables = Tables()
    keys = [(name, key) for name, kind in SECTIONS.items() for key in kind.__struct_fields__]
    read_environment(tables, environ, keys)
    documents = _read_files(tables, config_dir)
    read_changes(tables, changes, keys, documents)
    paths = {name: str(config_dir / name) for name in FILES}
    parts: dict[str, Any] = {}
    if "universe.toml" in documents:
        parts["universe"] = read_universe(tables, paths["universe.toml"], documents["universe.toml"], HOMES)
    for name, kinds, others in (("limits.toml", PLAN_SECTIONS, ()), ("stack.toml", STACK_SECTIONS, (CLIENTS,))):
        if name in documents:
            _read_sections(tables, paths[name], documents[name], kinds, parts, others)
    parts[CLIENTS] = read_clients(tables, paths["stack.toml"], documents.get("stack.toml", {}))
    if "phases.toml" in documents:
        chosen = {} if PHASE_KEY in changes else environ
        _read_phases(tables, paths["phases.toml"], documents["phases.toml"], chosen, parts)
    if "strategies.toml" in documents:
        _read_strategies(tables, config_dir, documents["strategies.toml"], parts)
    _cross_check(tables, paths, parts)
    shadow_file = shadow_path(config_dir, parts.get("portfolio"))
    _find_strays(tables, config_dir, shadow_file)
    shadow = read_shadow(tables, shadow_file, parts.get("limits"), HOMES, paths["stack.toml"])
    if tables.faults:
        raise ConfigError(tables.faults)
    plan_keys = (*PLAN_SECTIONS, RAMP, "phases", "phase", "strategies", CLIENTS)
    plan = Plan(**{key: parts[key] for key in plan_keys}, shadow=shadow)
    return Settings(universe=parts["universe"], plan=plan, **{key: parts[key] for key in STACK_SECTIONS})


# --- files ------------------------------------------------------------------------------------------------------------


def _read_files(tables: Tables, folder: Path) -> dict[str, dict[str, Any]]:
    if not os.path.isdir(folder):  # not ``Path.is_dir``, which raises where one may not look
        remedy = f"Set {CONFIG_DIR} or --config to the folder that holds {', '.join(FILES)}."
        tables.fault(str(folder), "", None, "no such folder", remedy)
        return {}
    documents = {}
    for name in FILES:
        try:
            document = tables.document(folder / name)
        except FileNotFoundError:
            remedy = "Restore it from the shipped deploy/config."
            tables.fault(str(folder / name), "", None, "the file is missing", remedy)
            continue
        if document is not None:
            documents[name] = document
    return documents


def _find_strays(tables: Tables, folder: Path, shadow_file: Path | None) -> None:
    """Find files that look like configuration and are not read: whoever wrote one believes that it counts."""
    for stray in sorted(folder.glob("*.toml")) if os.path.isdir(folder) else ():
        if stray.name not in FILES and stray != shadow_file:
            tables.fault(str(stray), "", None, "a file that nothing reads", did_you_mean(stray.name, FILES))


def _read_sections(
    tables: Tables,
    file: str,
    document: dict[str, Any],
    kinds: Mapping[str, type[Struct]],
    parts: dict[str, Any],
    others: tuple[str, ...],
) -> None:
    """others: sections that are read elsewhere."""
    unread_keys(tables, file, document, (*kinds, *others), HOMES)
    for name, kind in kinds.items():
        parts[name] = tables.section(kind, file, name, document.get(name, {}))


def _rows(tables: Tables, file: str, name: str, document: dict[str, Any], kind: type[Struct]) -> tuple[Any, ...] | None:
    """``[[name]]`` tables as structs; None when any of them has a fault."""
    rows = document.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        tables.fault(file, name, None, "a list of tables was expected", f"Write a line [[{name}]] for each one.")
        return None
    found = [tables.struct(kind, file, f"{name}[{index}]", row) for index, row in enumerate(rows)]
    return None if None in found else tuple(found)


def _read_phases(
    tables: Tables, file: str, document: dict[str, Any], environ: Mapping[str, str], parts: dict[str, Any]
) -> None:
    unread_keys(tables, file, document, ("phase", "phases", RAMP), HOMES)
    parts[RAMP] = tables.section(RampPlan, file, RAMP, document.get(RAMP, {}))
    phases = _rows(tables, file, "phases", document, PhasePlan)
    phase, source, key = document.get("phase"), file, "phase"
    if PHASE in environ:
        phase, source, key = environ[PHASE], ENVIRONMENT, PHASE
    parts["phase"], parts["phases"] = phase, phases
    if phases is None:
        return
    names = [row.name for row in phases]
    if not names:
        tables.fault(file, "phases", None, "there is no phase", "Write at least one [[phases]] with name and scale.")
    elif phase is None:
        tables.fault(file, "phase", None, 'the key "phase" is missing', f'Add phase = "{names[0]}".')
    elif phase not in names:
        tables.fault(source, key, phase, "no phase of this name is defined", did_you_mean(str(phase), names))


def _read_strategies(tables: Tables, folder: Path, document: dict[str, Any], parts: dict[str, Any]) -> None:
    file = str(folder / "strategies.toml")
    unread_keys(tables, file, document, ("strategies",), HOMES)
    rows = _rows(tables, file, "strategies", document, StrategyTable)
    parts["strategies"] = None if rows is None else with_sources(tables, folder, rows)


def _cross_check(tables: Tables, paths: Mapping[str, str], parts: Mapping[str, Any]) -> None:
    """Make the checks that need several values, as far as these could be read."""
    limits, market_data = parts.get("limits"), parts.get("market_data")
    if limits is not None:
        check_limits(tables, paths["limits.toml"], limits)
    if parts.get("breakers") is not None:
        check_breakers(tables, paths["limits.toml"], parts["breakers"], limits, parts.get("universe"))
    if parts.get("sizing") is not None:
        check_sizing(tables, paths["limits.toml"], parts["sizing"], market_data)
    if parts.get("phases") is not None:
        check_phases(tables, paths["phases.toml"], parts["phases"], limits)
    if parts.get(RAMP) is not None:
        check_ramp(tables, paths["phases.toml"], parts[RAMP])
    if parts.get("strategies") is not None:
        check_strategies(tables, paths["strategies.toml"], parts["strategies"], market_data)
    strategies = parts.get("strategies")
    check_clients(
        tables,
        paths["stack.toml"],
        parts[CLIENTS],
        limits=limits,
        universe=parts.get("universe"),
        strategies=None if strategies is None else [each.name for each in strategies],
    )
    check_addresses(tables, paths["stack.toml"], parts.get("redis"), parts.get("exchange"))
    if parts.get("redis") is not None:
        check_credentials(tables, paths["stack.toml"], parts["redis"])
    if parts.get("exchange") is not None:
        check_account_key(tables, paths["stack.toml"], parts["exchange"])
    check_hosts(tables, paths["stack.toml"], parts.get("simulator"), parts.get("ops"))
    if parts.get("simulator") is not None:
        check_simulator(tables, paths["stack.toml"], parts["simulator"], parts.get("ops"))
