"""The key with which the account at the exchange is looked at: from ``[exchange]``, the environment, or a file."""

from pathlib import Path

from shared.config.faults import ConfigError, Fault
from shared.config.model import ExchangeSettings
from shared.config.secrecy import HIDDEN
from shared.config.secret_files import secret_in
from shared.config.tables import Tables

FILE, KEY, SECRET = "exchange.account_file", "exchange.account_key", "exchange.account_secret"
HOW = "Write HEATSINK_EXCHANGE__ACCOUNT_KEY and HEATSINK_EXCHANGE__ACCOUNT_SECRET, or name exchange.account_file."
LINES = "Make it a file of two lines, the key and the secret, which nobody else can read (chmod 600)."


class AccountKey:
    """A key and its secret; neither is shown by printing it."""

    __slots__ = ("key", "secret")

    def __init__(self, key: str, secret: str) -> None:
        self.key, self.secret = key, secret

    def __repr__(self) -> str:
        return f"AccountKey({HIDDEN})"


def account_key_of(exchange: ExchangeSettings) -> AccountKey:
    """The key, read anew from its file. Raises ``ConfigError``, also where none is named."""
    if exchange.account_file:
        return _read(Path(exchange.account_file))
    if not (exchange.account_key and exchange.account_secret):
        raise _fault(KEY, "", "there is no key for the account", f"It only has to read. {HOW}")
    return _checked(exchange.account_key, exchange.account_secret, KEY)


def check_account_key(tables: Tables, file: str, exchange: ExchangeSettings) -> None:
    """A key has its secret, and comes from one place."""
    key, secret, path = bool(exchange.account_key), bool(exchange.account_secret), exchange.account_file
    if path and (key or secret):
        tables.fault_at(FILE, file, path, "the key is named beside its file", "Leave out one of the two.")
    elif key != secret:
        missing = SECRET if key else KEY
        tables.fault_at(missing, file, None, "a key and its secret go together", HOW)


def _read(path: Path) -> AccountKey:
    key, _, secret = secret_in(path, FILE, LINES, owner_only=True).partition("\n")
    return _checked(key.strip(), secret.replace("\r", "").strip(), FILE, str(path))


def _checked(key: str, secret: str, place: str, path: str = "") -> AccountKey:
    """Nothing that could not stand in a header; a secret may be a private key of several lines."""
    if not key.isascii() or not key.isalnum() or not secret or not secret.replace("\n", "").isprintable():
        raise _fault(place, path, "no key and secret stand there", LINES if path else HOW)
    return AccountKey(key, secret)


def _fault(key: str, value: str, problem: str, remedy: str) -> ConfigError:
    return ConfigError([Fault("stack.toml", key, value, problem, remedy)])
