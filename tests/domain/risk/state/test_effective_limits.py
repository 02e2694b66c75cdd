"""The short name of the rules in force changes with whatever decides, and with nothing else."""

import pytest
from msgspec import Struct, structs

from shared.domain.plan import BreakerPlan, Costs, Limits, Plan, SizingPlan
from shared.domain.risk.state.effective_limits import policy_of

DECIDES = {
    "limits": Limits.__struct_fields__,
    "costs": Costs.__struct_fields__,
    "breakers": BreakerPlan.__struct_fields__,
    "sizing": ("stop_atr", "atr_days", "adv_days"),
}
OTHERS = {"sizing": tuple(sorted({*SizingPlan.__struct_fields__} - {*DECIDES["sizing"]}))}
CASES = [(section, name, True) for section, names in DECIDES.items() for name in names]
CASES += [(section, name, False) for section, names in OTHERS.items() for name in names]


def another(value: object) -> object:
    """A value of the same type that is not the same."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case float():
            return value / 2
        case str():
            return f"X{value}"
        case _:
            return ("gap",)


def with_another(plan: Plan, section: str, name: str) -> Plan:
    table: Struct = getattr(plan, section)
    changed = structs.replace(table, **{name: another(getattr(table, name))})
    return structs.replace(plan, **{section: changed})


@pytest.mark.parametrize(("section", "name", "decides"), CASES)
def test_the_policy_changes_with_what_decides_and_with_nothing_else(section: str, name: str, decides: bool) -> None:
    plan = Plan()
    other = with_another(plan, section, name)
    assert (policy_of(other.limits, other) != policy_of(plan.limits, plan)) == decides


def test_the_same_settings_have_the_same_name() -> None:
    assert policy_of(Limits(), Plan()) == policy_of(Plan().limits, Plan(phase="live"))
