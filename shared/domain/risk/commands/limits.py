"""Limits that change while heatsink runs: by command, or because the configuration is another one after a restart."""

import difflib
import math
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import structs
from msgspec.inspect import FloatType, IntType

from shared.domain.active_limits import ActiveLimits, with_changes
from shared.domain.numbers import range_in_words
from shared.domain.plan import Limits
from shared.domain.risk.commands.breaches import limit_breaches
from shared.domain.risk.commands.refusals import command_refused, unsigned
from shared.domain.risk.state.effective_limits import policy_of
from shared.domain.risk.state.state import LIMITS, RiskState
from shared.domain.words import figure
from shared.messages.base import Message, derived_id, truncate
from shared.messages.control import SetLimits
from shared.messages.portfolio import LimitsChanged

CONFIGURATION = "limits.toml"
FIELDS = {field.name: field for field in structs.fields(Limits)}


class LimitChanges:
    """Carries out changes of limits: each is one ``LimitsChanged``, or a ``CommandRefused``.

    Positions stay as they are.
    """

    def __init__(self, state: RiskState) -> None:
        self._state = state

    def compare_with_file(self, cause: Message) -> Sequence[Message]:
        """Once after every start: remember the configuration, and tell when it overrules the limits that were active.

        docs/decisions/0005: limits set by command hold until the file changes.
        """
        state, file_limits = self._state, self._state.plan.limits
        stored = state.records.get(LIMITS, "", ActiveLimits)
        if stored is not None and stored.file_limits == file_limits:
            return ()
        state.records.put(LIMITS, "", ActiveLimits(limits=file_limits, file_limits=file_limits, since_ns=cause.time_ns))
        if stored is None or stored.limits == file_limits:
            return ()
        return (self._changed(cause, CONFIGURATION, _overruled(stored, file_limits), stored.limits, file_limits),)

    def set(self, command: SetLimits) -> Sequence[Message]:
        """Set all of the limits that are named, or none of them."""
        state = self._state
        before = state.limits
        fault, after = changed_limits(before, command.limits, max(phase.scale for phase in state.plan.phases))
        fault = unsigned(command, "the limits change") or fault
        if not fault and after == before:
            fault = f"nothing changes: {_listed({name: getattr(before, name) for name in command.limits})} already"
        if fault:
            return command_refused(command, fault)
        state.use_limits(after)
        state.records.put(
            LIMITS,
            "",
            ActiveLimits(
                limits=after,
                file_limits=state.plan.limits,
                who=command.who,
                reason=command.reason,
                since_ns=state.now_ns or command.time_ns,
            ),
        )
        return (self._changed(command, command.who, command.reason, before, after),)

    def _changed(self, cause: Message, who: str, reason: str, before: Limits, after: Limits) -> LimitsChanged:
        state = self._state
        names = [name for name in FIELDS if getattr(before, name) != getattr(after, name)]
        return LimitsChanged(
            id=derived_id("limits", state.portfolio, cause.id),
            cause=cause.id,
            trace=cause.trace_id,
            time_ns=cause.time_ns,
            who=who,
            reason=truncate(reason),
            old={name: float(getattr(before, name)) for name in names},
            new={name: float(getattr(after, name)) for name in names},
            policy_before=policy_of(before, state.plan),
            policy=policy_of(after, state.plan),
            over=limit_breaches(state),
        )


def changed_limits(limits: Limits, changes: Mapping[str, float], largest_scale: float) -> tuple[str, Limits]:
    """Every fault among the changes in one text (empty: none), and the limits with the changes made."""
    if not changes:
        return "limits: no limit is named; name at least one, such as heat = 0.06", limits
    faults = [fault for name, value in changes.items() if (fault := _fault_of(name, value))]
    if faults:
        return "; ".join(faults), limits
    after = with_changes(limits, changes)
    return "; ".join(_contradictions(after, largest_scale)), after


def _fault_of(name: str, value: float) -> str:
    """Name, value and remedy of a limit that cannot be set so."""
    given = f"{name} = {figure(value) if math.isfinite(value) else value}"
    if name not in FIELDS:
        near = difflib.get_close_matches(name, FIELDS, n=1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIELDS)}"
        return f"{given}: no limit of this name; {remedy}"
    if not _fits(value, FIELDS[name].type, whole=_is_whole(name)):
        is_percent = 1 < value <= 100 and _most(name) == 1
        percent = f"write {figure(value / 100)} for {figure(value)} %"
        return f"{given}: expected {_range(name)}; {percent if is_percent else _planned(name)}"
    return ""


def _fits(value: float, kind: object, *, whole: bool) -> bool:
    if not math.isfinite(value):
        return False
    try:
        msgspec.convert(int(value) if whole and value == int(value) else value, kind)
    except msgspec.ValidationError:
        return False
    return True


def _contradictions(limits: Limits, largest_scale: float) -> list[str]:
    """Caps must nest: a pair within its sector, one trade within the heat, in every phase."""
    faults = []
    if limits.pair_cap_nav > limits.sector_cap_nav:
        faults.append(
            f"pair_cap_nav = {figure(limits.pair_cap_nav)}: more than a whole sector may hold"
            f" ({figure(limits.sector_cap_nav)}); lower it or raise sector_cap_nav"
        )
    if limits.equity_at_risk * largest_scale > limits.heat:
        risk = limits.equity_at_risk * largest_scale
        faults.append(
            f"equity_at_risk = {figure(limits.equity_at_risk)}: one trade would risk {figure(risk)} in the largest"
            f" phase, heat is {figure(limits.heat)}; lower it or raise heat"
        )
    if limits.atr_floor >= 1:
        floor = figure(limits.atr_floor)
        faults.append(f"atr_floor = {floor}: leaves no size; write a fraction of the price, such as 0.01")
    return faults


def _is_whole(name: str) -> bool:
    return isinstance(msgspec.inspect.type_info(FIELDS[name].type), IntType)


def _most(name: str) -> float | None:
    info = msgspec.inspect.type_info(FIELDS[name].type)
    return info.le if isinstance(info, FloatType | IntType) else None


def _planned(name: str) -> str:
    return f"the plan has {figure(FIELDS[name].default)}"


def _range(name: str) -> str:
    info = msgspec.inspect.type_info(FIELDS[name].type)
    return range_in_words(info) if isinstance(info, FloatType | IntType) else "a number"


def _overruled(stored: ActiveLimits, file_limits: Limits) -> str:
    """Why the limits that were active before the restart are not any more."""
    edited = {
        name: getattr(file_limits, name)
        for name in FIELDS
        if getattr(stored.file_limits, name) != getattr(file_limits, name)
    }
    dropped = f"; what {stored.who} had set ({stored.reason}) is dropped" if stored.who else ""
    return f"{CONFIGURATION} was changed: {_listed(edited)}{dropped}"


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {figure(value)}" for name, value in values.items())
