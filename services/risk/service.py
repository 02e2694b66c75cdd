"""The gate: every proposed order is approved, trimmed or rejected on live portfolio heat, before it can be placed.

Takes in what others set aside, commands, fills, pairs, bars, marks, books, proposals (XADD or PUBLISH) and questions
(PUBLISH); gives out verdicts, portfolio snapshots, halts, audit entries, and answers on the asker's channel. One writer
per portfolio.
"""

from services import wiring
from shared.config.faults import ConfigError
from shared.config.model import Settings
from shared.config.preflight import phase_faults
from shared.domain.risk.gate.gate import ORDERS_REMEMBERED
from shared.domain.risk.machine import RiskMachine
from shared.domain.timeframes import DAILY
from shared.messages.catalogue import (
    ASK,
    BARS,
    BOOKS,
    CONTROL,
    DECIDED,
    EXECUTED,
    FEEDS,
    MARKS,
    PAIRS,
    PROPOSED,
    SET_ASIDE,
)
from shared.ports.clock import Clock
from shared.runtime.host import machine_service
from shared.runtime.host.idempotency import OrderIdempotency
from shared.runtime.machine_spec import MachineSpec


def spec_of(settings: Settings, clock: Clock, *, orders_remembered: int = ORDERS_REMEMBERED) -> MachineSpec:
    keys, plan = settings.keys, settings.plan
    machine = RiskMachine(
        plan,
        settings.universe,
        portfolio=keys.portfolio,
        starting_cash_usdt=settings.portfolio.starting_cash_usdt,
        speed=clock.speed,
        paper=settings.exchange.orders == "paper",
        client_orders=settings.exchange.orders == "client",
        orders_remembered=orders_remembered,
    )
    bars = [keys.of(BARS, timeframe) for timeframe in plan.timeframes]
    proposed = keys.of(PROPOSED)
    return MachineSpec(
        service=wiring.RISK,
        machine=machine,
        # What changes the portfolio comes before what asks about it, and what is not known before both.
        inputs=(
            SET_ASIDE.key,
            keys.of(CONTROL),
            keys.of(EXECUTED),
            PAIRS.key,
            FEEDS.key,
            *bars,
            proposed,
        ),
        whole=(keys.of(BARS, DAILY),),
        in_turns=proposed,
        signed_clients=plan.signed_clients,
        home=keys.home,
        warm=(PAIRS.key, FEEDS.key, *bars),
        latest=(MARKS, BOOKS),
        follows=machine.follows,
        questions=keys.of(ASK),
        vital=(keys.of(EXECUTED),),
        watches_memory=True,
        writes=keys.of(DECIDED),
        reservation_checks=machine.take_reservation_checks,
        idempotency=OrderIdempotency(machine, channel=proposed, decided=keys.of(DECIDED)),
        verify=lambda: check_phase(settings, machine),
    )


def check_phase(settings: Settings, machine: RiskMachine) -> None:
    """Refuse to start in a phase that is not meant for this exchange. Raises ``ConfigError``.

    Except after a demotion: the machine holds back new risk then, and selling has to stay possible.
    """
    phase = machine.state.phase
    faults = phase_faults(settings, phase.name, may_differ=phase.entered == "demoted")
    if faults:
        raise ConfigError(faults)


SERVICE = machine_service(wiring.RISK, spec_of, wiring.scope_of(wiring.RISK))
