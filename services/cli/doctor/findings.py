"""What ``heatsink doctor`` found, and how it is printed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rich.text import Text

from services.cli.printing import plain_console

Grade = Literal["ok", "warn", "fail"]
COLOURS: dict[Grade, str] = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check came to.

    grade: ``fail`` if the stack cannot work so, ``warn`` if somebody should look at it.
    subject: what was looked at.
    text: what was found.
    remedy: what to do about it; empty when all is well.
    """

    grade: Grade
    subject: str
    text: str
    remedy: str = ""


def print_findings(findings: Sequence[Finding]) -> None:
    """Print a line for each, with a remedy where something is wrong, and how many there are of each grade."""
    console = plain_console()
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        grade = (f"{finding.grade:<4}", COLOURS[finding.grade])
        console.print(Text.assemble(grade, f"  {finding.subject:<{width}}  {finding.text}"), soft_wrap=True)
        if finding.remedy:
            remedy = f"      {'':<{width}}  -> {finding.remedy}"
            console.print(Text(remedy, style=COLOURS[finding.grade]), soft_wrap=True)
    counts = {grade: sum(finding.grade == grade for finding in findings) for grade in COLOURS}
    worst: Grade = "fail" if counts["fail"] else "warn" if counts["warn"] else "ok"
    console.print(Text(", ".join(f"{count} {grade}" for grade, count in counts.items()), style=COLOURS[worst]))
