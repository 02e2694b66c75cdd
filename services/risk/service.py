"""The gate: every proposed order is approved, trimmed or rejected on live portfolio heat, before it can be placed.

Takes in commands, fills, pairs, bars, marks, books, proposals (XADD or PUBLISH) and questions (PUBLISH); gives out
verdicts, portfolio snapshots, halts, audit entries, and answers on the asker's channel. One writer per portfolio.
"""

from shared.config.faults import ConfigError
from shared.config.model import Settings
from shared.config.preflight import phase_faults
from shared.domain.risk.machine import RiskMachine
from shared.messages.catalogue import ASK, BARS, CONTROL, DECIDED, EXECUTED, FEEDS, PAIRS, PROPOSED, stream_key
from shared.ports.clock import Clock
from shared.runtime.host import machine_service
from shared.runtime.machine_spec import MachineSpec


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    portfolio, plan = settings.portfolio.name, settings.plan
    machine = RiskMachine(
        plan,
        settings.universe,
        portfolio=portfolio,
        starting_cash_usdt=settings.portfolio.starting_cash_usdt,
        speed=clock.speed,
        paper=settings.exchange.orders == "paper",
    )
    bars = [stream_key(BARS, timeframe=timeframe) for timeframe in plan.timeframes]
    proposed = stream_key(PROPOSED, portfolio=portfolio)
    return MachineSpec(
        service="risk",
        machine=machine,
        # What changes the portfolio comes before what asks about it.
        inputs=(
            stream_key(CONTROL, portfolio=portfolio),
            stream_key(EXECUTED, portfolio=portfolio),
            PAIRS.key,
            FEEDS.key,
            *bars,
            proposed,
        ),
        home=f"hs:{{{portfolio}}}",
        warm=(PAIRS.key, FEEDS.key, *bars, stream_key(EXECUTED, portfolio=portfolio)),
        marks=True,
        books=True,
        intake=proposed,
        ask=stream_key(ASK, portfolio=portfolio),
        vital=(stream_key(EXECUTED, portfolio=portfolio),),
        writes=stream_key(DECIDED, portfolio=portfolio),
        guards=machine.take_guards,
        recall=stream_key(DECIDED, portfolio=portfolio),
        remember=machine.remember,
        repeats=machine.take_repeats,
        check=lambda: check_phase(settings, machine),
    )


def check_phase(settings: Settings, machine: RiskMachine) -> None:
    """Refuse to start in a phase that is not meant for this exchange. Raises ``ConfigError``.

    Except after a demotion: the machine holds back new risk then, and selling has to stay possible.
    """
    phase = machine.state.phase
    faults = phase_faults(settings, phase.name, may_differ=phase.entered == "demoted")
    if faults:
        raise ConfigError(faults)


SERVICE = machine_service("risk", spec_of)
