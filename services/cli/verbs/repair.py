"""``heatsink repair`` and ``accept-loss``: what is wrong on the server, or missing there, and how to go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import EXIT_FAILED, confirm
from services.cli.verbs.options import ReasonOption, on_stack, operator_name
from shared.application.stack import StackLocator
from shared.config.credentials import OWNER

YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask back.")]
OF_REAL_MARKET = "binance"  # the one exchange whose data outlast a run


@on_stack
def repair(stack: StackLocator, reason: ReasonOption = "mended by hand", yes: YesOption = False) -> None:
    """Show what is wrong with keys and streams on the server, and mend it; asks back first.

    Services may run: they go on by themselves once their keys are mended. What was done stands on the audit stream.
    """
    import asyncio

    with _its_own_server(stack) as (there, _):
        code = asyncio.run(_repair(there, reason=reason, yes=yes))
    raise typer.Exit(code)


async def _repair(stack: StackLocator, *, reason: str, yes: bool) -> int:
    from services.cli.printing import say
    from services.wiring import machine_homes
    from shared.application.repair import looked_at, mend

    async with looked_at(stack, machine_homes(stack.keys)) as (bus, faults):
        for fault in faults:
            say(f"{fault.key} {fault.problem}", f"  -> {fault.remedy}")
        if not faults:
            say("Nothing is wrong with the keys and streams of this stack.")
            return 0
        can = [fault for fault in faults if fault.mend is not None]
        if can:
            if not yes:
                confirm(f"Mend {'this' if len(can) == 1 else f'these {len(can)}'}?", "Answer beforehand: --yes")
            for told in await mend(bus, can, who=operator_name(), reason=reason):
                say(f"mended {told.key}")
        return 0 if len(can) == len(faults) else EXIT_FAILED


@on_stack
def accept_loss(
    stack: StackLocator,
    reason: ReasonOption,
    witness: Annotated[Path | None, typer.Option("--witness", help="Folder of the witness; the stack's own.")] = None,
    yes: YesOption = False,
) -> None:
    """Go on with a server that lost commits, or that is another one; shows what is lost, and asks back first.

    Give the server its data back instead, if there are any: what those commits decided is forgotten otherwise.
    """
    import asyncio

    with _its_own_server(stack) as (there, own_server):
        asyncio.run(_accept(there, witness or _witness_folder(stack, own_server=own_server), reason=reason, yes=yes))


async def _accept(stack: StackLocator, folder: Path, *, reason: str, yes: bool) -> None:
    from services.cli.printing import say
    from services.wiring import machine_homes
    from shared.application.repair import accept, read_losses

    async with stack.bus(OWNER) as bus:
        losses = await read_losses(bus, folder, machine_homes(stack.keys))
        for loss in losses:
            say(f"{loss.service}: {loss.problem}")
        if not losses:
            say(f"Nothing is lost: the server has all that is witnessed in {folder}.")
            return
        say("Orders and fills of those commits are forgotten. Compare what is held with the exchange before you trade.")
        if not yes:
            confirm("Go on with what the server has?", "Answer beforehand: --yes")
        for told in await accept(bus, losses, who=operator_name(), reason=reason):
            say(f"accepted {told.key}: {told.remedy}")


def _witness_folder(stack: StackLocator, *, own_server: bool) -> Path:
    from services.cli.up.data_dir import witness_dir

    if named := stack.settings.redis.witness or (stack.note.witness if stack.note else ""):
        return Path(named)
    return witness_dir(stack.data_dir, OF_REAL_MARKET, own_server=own_server)


@contextmanager
def _its_own_server(stack: StackLocator) -> Iterator[tuple[StackLocator, bool]]:
    """The stack with a server that answers: the one in its data folder is started where nobody names another.

    Gives back as well whether it was started.
    """
    from services.cli.printing import say
    from services.cli.up.data_dir import locked, server_folder
    from services.cli.up.server_users import USERS_DIR, prepare_users
    from shared.adapters.redis.embedded_valkey import running_valkey
    from shared.config.model import RedisSettings

    folder = server_folder(stack.data_dir, OF_REAL_MARKET)
    if stack.origin != "configuration" or not folder.is_dir():
        yield stack, False
        return
    say(f"No stack runs from {stack.data_dir}: its server is started for as long as this takes.")
    with locked(stack.data_dir):
        acl = prepare_users(stack.data_dir, stack.keys.portfolio)
        with running_valkey(folder, acl_file=acl) as server:
            redis = RedisSettings(url=server.url, users=str((stack.data_dir / USERS_DIR).resolve()))
            yield replace(stack, redis=redis), True


VERBS = (repair, accept_loss)
