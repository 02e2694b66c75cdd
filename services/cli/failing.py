"""Errors that people can do something about, told in a sentence instead of a traceback."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import typer

from shared.application.errors import UserError
from shared.config.faults import EXIT_CONFIG, ConfigError

EXIT_FAILED = 1


class UnansweredError(UserError):
    """A question needs an answer, and there is no terminal to give it on."""


SIGN_IN = (
    "heatsink url prints an address that works, on the machine and in the folder where the stack runs; "
    "heatsink url --as operator one that may command."
)
FIND_REDIS = "Is the stack running (heatsink up)? Otherwise give --redis-url, or set HEATSINK_REDIS__URL."


@contextmanager
def explained(redis_remedy: str = FIND_REDIS) -> Iterator[None]:
    """Turn expected errors into a message on standard error and an exit code; let bugs through."""
    try:
        yield
    except typer.Exit:
        raise
    except Exception as error:
        from shared.runtime.logs import innermost

        found = innermost(error)
        if isinstance(found, ConfigError):
            print_faults(found)
            raise typer.Exit(EXIT_CONFIG) from None
        if text := _sentence_for(found, redis_remedy):
            print(text, file=sys.stderr)
            raise typer.Exit(EXIT_FAILED) from None
        raise


def _sentence_for(error: BaseException, redis_remedy: str) -> str:
    """The sentence for an expected error; empty for a bug."""
    from shared.adapters.books.errors import BooksError
    from shared.adapters.klines.columns import RecordingError
    from shared.adapters.redis.client import ServerTooOldError
    from shared.adapters.redis.embedded_valkey import NoServerError
    from shared.ports.errors import AccessRefusedError, BusLostError, MisplacedKeyError

    match error:
        case MisplacedKeyError():
            return str(error)
        case AccessRefusedError():
            return f"The server refuses: {error}\n{SIGN_IN}"
        case BusLostError():
            return f"Redis is away: {error}\n{redis_remedy}"
        case UserError() | RecordingError() | BooksError() | NoServerError() | ServerTooOldError():
            return str(error)
        case _:
            return ""


def ready_folder(option: str, folder: Path) -> None:
    """Make it, and try whether it takes a file, before hours of work are meant for it. Raises ``UserError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = "it is a file" if folder.is_file() else (error.strerror or str(error)).lower()
        raise UserError(f"{option} {folder}: nothing can be written there ({reason}); choose another folder") from None


def print_faults(error: ConfigError) -> None:
    """Every fault with its place, what is wrong, and what to do."""
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True)
    count = len(error.faults)
    console.print(Text(f"{count} fault{'s' * (count != 1)} in the configuration", style="bold red"))
    for fault in error.faults:
        value = f" = {fault.value}" if fault.value else ""
        console.print(Text.assemble((fault.file, "cyan"), "  ", (f"{fault.key}{value}", "bold")), soft_wrap=True)
        console.print(Text(f"    {fault.problem}"), soft_wrap=True)
        console.print(Text(f"    -> {fault.remedy}", style="green"), soft_wrap=True)


def confirm(question: str, otherwise: str) -> None:
    """Go on only with a yes. Raises ``typer.Abort``, ``UnansweredError``.

    otherwise: how to do without the question, for whoever has no terminal to answer on.
    """
    try:
        agreed = typer.confirm(question)
    except typer.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise UnansweredError(f"\nNothing was done: there is no terminal to answer on. {otherwise}") from None
    if not agreed:
        raise typer.Abort
