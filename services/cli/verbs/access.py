"""``heatsink url``, ``heatsink users`` and ``heatsink token``: how others sign in to a stack."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from services.cli.verbs.options import on_stack
from shared.application.stack import StackLocator


class Role(StrEnum):
    """``client``: proposes, raises signals, asks, reads; ``operator``: commands, asks, reads."""

    CLIENT = "client"
    OPERATOR = "operator"


@on_stack
def url(
    stack: StackLocator,
    role: Annotated[
        Role, typer.Option("--as", help="client: propose, ask, read; operator: command, ask, read.")
    ] = Role.CLIENT,
    client: Annotated[str, typer.Option("--client", help="A client of its own, that heatsink users made.")] = "",
) -> None:
    """Print an address of the server that works, with its password: python propose.py $(heatsink url)."""
    import asyncio

    from services.cli.printing import say
    from shared.application.access import working_address

    if client and role is not Role.CLIENT:
        raise typer.BadParameter("--client and --as operator: name one of them")
    say(asyncio.run(working_address(stack, f"{role.value}.{client}" if client else role.value)))


@on_stack
def users(
    stack: StackLocator,
    client: Annotated[list[str] | None, typer.Option("--client", metavar="NAME", help="One more client.")] = None,
    portfolio: Annotated[
        list[str] | None, typer.Option("--portfolio", metavar="NAME", help="The users of one more portfolio.")
    ] = None,
    into: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Where the passwords are kept.")] = None,
    apart: Annotated[bool, typer.Option("--apart", help="Each password in a folder of its own.")] = False,
    acl: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Only write the passwords, and this file for the server.")
    ] = None,
    close: Annotated[bool, typer.Option("--close", help="Let nobody in who gives no name.")] = False,
) -> None:
    """Give a running server a user for each service, for clients and operators, and the function library."""
    import asyncio

    from services.cli.up.server_users import give_users, passwords_of, write_acl
    from services.cli.views.access import print_users

    passwords = passwords_of(stack, into, portfolio or [], client or [], apart=apart)
    if acl is not None:
        write_acl(acl, passwords)
        print_users(passwords.files, lasting=True, closed=True)
    else:
        given = asyncio.run(give_users(stack, passwords, close=close))
        print_users(passwords.files, lasting=given.lasting, closed=given.closed)


@on_stack
def token(
    stack: StackLocator,
    client: Annotated[str, typer.Argument(metavar="CLIENT", help="Its name, such as tradingview.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Let it in no more.")] = False,
) -> None:
    """Print the token by which a client proposes over HTTP; it is made where there is none."""
    from services.cli.printing import say
    from shared.application.access import revoke_token, token_of

    if revoke:
        revoke_token(stack, client)
    else:
        say(token_of(stack, client))


VERBS = (url, users, token)
