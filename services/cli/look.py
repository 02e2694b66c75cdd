"""``heatsink status`` and ``heatsink sizes``: how things stand now."""

from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, JsonOption, RedisOption
from services.cli.where import DATA_DIR


def status(
    redis_url: RedisOption = None, config: ConfigOption = None, data: DataOption = DATA_DIR, json: JsonOption = False
) -> None:
    """NAV, heat, positions, halts, feeds, services."""
    import asyncio

    from services.cli.standing import print_standing, read_standing
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        print_standing(asyncio.run(read_standing(place)), as_json=json)


def sizes(
    pair: Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT.")] = "",
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
    json: JsonOption = False,
) -> None:
    """The latest size of every pair."""
    import asyncio

    from services.cli.sizing import print_sizes, read_sizes
    from services.cli.where import find_stack, names_of

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        print_sizes(asyncio.run(read_sizes(place, names_of(place.settings, pair))), as_json=json)
