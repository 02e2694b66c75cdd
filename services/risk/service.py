"""The gate: every proposed order is approved, trimmed or rejected on live portfolio heat, before it can be placed.

Takes in commands, fills, pairs, bars, marks and proposals (XADD or PUBLISH); gives out verdicts, portfolio snapshots
and halts. One writer per portfolio.
"""

from shared.domain.risk.machine import RiskMachine
from shared.messages.catalogue import BARS, CONTROL, DECIDED, EXECUTED, FEEDS, PAIRS, PROPOSED, stream_key
from shared.ports.clock import Clock
from shared.runtime.host import MachineSpec, machine_service
from shared.runtime.settings import Settings


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    portfolio, plan = settings.portfolio.name, settings.plan
    machine = RiskMachine(
        plan,
        settings.universe,
        portfolio=portfolio,
        starting_cash_usdt=settings.portfolio.starting_cash_usdt,
        speed=clock.speed,
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
        intake=proposed,
        vital=(stream_key(EXECUTED, portfolio=portfolio),),
        writes=stream_key(DECIDED, portfolio=portfolio),
        guards=machine.take_guards,
        recall=stream_key(DECIDED, portfolio=portfolio),
        remember=machine.remember,
        repeats=machine.take_repeats,
    )


SERVICE = machine_service("risk", spec_of)
