"""Errors that people can do something about, told in a sentence instead of a traceback."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import typer

from shared.application.errors import UserError
from shared.config.faults import EXIT_CONFIG, ConfigError
from shared.domain.safe_text import safe

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
        from services.cli.printing import say
        from shared.runtime.logs import causes_of

        causes = list(causes_of(error))
        for cause in causes:
            if isinstance(cause, ConfigError):
                print_faults(cause)
                raise typer.Exit(EXIT_CONFIG) from None
        sentences = [_sentence_for(cause, redis_remedy) for cause in causes]
        if not all(sentences):
            raise
        for text in dict.fromkeys(sentences):
            say(*text.split("\n"), err=True)
        raise typer.Exit(EXIT_FAILED) from None


def _sentence_for(error: BaseException, redis_remedy: str) -> str:
    """The sentence for an expected error; empty for a bug."""
    from shared.adapters.books.errors import BooksError
    from shared.adapters.klines.columns import RecordingError
    from shared.adapters.redis.client import UnfitServerError
    from shared.adapters.redis.embedded_valkey import NoServerError
    from shared.ports.errors import AccessRefusedError, BusLostError, MisplacedKeyError

    match error:
        case AccessRefusedError():
            return f"The server refuses: {safe(str(error))}\n{SIGN_IN}"
        case BusLostError():
            return f"Redis is away: {safe(str(error))}\n{redis_remedy}"
        case UserError():
            return str(error)
        case RecordingError():  # of several files, each fault stands in a line of its own
            return "\n  ".join(map(safe, str(error).split("\n  ")))
        case BooksError() | NoServerError() | UnfitServerError() | MisplacedKeyError():
            return safe(str(error))
        case OSError() if not isinstance(error, ConnectionError | TimeoutError | BrokenPipeError):
            return _about_file(error)
        case _:
            return ""


def _about_file(error: OSError) -> str:
    """A folder or file that is not what it should be, a full disk: something that people can mend."""
    reason = (error.strerror or str(error)).lower()
    if error.filename is None:
        return safe(f"A file cannot be read or written: {reason}.")
    path = Path(os.fsdecode(error.filename2 or error.filename))
    in_the_way = "a link that leads nowhere" if os.path.islink(path) else "there is a file of that name"
    found = f" ({in_the_way})" if isinstance(error, FileExistsError | NotADirectoryError) else ""
    return safe(f"{path}: {reason}{found}. Put it right, or choose another place.")


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
    from rich.text import Text

    from services.cli.printing import plain_console

    console = plain_console(err=True)
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
        agreed = typer.confirm(safe(question))
    except typer.Abort:
        if sys.stdin.isatty():  # Ctrl-C
            raise
        raise UnansweredError(f"\nNothing was done: there is no terminal to answer on. {otherwise}") from None
    if not agreed:
        raise typer.Abort
