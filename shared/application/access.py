"""Addresses and tokens for others to sign in with."""

from pathlib import Path

from shared.adapters.private_files import password_in, private_folder
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.config.credentials import CLIENT_NAME

TOKENS_DIR = "tokens"


class BadClientError(UserError):
    """A name that no client can have, or one that has no token."""


async def working_address(stack: StackLocator, role: str) -> str:
    """An address of the stack's server by which somebody can join now. It has a password in it, where there is one.

    role: ``client``, ``client.ana`` or ``operator``; where the server knows no users, all have the same address.
    Raises ``BusLostError``, ``ConfigError``.
    """
    async with stack.bus(role):
        return stack.address(role)


def tokens_dir(data_dir: Path) -> Path:
    """Where a stack that runs here keeps the tokens of clients that propose over HTTP."""
    return data_dir / TOKENS_DIR


def token_of(stack: StackLocator, client: str) -> str:
    """The token by which a client proposes over HTTP, made now where there is none. Raises ``BadClientError``."""
    path = _token_file(stack, client)
    private_folder(path.parent)
    return password_in(path)


def revoke_token(stack: StackLocator, client: str) -> None:
    """Let the client in no more over HTTP: it counts from the next request on. Raises ``BadClientError``."""
    path = _token_file(stack, client)
    if not path.exists():
        raise BadClientError(f"{client} has no token: there is no file {path}")
    path.unlink()


def _token_file(stack: StackLocator, client: str) -> Path:
    if not CLIENT_NAME.fullmatch(client):
        raise BadClientError(f"{client!r} is no name of a client: write 1 to 32 of a-z 0-9 _ -, such as tradingview")
    named = stack.settings.ops.tokens
    return (Path(named) if named else tokens_dir(stack.data_dir)) / client
