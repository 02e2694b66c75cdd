"""What ``heatsink doctor`` prints."""

from rich.text import Text

from services.cli.doctor.checks import Finding
from services.cli.views.printing import plain_console


def print_findings(findings: list[Finding]) -> None:
    """A line for each, with a remedy where something is wrong, and how many there are of each grade."""
    console = plain_console()
    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        grade = (f"{finding.grade:<4}", colours[finding.grade])
        console.print(Text.assemble(grade, f"  {finding.subject:<{width}}  {finding.text}"), soft_wrap=True)
        if finding.remedy:
            console.print(
                Text(f"      {'':<{width}}  -> {finding.remedy}", style=colours[finding.grade]), soft_wrap=True
            )
    worst = [grade for grade in ("fail", "warn") if any(finding.grade == grade for finding in findings)]
    counts = ", ".join(f"{sum(f.grade == grade for f in findings)} {grade}" for grade in ("ok", "warn", "fail"))
    console.print(Text(counts, style=colours[worst[0]] if worst else "green"))
