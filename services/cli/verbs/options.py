"""Options that several verbs have, and what every verb about a stack does: find it, and explain what is wrong."""

import functools
import getpass
import inspect
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from services.cli.failing import explained
from services.cli.views.stack import redis_remedy
from shared.application.stack import DATA_DIR, find_stack

RedisOption = Annotated[str | None, typer.Option("--redis-url", help="Redis of the stack; found by itself otherwise.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Folder of the TOML files.")]
DataOption = Annotated[Path, typer.Option("--data", help="Folder of a stack that runs here.")]
JsonOption = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why, for the record.")]

LEAST_PRICE, MOST_PRICE = Decimal("1e-12"), Decimal(10) ** 12


def on_stack(verb: Callable[..., None]) -> Callable[..., None]:
    """Make a verb of a function whose first parameter is the stack that it works on.

    The options that say which stack is meant are added to the function's own. Errors that people can do something about
    are told in a sentence, see ``explained``.
    """

    def found(*, redis_url: str | None, config: Path | None, data: Path, **given: Any) -> None:
        with explained():
            stack = find_stack(redis_url=redis_url, config_dir=config, data_dir=data)
            with explained(redis_remedy(stack)):
                verb(stack, **given)

    return with_options(verb, found, _options)


def with_options(verb: Callable[..., None], run: Callable[..., None], more: Callable[..., Any]) -> Callable[..., None]:
    """``run``, with the name, the words and the options of ``verb``, whose first parameter is no option; and with the
    options that the parameters of ``more`` are.
    """
    functools.update_wrapper(run, verb)
    parameters = [*list(inspect.signature(verb).parameters.values())[1:], *inspect.signature(more).parameters.values()]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__dict__["__signature__"] = inspect.Signature(parameters)
    del run.__dict__["__wrapped__"]
    return run


def price_of(text: str) -> Decimal:
    """A price as it was typed, exactly."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not value.is_finite():
        raise typer.BadParameter(f"{text!r} is no price; write it like 1500.25")
    if value <= 0:
        raise typer.BadParameter(f"{text} must be above 0")
    if not LEAST_PRICE <= value <= MOST_PRICE:
        raise typer.BadParameter(f"{text} is no price; there is none below {LEAST_PRICE:f} or above {MOST_PRICE:f}")
    return value


def operator_name() -> str:
    """Who gives a command, for the record."""
    try:
        return getpass.getuser()[:64]
    except (OSError, KeyError):  # a user id without a name, as in containers
        return "operator"


def _options(redis_url: RedisOption = None, config: ConfigOption = None, data: DataOption = DATA_DIR) -> None:
    """Which stack is meant."""
