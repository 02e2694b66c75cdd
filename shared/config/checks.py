"""Checks that need more than one value: does the plan fit together, and with the world it will run in?"""

import os

from shared.config.faults import did_you_mean
from shared.config.model import MarketDataSettings, OpsSettings, SimulatorSettings
from shared.config.tables import Tables
from shared.config.universe import LONGEST_NAME
from shared.domain.plan import BreakerPlan, Limits, PhasePlan, RampPlan, SizingPlan, StrategyPlan
from shared.domain.strategies.base import StrategyKind
from shared.domain.strategies.from_file import FILE, file_faults
from shared.domain.strategies.registry import KINDS, kind_named
from shared.domain.timeframes import DAILY, FIRST_DATE, LAST_DATE, LISTED_TIMEFRAMES, iso_ns, timeframe_ns
from shared.domain.universe import Universe


def check_limits(tables: Tables, file: str, limits: Limits) -> None:
    """Caps must nest: that of a pair within that of its sector, the risk of one trade within the heat."""
    if limits.pair_cap_nav > limits.sector_cap_nav:
        problem = f"one pair may hold more than its whole sector ({limits.sector_cap_nav:g})"
        remedy = "Lower limits.pair_cap_nav or raise limits.sector_cap_nav."
        tables.fault_at("limits.pair_cap_nav", file, limits.pair_cap_nav, problem, remedy)
    if limits.equity_at_risk > limits.heat:
        problem = f"one trade would risk more than the whole portfolio may ({limits.heat:g})"
        remedy = "Lower limits.equity_at_risk or raise limits.heat."
        tables.fault_at("limits.equity_at_risk", file, limits.equity_at_risk, problem, remedy)
    if limits.atr_floor >= 1:
        remedy = "Write a fraction of the price, such as 0.01."
        tables.fault_at("limits.atr_floor", file, limits.atr_floor, "a floor of the whole price leaves no size", remedy)


def check_sizing(tables: Tables, file: str, sizing: SizingPlan, market_data: MarketDataSettings | None) -> None:
    """History must be long enough for the averages taken over it, and loaded at start."""
    needed = max(sizing.atr_days + 1, sizing.adv_days)
    if sizing.min_history_days < needed:
        problem = f"ATR over {sizing.atr_days} and ADV over {sizing.adv_days} days need {needed} daily bars"
        remedy = f"Write {needed} or more; 60 lets the ATR settle."
        tables.fault_at("sizing.min_history_days", file, sizing.min_history_days, problem, remedy)
    elif market_data is not None and market_data.warmup_days < sizing.min_history_days:
        problem = f"fewer daily bars are loaded at start than a size needs ({sizing.min_history_days})"
        remedy = f"Write {sizing.min_history_days} or more, or lower sizing.min_history_days."
        tables.fault_at("market_data.warmup_days", file, market_data.warmup_days, problem, remedy)


def check_breakers(
    tables: Tables, file: str, breakers: BreakerPlan, limits: Limits | None, universe: Universe | None
) -> None:
    """The warning must come before the halt, gaps must be remembered while they count, and the pair must exist."""
    if limits is not None and breakers.drawdown_warning >= limits.drawdown:
        problem = f"the warning would come no sooner than the halt (limits.drawdown {limits.drawdown:g})"
        remedy = "Lower breakers.drawdown_warning or raise limits.drawdown."
        tables.fault_at("breakers.drawdown_warning", file, breakers.drawdown_warning, problem, remedy)
    if breakers.shock_gap_minutes > breakers.cool_down_minutes:
        problem = f"a gap is forgotten after its cool-down ({breakers.cool_down_minutes:g} minutes), before it counts"
        remedy = f"Write {breakers.cool_down_minutes:g} or less, or lengthen breakers.cool_down_minutes."
        tables.fault_at("breakers.shock_gap_minutes", file, breakers.shock_gap_minutes, problem, remedy)
    if universe is not None and breakers.shock_pair not in universe.symbols:
        remedy = did_you_mean(breakers.shock_pair, universe.symbols)
        tables.fault_at("breakers.shock_pair", file, breakers.shock_pair, "no pair of the universe", remedy)


def _check_name(tables: Tables, file: str, place: str, name: str) -> None:
    """A name that messages can carry."""
    if not 1 <= len(name) <= LONGEST_NAME:
        tables.fault(file, place, name, f"not 1 to {LONGEST_NAME} characters", "Write a short name.")


def check_phases(tables: Tables, file: str, phases: tuple[PhasePlan, ...], limits: Limits | None) -> None:
    """Each name must be there once; a phase's scale must leave one trade within the heat limit."""
    for index, phase in enumerate(phases):
        _check_name(tables, file, f"phases[{index}].name", phase.name)
        if phase.name in {earlier.name for earlier in phases[:index]}:
            problem = "a second phase of this name"
            tables.fault(file, f"phases[{index}].name", phase.name, problem, "Rename or remove one of the two.")
        if index and phase.from_day < phases[index - 1].from_day:
            before = phases[index - 1]
            problem = f"phase {before.name!r} before it begins later, on day {before.from_day}"
            remedy = f"Write {before.from_day} or more; phases stand in the order of the ramp."
            tables.fault(file, f"phases[{index}].from_day", phase.from_day, problem, remedy)
        if limits is not None and limits.equity_at_risk <= limits.heat < limits.equity_at_risk * phase.scale:
            risk = limits.equity_at_risk * phase.scale
            problem = f"one trade would risk {risk:g} of NAV, the heat limit is {limits.heat:g}"
            remedy = f"Write {limits.heat / limits.equity_at_risk:g} or less."
            tables.fault(file, f"phases[{index}].scale", phase.scale, problem, remedy)


