"""``heatsink doctor``: everything a stack stands on, one line each, with a remedy where something is wrong."""

import typer

from services.cli.verbs.options import on_stack
from shared.application.stack import StackLocator


@on_stack
def doctor(
    stack: StackLocator,
) -> None:
    """Check configuration, Redis, clock, disk, exchange, pairs, services."""
    import asyncio

    from services.cli.doctor.checks import examine
    from services.cli.doctor.findings import print_findings

    findings = asyncio.run(examine(stack))
    print_findings(findings)
    raise typer.Exit(1 if any(finding.grade == "fail" for finding in findings) else 0)


VERBS = (doctor,)
