"""Approved orders and raised stops in; fills out: of the paper exchange, or as clients report what they executed.

An order is placed only while the gate's stored records have its reservation.
"""

from services import wiring
from shared.config.faults import ConfigError, Fault
from shared.config.model import Settings
from shared.config.preflight import paper_faults, signed_faults
from shared.domain.execution.client.machine import ClientExecution
from shared.domain.execution.client.records import CLIENT_KINDS, ENDED, HELD
from shared.domain.execution.client.records import ORDER as AWAITED
from shared.domain.execution.orders.store import DONE, KINDS, POSITION, WORKING
from shared.domain.execution.paper.machine import PaperExecution
from shared.domain.machine import Machine
from shared.domain.timeframes import DAILY, SECOND_NS
from shared.messages.catalogue import BARS, DECIDED, EXECUTED, MARKS, PAIRS, REPORTED
from shared.ports.clock import Clock, market_ns
from shared.runtime.host import machine_service
from shared.runtime.host.vouching import ReservedOrders
from shared.runtime.machine_spec import MachineSpec

LEFT_BY = {"paper": (POSITION, WORKING, DONE), "client": (AWAITED, HELD, ENDED)}  # kinds of records


def spec_of(settings: Settings, clock: Clock) -> MachineSpec:
    if faults := [*paper_faults(settings), *signed_faults(settings)]:
        raise ConfigError(faults)
    keys, by_clients = settings.keys, settings.exchange.orders == "client"
    bars = tuple(keys.of(BARS, timeframe) for timeframe in settings.plan.timeframes)
    machine = client_machine(settings, clock) if by_clients else paper_machine(settings, clock)
    machine.records.admit(KINDS if by_clients else CLIENT_KINDS)
    return MachineSpec(
        service=wiring.EXECUTION,
        machine=machine,
        # Stops see the market before new orders do; and orders are known before anybody reports of them.
        # On paper, too, for whoever reports there has to hear that nobody books it.
        inputs=(PAIRS.key, *bars, keys.of(DECIDED), keys.of(REPORTED)),
        whole=(keys.of(BARS, DAILY), *((keys.of(DECIDED),) if by_clients else ())),
        in_turns=keys.of(REPORTED),
        signed_clients=settings.plan.signed_reporters,
        home=keys.home,
        warm=bars,
        writes=keys.of(EXECUTED),
        latest=(MARKS,),
        vouching=ReservedOrders(),
        verify=lambda: check_orders(settings, machine),
        follows=machine.follows,
    )


def paper_machine(settings: Settings, clock: Clock) -> PaperExecution:
    limit_ns = market_ns(clock, settings.plan.limits.mark_age_seconds)
    second_ns = clock.speed * SECOND_NS
    return PaperExecution(settings.plan, settings.universe, quote_age_limit_ns=limit_ns, ns_per_second=second_ns)


def client_machine(settings: Settings, clock: Clock) -> ClientExecution:
    exchange = settings.exchange
    return ClientExecution(
        settings.universe,
        report_ns=market_ns(clock, exchange.report_seconds),
        stop_ns=market_ns(clock, exchange.stop_seconds),
        slack_ns=market_ns(clock, settings.plan.limits.mark_age_seconds),
        ns_per_second=clock.speed * SECOND_NS,
    )


def check_orders(settings: Settings, machine: Machine) -> None:
    """Refuse to go on with the books of another way of executing: paper is not money. Raises ``ConfigError``."""
    orders, name = settings.exchange.orders, settings.portfolio.name
    for other, kinds in LEFT_BY.items():
        if other != orders and any(machine.records.count(kind) for kind in kinds):
            problem = f'portfolio {name!r} was traded with "{other}", and its cash and positions are of that'
            remedy = f'Write "{other}" again, or begin another portfolio: portfolio.name.'
            raise ConfigError([Fault("stack.toml", "exchange.orders", orders, problem, remedy)])


SERVICE = machine_service(wiring.EXECUTION, spec_of, wiring.scope_of(wiring.EXECUTION))
