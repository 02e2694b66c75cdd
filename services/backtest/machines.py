"""The machines of a backtest: those of a running stack, put before its market."""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from services import wiring
from services.backtest.next_open import NextOpen
from services.backtest.options import BacktestOptions
from shared.adapters.clocks import ManualClock
from shared.messages.catalogue import BARS
from shared.runtime.machine_spec import MachineSpec
from shared.runtime.quiet import QuietReplay
from shared.runtime.quiet.execution_guard import Exchange
from shared.runtime.replay import Replay


def specs_of(options: BacktestOptions) -> list[MachineSpec]:
    """Every machine, in the order in which they take turns."""
    specs = wiring.machine_specs(options.run_settings, ManualClock(speed=options.speed))
    return [_with_market(options, spec) for spec in specs]


def host_of(options: BacktestOptions, specs: Sequence[MachineSpec]) -> Replay:
    """The quiet one gives the same messages, but for sizes, which a backtest needs no record of."""
    settings = options.run_settings
    if options.every_bar:
        return Replay(specs, settings.keys)
    return QuietReplay(specs, settings.keys, settings.universe)


def _with_market(options: BacktestOptions, spec: MachineSpec) -> MachineSpec:
    """Execution and risk see the bars of the market, sizing and signals those of the strategies."""
    key = options.run_settings.keys.of(BARS, options.market_bars)
    if spec.service in (wiring.EXECUTION, wiring.RISK) and key not in spec.inputs:
        spec = replace(spec, inputs=(*spec.inputs, key))
    if spec.service == wiring.EXECUTION and options.fill == "next_open":
        spec = replace(spec, machine=NextOpen(cast("Exchange", spec.machine)))
    return spec