def _check_date(tables: Tables, file: str, dotted: str, text: str, first: str) -> None:
    try:
        time_ns = iso_ns(text)
    except (ValueError, OverflowError):
        tables.fault_at(dotted, file, text, "not a date", 'Write it as "2022-11-01".')
        return
    if not iso_ns(first) <= time_ns <= iso_ns(LAST_DATE):
        problem = "there is no market then"
        tables.fault_at(dotted, file, text, problem, f"Write a date from {first} to {LAST_DATE}.")


def check_ramp(tables: Tables, file: str, ramp: RampPlan) -> None:
    """The date from which phases by date count must be one."""
    if ramp.start:
        _check_date(tables, file, "ramp.start", ramp.start, FIRST_DATE)


def check_strategies(
    tables: Tables, file: str, strategies: tuple[StrategyPlan, ...], market_data: MarketDataSettings | None
) -> None:
    """Names must differ, kinds, parameters and timeframes must exist, and the weights add up to at most 1."""
    for index, strategy in enumerate(strategies):
        place = f"strategies[{index}]"
        _check_name(tables, file, f"{place}.name", strategy.name)
        if strategy.name in {earlier.name for earlier in strategies[:index]}:
            problem = "a second strategy of this name"
            tables.fault(file, f"{place}.name", strategy.name, problem, "Rename one of the two.")
        kind = kind_named(strategy.kind)
        if strategy.kind == FILE:
            _check_file(tables, file, place, strategy)
        elif kind is None:
            remedy = did_you_mean(strategy.kind, KINDS)
            tables.fault(file, f"{place}.kind", strategy.kind, "no such kind of strategy", remedy)
        else:
            _check_parameters(tables, file, place, strategy, kind, market_data)
        _check_timeframe(tables, file, f"{place}.timeframe", strategy.timeframe)
    total = sum(strategy.weight for strategy in strategies)
    if total > 1 + 1e-9:
        weights = " + ".join(f"{strategy.weight:g}" for strategy in strategies)
        remedy = f"Lower them: divided by {total:g} they add up to 1."
        tables.fault(file, "strategies[].weight", weights, f"the weights add up to {total:g}, above 1", remedy)


def _check_file(tables: Tables, file: str, place: str, strategy: StrategyPlan) -> None:
    """What the text of a strategy's file shows; running it is for the service that will. One not read was told of."""
    for fault in file_faults(strategy) if strategy.source else ():
        remedy = fault.remedy[0].upper() + fault.remedy[1:] + "."
        tables.fault(file, f"{place}.{fault.name}", fault.value, fault.problem, remedy)


def _check_parameters(
    tables: Tables,
    file: str,
    place: str,
    strategy: StrategyPlan,
    kind: StrategyKind,
    market_data: MarketDataSettings | None,
) -> None:
    """The parameters must pass the checks of their kind, and enough history must be loaded for them at start."""
    faults = kind.faults(strategy.parameters)
    for fault in faults:
        remedy = fault.remedy[0].upper() + fault.remedy[1:] + "."
        tables.fault(file, f"{place}.parameters.{fault.name}", fault.value, f"{kind.name} cannot work with it", remedy)
    if faults or market_data is None:
        return
    needed = kind.build(kind.completed(strategy.parameters)).warmup_bars
    name = "warmup_days" if strategy.timeframe == DAILY else "warmup_bars"
    loaded = market_data.warmup_days if strategy.timeframe == DAILY else market_data.warmup_bars
    if loaded < needed:
        problem = f"fewer bars are loaded at start than strategy {strategy.name!r} needs ({needed})"
        remedy = f"Write {needed} or more, or shorten the strategy's windows."
        tables.fault_at(f"market_data.{name}", file.replace("strategies.toml", "stack.toml"), loaded, problem, remedy)


def _check_timeframe(tables: Tables, file: str, place: str, timeframe: str) -> None:
    try:
        timeframe_ns(timeframe)
    except ValueError:
        remedy = f"Write one of {', '.join(LISTED_TIMEFRAMES)}."
        tables.fault(file, place, timeframe, "not a timeframe", remedy)
        return
    if timeframe not in LISTED_TIMEFRAMES:
        remedy = f"Write one of {', '.join(LISTED_TIMEFRAMES)}."
        tables.fault(file, place, timeframe, "the exchange has no bars of this length", remedy)


def check_simulator(tables: Tables, file: str, simulator: SimulatorSettings, ops: OpsSettings | None) -> None:
    """What is replayed must be there, and two servers must not share a port."""
    needed = {
        "replay": "Write the path of a store (heatsink data import makes one) or of a parquet file, or leave it empty.",
        "faults": "Write the path of a script of faults, or leave it empty for none.",
    }
    for name, remedy in needed.items():
        path = getattr(simulator, name)
        if path and not (os.path.isfile(path) or (name == "replay" and os.path.isdir(path))):
            tables.fault_at(f"simulator.{name}", file, path, "no such file", remedy)
    if simulator.replay and not simulator.start:
        problem = "a replay needs the date at which it begins"
        remedy = 'Name its first day: simulator.start = "2022-11-01" (--from 2022-11-01).'
        tables.fault_at("simulator.replay", file, simulator.replay, problem, remedy)
    if simulator.start:
        _check_date(tables, file, "simulator.start", simulator.start, simulator.first_date)
    if ops is not None and ops.port == simulator.port != 0 and ops.host == simulator.host:
        problem = "the simulated exchange listens on the same port"
        remedy = f"Write another one, such as {ops.port + 10}, or 0 for any."
        tables.fault_at("ops.port", file, ops.port, problem, remedy)
