"""``heatsink doctor``: everything a stack stands on, one line each, with a remedy where something is wrong."""

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, RedisOption
from services.cli.where import DATA_DIR


def doctor(redis_url: RedisOption = None, config: ConfigOption = None, data: DataOption = DATA_DIR) -> None:
    """Check configuration, Redis, clock, disk, exchange, pairs, services."""
    import asyncio

    from services.cli.checks import examine, print_findings
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        findings = asyncio.run(examine(place, data))
        print_findings(findings)
    raise typer.Exit(1 if any(finding.grade == "fail" for finding in findings) else 0)
