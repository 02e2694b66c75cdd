"""Why services would refuse to start although every value by itself is sound. It is checked before any is started."""

from shared.config.faults import Fault
from shared.config.model import NO_KEYS, Settings
from shared.domain.risk.state.evidence import exchange_fault


def start_faults(settings: Settings) -> list[Fault]:
    """The faults that the settings alone show. The phase of a portfolio that exists already is not looked at."""
    return [*phase_faults(settings, settings.plan.phase), *paper_faults(settings), *signed_faults(settings)]


def phase_faults(settings: Settings, phase: str, *, may_differ: bool = False) -> list[Fault]:
    """Why the risk service does not start with a portfolio in this phase.

    may_differ: whether the phase need not fit the exchange. So it is after a demotion: selling has to stay possible.
    """
    plan, faults = settings.plan, []
    planned = plan.phase_named(phase)
    if planned is None:
        names = ", ".join(each.name for each in plan.phases)
        problem = f"portfolio {settings.portfolio.name!r} is in a phase of this name, and no [[phases]] has it"
        faults.append(Fault("phases.toml", "phases[].name", phase, problem, f"Add it again; there are {names}."))
    elif not may_differ:
        orders = settings.exchange.orders
        fault = exchange_fault(
            planned, paper=orders == "paper", rehearsal=plan.ramp.rehearsal, clients=orders == "client"
        )
        if fault is not None:
            remedy = f"{fault.remedy[0].upper()}{fault.remedy[1:]}."
            faults.append(Fault("phases.toml and stack.toml", "exchange.orders", orders, fault.problem, remedy))
    if plan.ramp.by_date:
        problem = "phases by date skip every operator: they are for backtests"
        faults.append(Fault("phases.toml", "ramp.by_date", "true", problem, "Write false."))
    return faults


def paper_faults(settings: Settings) -> list[Fault]:
    """Why the execution service does not start."""
    if settings.exchange.orders != "exchange":
        return []
    problem = "orders are executed on paper, or by clients"
    remedy = 'Write "paper", or "client" where your own bot executes and reports.'
    return [Fault("stack.toml", "exchange.orders", settings.exchange.orders, problem, remedy)]


def signed_faults(settings: Settings) -> list[Fault]:
    """Why a service does not start where clients must sign. Without ``signing.keys``, keys may be made yet."""
    plan = settings.plan
    asked = [f"{name}.signed" for name in sorted(plan.signed_clients)]
    asked += [f"{name}.signed_reports" for name in sorted(plan.signed_reporters)]
    if not asked or settings.signing.keys != NO_KEYS:
        return []
    problem = f"nothing is signed so, and clients.{asked[0]} asks for it"
    remedy = f"Name the folder of keys (heatsink keys new), or write {asked[0].rpartition('.')[2]} = false."
    return [Fault("stack.toml", "signing.keys", NO_KEYS, problem, remedy)]
