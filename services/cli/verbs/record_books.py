"""``heatsink data record-books``: the order books of a running stack, into files."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.verbs.options import on_stack
from shared.application.stack import STORE_DIR, StackLocator


@on_stack
def record_books(
    stack: StackLocator,
    store: Annotated[Path, typer.Option("--store", help="Folder of the store; books go to <exchange>/books there.")] = (
        STORE_DIR
    ),
    seconds: Annotated[
        float, typer.Option("--seconds", help="End after so long; 0: at Ctrl-C.", min=0.0, max=31_536_000.0)
    ] = 0.0,
) -> None:
    """Record the order books that the stack samples, until Ctrl-C. It goes on from what is there."""
    import asyncio

    from services.cli.views.recording import run_recording
    from shared.runtime.unread_output import never_wait_for_readers

    never_wait_for_readers()  # a recording has more to do than to be watched
    asyncio.run(run_recording(stack, store, seconds))
