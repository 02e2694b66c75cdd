"""``heatsink backtest compare``: two backtests side by side, or one and what a live stack has decided."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import EXIT_FAILED, explained
from services.cli.verbs.options import ConfigOption, DataOption, JsonOption, RedisOption
from shared.application.stack import DATA_DIR

DIFFERENT, TROUBLE = 1, 2  # as diff and cmp have it; 0 where nothing differs

FirstArgument = Annotated[Path, typer.Argument(metavar="A", help="Folder that heatsink backtest --out wrote.")]
SecondArgument = Annotated[
    Path | None, typer.Argument(metavar="[B]", help="Another one. Left out: what the stack has recorded.")
]
FromOption = Annotated[str, typer.Option("--from", help="Market time, UTC: 2022-11-08 or 2022-11-08T14:00.")]
ToOption = Annotated[str, typer.Option("--to", help="Market time at which it ends.")]


def compare(
    first: FirstArgument,
    second: SecondArgument = None,
    start: FromOption = "",
    end: ToOption = "",
    redis_url: RedisOption = None,
    config: ConfigOption = None,
    data: DataOption = DATA_DIR,
    json: JsonOption = False,
) -> None:
    """Name the first decision that differs: of two backtests, or of one and a live stack.

    Exits with 0 where nothing differs, with 1 where something does, and with 2 where they cannot be compared.
    """
    if second is not None and redis_url:
        raise typer.BadParameter("B and --redis-url: name one of them")
    from services.cli.views.backtest_compare import compare_and_print
    from services.cli.views.stack import redis_remedy
    from shared.application.stack import find_stack

    with trouble():
        if second is not None:
            is_same = compare_and_print(first, second, start=start, end=end, as_json=json)
        else:
            stack = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
            with explained(redis_remedy(stack)):
                is_same = compare_and_print(first, stack, start=start, end=end, as_json=json)
    if not is_same:
        raise typer.Exit(DIFFERENT)


@contextmanager
def trouble() -> Iterator[None]:
    """Expected errors as ``explained`` tells them, with an exit code that is not that of a difference."""
    try:
        with explained():
            yield
    except typer.Exit as ended:
        raise typer.Exit(TROUBLE if ended.exit_code == EXIT_FAILED else ended.exit_code) from None
