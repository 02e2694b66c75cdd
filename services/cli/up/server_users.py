"""The users of a server: the embedded one has them from its start, and any running one can be given them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.users import NO_BOUNDS, users_of
from shared.adapters.private_files import password_in, passwords_in, private_folder, write_private
from shared.adapters.redis.acl import User, acl_file, close_to_nobody, set_users
from shared.adapters.redis.bus import RedisBus
from shared.adapters.signing import signatures_of
from shared.application.errors import UserError
from shared.application.stack import StackLocator
from shared.config.credentials import CLIENT, CLIENT_NAME, OWNER, known_users, signed_in
from shared.domain.plan import ClientPlan
from shared.messages.keys import Keys
from shared.messages.signers import OPERATORS

USERS_DIR, ACL_FILE = "users", "users.acl"


class BadUserError(UserError):
    """A name that no user can have, or no place for the passwords."""


@dataclass(frozen=True, slots=True)
class Passwords:
    """users: of a server. files, passwords: of each by name; where it stands, and what it is."""

    users: Sequence[User]
    files: Mapping[str, Path]
    passwords: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Given:
    """What came of giving a server users.

    lasting: whether the server has them after a restart. closed: whether it was closed to whoever gives no name.
    """

    lasting: bool
    closed: bool


def prepare_users(data_dir: Path, portfolio: str, bounds: Mapping[str, ClientPlan] = NO_BOUNDS) -> Path:
    """The embedded server's access control list, in a file: who has a password there, and who the portfolio needs.

    bounds: of its clients, as in ``users_of``.
    """
    folder = private_folder(data_dir / USERS_DIR)
    users = users_in(folder, portfolio, bounds=bounds)
    return write_private(data_dir / ACL_FILE, acl_file(users, passwords_in(folder, (user.name for user in users))))


def users_in(
    folder: Path,
    portfolio: str,
    portfolios: Iterable[str] = (),
    clients: Iterable[str] = (),
    bounds: Mapping[str, ClientPlan] = NO_BOUNDS,
) -> list[User]:
    """The users of this portfolio with these clients, those of the others, and whoever has a password in the folder.

    bounds: of this portfolio's clients, as in ``users_of``.
    """
    named: dict[str, list[str]] = {portfolio: list(clients), **{each: [] for each in portfolios if each != portfolio}}
    for name in known_users(folder):
        if "." in name:
            owner, role, *client = name.split(".")
            named.setdefault(owner, []).extend(client if role == CLIENT else ())
    of = {portfolio: bounds}
    users = (user for owner, names in named.items() for user in users_of(owner, names, of.get(owner, NO_BOUNDS)))
    return list({user.name: user for user in users}.values())


async def register_clients(bus: RedisBus, users: Iterable[str]) -> None:
    """Let the gate know of the queues of these users, which must not name them by themselves."""
    for user in users:
        portfolio, _, role = user.partition(".")
        if role == CLIENT or role.startswith(f"{CLIENT}."):
            await bus.register_client(Keys(portfolio), role.partition(".")[2] or CLIENT)


def passwords_of(
    stack: StackLocator, into: Path | None, portfolios: Sequence[str], clients: Sequence[str], *, apart: bool = False
) -> Passwords:
    """The users of a server and their passwords, made now where there are none. Raises ``BadUserError``.

    into: where they are kept; None for where they are. apart: each in a folder of its own, which a container can have
    alone.
    """
    for option, names in (("--client", clients), ("--portfolio", portfolios)):
        for name in names:
            if not CLIENT_NAME.fullmatch(name):
                raise BadUserError(f"{option} {name!r}: write 1 to 32 of a-z 0-9 _ -, such as ana")
    folder = into or (Path(stack.redis.users) if stack.redis.users else None)
    if folder is None:
        raise BadUserError("the server has no users yet: name a folder for their passwords, such as --into users")
    bounds = stack.settings.plan.clients if stack.keys == stack.settings.keys else NO_BOUNDS
    users = users_in(private_folder(folder), stack.keys.portfolio, portfolios, clients, bounds)
    files = {user.name: _file(folder, user.name, apart=apart) for user in users}
    return Passwords(users, files, {name: password_in(path) for name, path in files.items()})


def write_acl(file: Path, passwords: Passwords) -> None:
    """The file for the server's setting ``aclfile``. The server may run as somebody else, and finds hashes here."""
    write_private(file, acl_file(passwords.users, passwords.passwords)).chmod(0o644)


async def give_users(stack: StackLocator, passwords: Passwords, *, close: bool = False) -> Given:
    """Give a running server its users, and prepare it for services that may do no more than they have to.

    close: whoever gives no name is not let in any more. Raises ``BusLostError``, ``ConfigError``.
    """
    signatures = signatures_of(stack.keys_dir, OPERATORS)
    # Opening it loads the function library; who may not do that believes the owner's word for it.
    async with RedisBus.open(stack.address(OWNER), stack.keys, signatures=signatures) as bus:
        await bus.note_library()
        await bus.named_identity()
        lasting = await set_users(bus.client, passwords.users, passwords.passwords)
        await register_clients(bus, passwords.passwords)
    if close:
        mine = signed_in(stack.redis_url, OWNER, passwords.passwords[OWNER])
        async with RedisBus.connect(mine, stack.keys) as bus:
            lasting = await close_to_nobody(bus.client)
    return Given(lasting, close)


def _file(folder: Path, user: str, *, apart: bool) -> Path:
    """Where a user's password stands. Apart, clients share a folder, and so do the users of a service."""
    if not apart:
        return folder / user
    role = user.split(".")[1] if "." in user else user
    return private_folder(folder / role) / user
