"""``heatsink keys``: what verdicts and commands are signed with, and proposals of clients that have to sign."""

from pathlib import Path
from typing import Annotated

import typer

from services.cli.failing import confirm, explained
from services.cli.verbs.options import on_stack
from shared.application.stack import DATA_DIR, StackLocator

keys_app = typer.Typer(help="Keys that verdicts and commands are signed with.", no_args_is_help=True)
FolderArgument = Annotated[Path, typer.Argument(help="Folder of the keys, as in signing.keys.")]
ClientOption = Annotated[str | None, typer.Option("--client", help="The key of this client, and no other.")]
FOLDER = DATA_DIR / "keys"


@keys_app.command()
def new(folder: FolderArgument = FOLDER, client: ClientOption = None) -> None:
    """Make a key for every writer that has none; with --client for a client, which signs its proposals with it."""
    from services.cli.views.keys import print_made, print_made_for
    from services.wiring import key_holders
    from shared.adapters.signing import write_new_keys

    with explained():
        if client is None:
            print_made(folder, write_new_keys(folder, key_holders()))
        else:
            of_clients = _folder_of(client, folder)
            print_made_for(client, of_clients, is_new=bool(write_new_keys(of_clients, [client])))


@keys_app.command()
def rotate(
    folder: FolderArgument = FOLDER,
    only: Annotated[str | None, typer.Option("--only", help="One writer, such as risk; all otherwise.")] = None,
    finish: Annotated[bool, typer.Option("--finish", help="Accept the earlier keys no longer.")] = False,
    client: ClientOption = None,
) -> None:
    """Sign with new keys from now on; the ones before are accepted along with them until --finish."""
    from services.cli.views.keys import print_finished, print_rotated
    from services.wiring import key_holders
    from shared.adapters.signing import forget_old
    from shared.adapters.signing import rotate as give_new

    if only is not None and only not in key_holders():
        raise typer.BadParameter(f"{only} signs nothing; name one of {', '.join(key_holders())}")
    writers = key_holders() if only is None else (only,)
    if client is not None:
        if only is not None:
            raise typer.BadParameter("--only is a service or the operators: give one of the two", param_hint="--client")
        folder, writers = _folder_of(client, folder), (client,)
    with explained():
        if finish:
            print_finished(folder, forget_old(folder, writers))
        else:
            print_rotated(folder, give_new(folder, writers))


@keys_app.command()
@on_stack
def adopt(
    stack: StackLocator,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take what the services left in the store for true, and seal it with the keys there are. End them first."""
    import asyncio

    from services.cli.views.keys import print_adopted
    from services.wiring import machine_specs
    from shared.adapters.clocks import RealClock
    from shared.application.sealing import Adopted
    from shared.application.sealing import adopt as seal
    from shared.config.credentials import OWNER

    if not yes:
        confirm("What is stored is taken for true, whoever wrote it. Have you looked?", "Say so with --yes.")

    async def work() -> list[Adopted]:
        async with stack.bus(OWNER if stack.knows(OWNER) else "") as bus:
            return await seal(bus, machine_specs(stack.settings, RealClock()), stack.keys_dir)

    print_adopted(asyncio.run(work()), signed=bool(stack.keys_dir))


def _folder_of(client: str, folder: Path) -> Path:
    """Where the keys of clients stand."""
    from shared.adapters.signing import CLIENTS_FOLDER
    from shared.config.credentials import CLIENT_NAME

    if not CLIENT_NAME.fullmatch(client):
        raise typer.BadParameter(f"{client} is no name of a client: 1 to 32 of a-z 0-9 _ -", param_hint="--client")
    return folder / CLIENTS_FOLDER
