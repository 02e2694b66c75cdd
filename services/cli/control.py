"""``heatsink halt`` and ``heatsink resume``: an operator's commands, answered by the risk service."""

from typing import Annotated

import typer

from services.cli.failing import explained
from services.cli.shared_options import ConfigOption, DataOption, RedisOption
from services.cli.where import DATA_DIR

PairArgument = Annotated[str, typer.Argument(help="Only this pair: ETH or ETH/USDT. Left out: the whole portfolio.")]


def halt(
    pair: PairArgument = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "halted by hand",
    minutes: Annotated[float, typer.Option("--minutes", help="Market minutes until it ends by itself.", min=0)] = 0,
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
) -> None:
    """Stop new risk, in a pair or everywhere; selling stays possible."""
    import asyncio

    from services.cli.commanding import send_halt
    from services.cli.where import find_stack, symbol_of

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        symbol = symbol_of(place.settings, pair) if pair else ""
        print(asyncio.run(send_halt(place, symbol, reason, minutes)))


def resume(
    pair: PairArgument = "",
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
) -> None:
    """End a halt."""
    import asyncio

    from services.cli.commanding import send_resume
    from services.cli.where import find_stack, symbol_of

    with explained():
        place = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
        symbol = symbol_of(place.settings, pair) if pair else ""
        print(asyncio.run(send_resume(place, symbol, reason)))
