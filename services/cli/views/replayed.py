"""What ``heatsink replay-decision`` prints."""

from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.replay_decision import Replayed
from shared.application.wording.formats import base, clock, quantity
from shared.messages.orders import OrderDecided

NOT_KEPT = "The order as it was sent is not kept any more; its terms are those of the verdict."


def print_replayed(replayed: Replayed, *, as_json: bool) -> None:
    """Print whether the verdict is the same, and a row for each field or rule in which it is not; or JSON."""
    if as_json:
        say(json_text(replayed))
        return
    decided, console = replayed.decided, plain_console()
    console.print(Text(f"{clock(decided.time_ns)}  {_sentence(replayed)}"))
    if not replayed.proposed:
        console.print(Text(NOT_KEPT))
    if replayed.differs:
        table = bare_table("", "then", "now")
        for name in replayed.differs:
            table.add_row(*(Text(each) for each in (name, _value(decided, name), _value(replayed.again, name))))
        console.print(table)


def _sentence(replayed: Replayed) -> str:
    decided = replayed.decided
    given = f"{quantity(decided.quantity_approved)} {base(decided.symbol)}"
    verdict = "reject" if decided.verdict == "reject" else f"{decided.verdict}, {given}"
    begins = f"{decided.order_id}, decided as #{decided.seq} by policy {decided.policy} ({verdict}):"
    if replayed.differs:
        return f"{begins} ANOTHER verdict comes out now. Figures were changed since, or the rules were."
    return f"{begins} the same verdict comes out again, to the last bit, with all {len(decided.ceilings)} ceilings."


def _value(decided: OrderDecided, name: str) -> str:
    """A field, or what a rule answered."""
    if name in decided.__struct_fields__:
        return str(getattr(decided, name))
    report = next((each for each in decided.ceilings if each.rule == name), None)
    if report is None:
        return "not asked"
    figures = f"{report.quantity!r} ({report.used!r} of {report.limit!r} {report.unit})"
    return f"{figures} {report.reason}".rstrip()
