"""``heatsink phase``: the ramp, its evidence, and the operator's word on it."""

from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, JsonOption, RedisOption
from services.cli.where import DATA_DIR

phase_app = typer.Typer(help="The ramp: look, approve a promotion, set by hand.", no_args_is_help=True)
PhaseArgument = Annotated[str, typer.Argument(help="dry_run, live or scaled.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]


@phase_app.command()
def show(
    redis_url: RedisOption = None, config: ConfigOption = None, data: DataOption = DATA_DIR, json: JsonOption = False
) -> None:
    """The phase in force, what it has shown, what the next one waits for, and the steps so far."""
    import asyncio

    from services.cli.ramp import print_ramp, read_ramp
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        print_ramp(asyncio.run(read_ramp(place)), as_json=json)


@phase_app.command("set")
def set_(
    phase: PhaseArgument,
    reason: ReasonOption,
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
) -> None:
    """Enter a phase whatever the evidence says; the phase in force begins anew."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.ramp import set_phase
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        tell(asyncio.run(send_command(place, set_phase(phase, reason))))


@phase_app.command()
def approve(
    phase: PhaseArgument,
    reason: ReasonOption,
    reviews: Annotated[int, typer.Option("--reviews", help="Risk reviews signed in the phase that ends.", min=0)] = 0,
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
) -> None:
    """Enter the next phase, if the evidence allows it."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.ramp import approve_phase
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        tell(asyncio.run(send_command(place, approve_phase(phase, reason, reviews))))
