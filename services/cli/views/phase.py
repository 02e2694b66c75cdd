"""What ``heatsink phase show`` prints."""

from collections.abc import Sequence

import msgspec
from rich.table import Table
from rich.text import Text

from services.cli.printing import bare_table, json_text, plain_console, say
from shared.application.phase import PhaseReport
from shared.application.wording.formats import clock, percent, rehearsed
from shared.domain.risk.ramp.history import PhaseStep
from shared.domain.risk.state.evidence import evidence_in_words

STEPS_SHOWN = 12


def print_phase(report: PhaseReport, *, as_json: bool) -> None:
    """Print the phase in force, what it has shown, what the next one waits for, and the steps so far."""
    now = report.portfolio
    if as_json:
        fields = ("phase", "rehearsal", "phase_since_ns", "phase_drawdown", "phase_evidence")
        steps = [msgspec.to_builtins(step) for step in report.steps]
        say(json_text({**{name: getattr(now, name) for name in fields}, "steps": steps}))
        return
    console = plain_console()
    scale = "" if report.scale is None else f", scale {report.scale:g}"
    since = f" since {clock(now.phase_since_ns)}" if now.phase_since_ns else ""
    console.print(Text(f"{rehearsed(now.phase, rehearsal=now.rehearsal)}{scale}{since}", style="bold"))
    console.print(f"drawdown {percent(now.phase_drawdown)} since then, as of {clock(now.time_ns)}")
    for line in now.phase_evidence.split("; "):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if report.steps:
        console.print(_steps_table(report.steps[-STEPS_SHOWN:]))


def _steps_table(steps: Sequence[PhaseStep]) -> Table:
    table = bare_table("when", "what", "phase", "by", "why", "evidence")
    for step in steps:
        path = step.phase if step.phase == step.phase_before else f"{step.phase_before} -> {step.phase}"
        why = step.answer if step.what == "refused" else step.reason
        evidence = evidence_in_words(step.evidence) if step.evidence else ""
        table.add_row(clock(step.at_ns), step.what, path, step.who, Text(why), Text(evidence))
    return table
