"""When a command takes effect: at the moment at which it is read, whatever time its sender wrote."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import structs

from shared.domain.odd_times import fault_of_time
from shared.domain.risk.commands.refusals import command_refused
from shared.domain.risk.state.state import RiskState
from shared.messages.base import Message
from shared.messages.control import Command, Flatten, Halt

Handler = Callable[[Any], Sequence[Message]]


def at_once(state: RiskState, carry_out: Handler) -> Handler:
    """The handler of a command that is dated now. One dated far from now is refused, unless it makes things safer."""

    def handler(command: Command) -> Sequence[Message]:
        now_ns = state.now_ns or command.time_ns
        dated = structs.replace(command, time_ns=now_ns)
        fault = fault_of_time("time_ns", command.time_ns, now_ns)
        if fault and not isinstance(command, Halt | Flatten):
            return command_refused(dated, fault)
        return carry_out(dated)

    return handler
