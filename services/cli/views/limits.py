"""What ``heatsink limits show`` prints."""

from msgspec import structs
from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.limits import LimitsReport
from shared.application.wording.formats import clock


def print_limits(report: LimitsReport, *, as_json: bool) -> None:
    """Print the limits in force, and those of the configuration beside them where they differ."""
    limits, stored = structs.asdict(report.limits), report.stored
    if as_json:
        say(json_text({"policy": report.policy, "in_force": stored is not None, "limits": limits}))
        return
    table = bare_table("limit", ">in force", ">limits.toml")
    for name, value in limits.items():
        configured = getattr(report.configured, name)
        changed = "" if value == configured else f"{configured:g}"
        table.add_row(name, Text(f"{value:g}", style="bold yellow" if changed else ""), changed)
    console = plain_console()
    console.print(f"policy {report.policy}")
    console.print(table)
    if stored is None:
        console.print("The risk service has not run here: this is what it would begin with.", style="yellow")
    elif stored.who:
        text = f"set by {stored.who} at {clock(stored.since_ns)}: {stored.reason}"
        console.print(Text(text), soft_wrap=True)
