"""What users of the server may do, as its access control list has it; who they are is told in ``services/users.py``.

A user's rights are a list of grants. The server lets a command pass if one grant alone allows all of it: the command,
every key and every channel. That keeps apart what belongs apart: a service may acknowledge entries of a stream, and is
refused when it appends one there. A function runs with the rights of whoever calls it, and each command in it is looked
at by itself. Lua has no rollback, so every user has a grant for all that its functions may come to.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from redis.exceptions import ResponseError

from shared.adapters.redis.client import Client, bus_errors

OFF = "user default reset off"  # whoever gives no name may do nothing
# What a client library sends by itself, before anybody asks for anything.
GREETINGS = ("ping", "echo", "select", "client|setinfo", "client|setname", "client|getname", "client|id", "acl|whoami")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Some commands, on some keys and channels. Patterns are globs, as the server reads them.

    commands: such as ``xadd`` or ``function|list``.
    keys: what they may read and write. reads, writes: what they may only read, or only write.
    channels: where they may publish or listen.
    """

    commands: tuple[str, ...]
    keys: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    @property
    def rule(self) -> str:
        """As the server takes it."""
        parts = ["resetchannels", "-@all", *(f"+{command}" for command in self.commands)]
        parts += [f"~{pattern}" for pattern in self.keys]
        parts += [f"%R~{pattern}" for pattern in self.reads]
        parts += [f"%W~{pattern}" for pattern in self.writes]
        parts += [f"&{pattern}" for pattern in self.channels]
        return f"({' '.join(parts)})"


@dataclass(frozen=True, slots=True)
class User:
    """Who signs in, and what that user may do. all: everything, as the owner of the server may."""

    name: str
    grants: tuple[Grant, ...] = ()
    all: bool = False

    def rules(self, password: str) -> list[str]:
        """In place of all that the user was allowed before; the server gets to know the password's hash alone."""
        begins = ["reset", "on", f"#{hashlib.sha256(password.encode()).hexdigest()}"]
        if self.all:
            return [*begins, "~*", "&*", "+@all"]
        common = ["resetchannels", "-@all", *(f"+{command}" for command in GREETINGS)]
        return [*begins, *common, *(grant.rule for grant in self.grants)]


def acl_file(users: Iterable[User], passwords: Mapping[str, str]) -> str:
    """The file that the server's setting ``aclfile`` names."""
    lines = [OFF, *(f"user {user.name} {' '.join(user.rules(passwords[user.name]))}" for user in users)]
    return "\n".join(lines) + "\n"


async def set_users(client: Client, users: Sequence[User], passwords: Mapping[str, str]) -> bool:
    """Give a running server these users; returns whether they outlast it, as they do where it has a file for them."""
    async with bus_errors():
        for user in users:
            await client.execute_command("ACL", "SETUSER", user.name, *user.rules(passwords[user.name]))
    return await _saved(client)


async def close_to_nobody(client: Client) -> bool:
    """Let nobody in who gives no name; returns whether that outlasts the server."""
    async with bus_errors():
        await client.execute_command("ACL", "SETUSER", "default", "reset", "off")
    return await _saved(client)


async def _saved(client: Client) -> bool:
    try:
        async with bus_errors():
            await client.execute_command("ACL", "SAVE")
    except ResponseError:  # the server was started without a file
        return False
    return True
