"""By which name and password a process signs in to the server, from ``[redis]`` of the configuration.

Either the server knows users: ``redis.users`` is a folder with a file for each, named after the user and holding the
password, and a process reads its own. Or there is one password for all: in the address, in ``redis.password`` (best
from the variable ``HEATSINK_REDIS__PASSWORD``) or in the file that ``redis.password_file`` names. Or there is none.
"""

import re
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from shared.config.faults import ConfigError, Fault, did_you_mean
from shared.config.model import RedisSettings
from shared.config.secret_files import secret_in
from shared.config.tables import Tables

OWNER, OPERATOR, CLIENT = "owner", "operator", "client"
USERS, PASSWORD_FILE = "redis.users", "redis.password_file"
# Not a service's name, and nothing that a key, a file or an address would have to quote.
CLIENT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}\Z")
_MORE = "heatsink users makes them, and heatsink up does for its own server."


def user_name(role: str, portfolio: str) -> str:
    """Of a service of this portfolio, or of who uses it: ``main.risk``, ``main.client``."""
    return f"{portfolio}.{role}"


def client_user(client: str, portfolio: str) -> str:
    """Of a client beside the one that is always there: ``main.client.ana``."""
    return user_name(CLIENT if client == CLIENT else f"{CLIENT}.{client}", portfolio)


def address_of(redis: RedisSettings, *users: str) -> str:
    """The address to connect to, with the name and password of the first of these users that has a file.

    Read anew for every connection, so that a password may be changed while a process runs. Raises ``ConfigError``.
    """
    if not redis.users:
        return _with_password(redis)
    folder = Path(redis.users)
    for user in users:
        if (folder / user).is_file():
            return signed_in(redis.url, user, _read(folder / user, USERS))
    problem = f"no password of {' or '.join(users)} there"
    raise ConfigError([Fault("stack.toml", USERS, redis.users, problem, _remedy(users[0], known_users(folder)))])


def signed_in(url: str, user: str, password: str) -> str:
    """The address with a name and a password in it."""
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(user, safe='')}:{quote(password, safe='')}@{place}"))


def signed_out(url: str) -> tuple[str, str]:
    """The address without its password, and the password; empty for none."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, ""
    who, _, place = parts.netloc.rpartition("@")
    name = who.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{name}@{place}" if name else place)), unquote(parts.password)


def has_password(url: str) -> bool:
    """Whether an address says by itself who signs in."""
    try:
        return urlsplit(url).password is not None
    except ValueError:
        return False


def known_users(folder: Path) -> list[str]:
    """Those whose password is in the folder."""
    try:
        return sorted(path.name for path in folder.iterdir() if path.is_file() and path.name[0] != ".")
    except OSError:
        return []


def check_credentials(tables: Tables, file: str, redis: RedisSettings) -> None:
    """One way to sign in, and its files are there."""
    given = [name for name in ("users", "password", "password_file") if getattr(redis, name)]
    if has_password(redis.url):
        given.append("url")
    if len(given) > 1:
        problem = f"there is another way to sign in already: redis.{given[1]}"
        tables.fault_at(f"redis.{given[0]}", file, getattr(redis, given[0]), problem, "Leave out one of the two.")
    if redis.password_file:
        try:
            _read(Path(redis.password_file), PASSWORD_FILE)
        except ConfigError as error:
            [fault] = error.faults
            tables.fault_at(PASSWORD_FILE, file, redis.password_file, fault.problem, fault.remedy)
    if redis.users and not Path(redis.users).is_dir():
        tables.fault_at(USERS, file, redis.users, "no such folder", f"Name the folder of the passwords; {_MORE}")


def _remedy(user: str, found: list[str]) -> str:
    """How a user gets a password: a client of its own is made by name, and all others at once."""
    client = user.partition(f".{CLIENT}.")[2]
    near = [each for each in found if f".{CLIENT}." in each] if client else found
    made = f"heatsink users --client {client} makes it." if client else _MORE
    return f"{did_you_mean(user, near)} {made}" if near else made


def _with_password(redis: RedisSettings) -> str:
    password = _read(Path(redis.password_file), PASSWORD_FILE) if redis.password_file else redis.password
    if not password:
        return redis.url
    return signed_in(redis.url, unquote(urlsplit(redis.url).username or ""), password)


def _read(path: Path, key: str) -> str:
    """The password in a file. Raises ``ConfigError``."""
    text = secret_in(path, key, "Make it a file with the password.")
    if not text or not text.isprintable():
        problem = "no password stands in its file"
        raise ConfigError([Fault("stack.toml", key, str(path), problem, "Write the password, and nothing else.")])
    return text
