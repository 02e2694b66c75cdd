"""``heatsink why``: one verdict, explained."""

from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, JsonOption, RedisOption
from services.cli.where import DATA_DIR


def why(
    order_id: Annotated[str, typer.Argument(help="The order's id, or the beginning of it.")],
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
    json: JsonOption = False,
) -> None:
    """Why an order was approved, trimmed or rejected."""
    import asyncio

    from services.cli.verdict import print_story, read_story
    from services.cli.where import find_stack

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        print_story(asyncio.run(read_story(place, order_id)), as_json=json)
