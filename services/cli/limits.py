"""``heatsink limits``: what orders are held to, and changing it while everything runs."""

from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, JsonOption, RedisOption
from services.cli.where import DATA_DIR

limits_app = typer.Typer(help="What orders are held to: look, change.", no_args_is_help=True)


@limits_app.command()
def show(
    redis_url: RedisOption = None, config: ConfigOption = None, data: DataOption = DATA_DIR, json: JsonOption = False
) -> None:
    """The limits in force, and where they differ from the configuration."""
    import asyncio

    from services.cli.limits_in_force import print_limits, read_limits
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        print_limits(asyncio.run(read_limits(place)), as_json=json)


@limits_app.command("set")
def set_(
    changes: Annotated[list[str], typer.Argument(help="heat=0.06 sector_cap_nav=0.2 ...: all of them, or none.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")],
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
) -> None:
    """Change limits at once, until limits.toml is changed; positions that are over them stay."""
    import asyncio

    from services.cli.answers import tell
    from services.cli.commanding import send_command
    from services.cli.limits_in_force import set_limits
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        tell(asyncio.run(send_command(place, set_limits(changes, reason))))
