"""What ``heatsink why`` prints, and the table of ceilings that ``heatsink room`` has too."""

from rich.table import Table
from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.order_report import OrderReport
from shared.application.wording.formats import clock
from shared.application.wording.one_line import event_line
from shared.application.wording.orders import order_text
from shared.application.wording.rules import allowed_words, figures
from shared.messages.orders import CeilingReport


def ceilings_table(ceilings: tuple[CeilingReport, ...], binding: str, symbol: str, mark: float) -> Table:
    """A table of every rule's answer, with a mark at the binding one."""
    table = bare_table("", "rule", ">would allow", ">limit", ">used", ">left", "why")
    for ceiling in ceilings:
        binds = ceiling.rule == binding
        allowed = allowed_words(ceiling, symbol, mark)
        cells = (">" if binds else "", ceiling.rule, allowed, *figures(ceiling, symbol), ceiling.reason)
        table.add_row(*(Text(cell) for cell in cells), style="bold yellow" if binds else "")
    return table


def print_order(report: OrderReport, *, as_json: bool) -> None:
    """Print the report as a paragraph, every ceiling and what became of the order; or its messages as JSON."""
    decision = report.decision
    if as_json:
        for message in (decision, *report.after):
            say(json_text(message))
        return
    console = plain_console()
    console.print(Text(f"{clock(decision.time_ns)}  {order_text(report)}"))
    if decision.ceilings:
        console.print(ceilings_table(decision.ceilings, decision.binding, decision.symbol, decision.mark))
    for message in report.after:
        console.print(Text(event_line(message)), soft_wrap=True)
    console.print(Text(f"trace {decision.trace} · policy {decision.policy} · #{decision.seq}"), style="dim")
