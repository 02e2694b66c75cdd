"""The tokens by which clients propose over HTTP: in the folder ``ops.tokens``, a file for each, named after the client.

They are read anew for every request: a file that is deleted lets nobody in from then on, and one that is written lets
its client in at once. A file that others on the machine can read, or that cannot be trusted otherwise, counts as none.
"""

import hmac
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from shared.config.bounded_files import read_bounded
from shared.config.credentials import CLIENT_NAME
from shared.config.faults import Fault
from shared.config.secret_files import others_may_use

TOKENS = "ops.tokens"
LEAST, MOST = 24, 512  # characters of a token
MOST_FILES = 200


class _Row(NamedTuple):
    """A file of the folder. token: empty where there is a problem."""

    path: Path
    token: str
    problem: str = ""
    remedy: str = ""


class Tokens:
    """Whose token it is. folder: empty for none."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) if folder else None

    @property
    def any(self) -> bool:
        """Whether there is a token at all."""
        return any(row.token for row in self._rows())

    def client_of(self, token: str) -> str:
        """The client whose token this is; empty for nobody's. Every token is compared, in a time that tells nothing."""
        given = token.encode(errors="surrogatepass")  # a header may have bytes that are no text
        found = [row.path.name for row in self._rows() if row.token and hmac.compare_digest(row.token.encode(), given)]
        return found[0] if len(found) == 1 else ""

    @property
    def faults(self) -> list[Fault]:
        """Files that look like a token and do not count as one."""
        if self._folder is not None and not self._folder.is_dir():
            remedy = "Make the folder, or leave it empty: nobody proposes over HTTP then."
            return [Fault("stack.toml", TOKENS, str(self._folder), "no such folder", remedy)]
        rows = list(self._rows())
        found = [Fault("stack.toml", TOKENS, str(row.path), row.problem, row.remedy) for row in rows if row.problem]
        first: dict[str, Path] = {}
        for row in rows:
            if row.token and first.setdefault(row.token, row.path) is not row.path:
                problem = f"the same token as in {first[row.token].name}: it lets neither of them in"
                found.append(Fault("stack.toml", TOKENS, str(row.path), problem, f"Delete it: {_made_by(row.path)}"))
        return found

    def _rows(self) -> Iterator[_Row]:
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.name[0] != ".") if self._folder else []
        except OSError:
            return
        yield from map(_read, paths[:MOST_FILES])


def _read(path: Path) -> _Row:
    if not CLIENT_NAME.fullmatch(path.name):
        return _Row(path, "", "no name of a client", "A name has 1 to 32 of a-z 0-9 _ -, such as tradingview.")
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            return _Row(path, "", "no file", "Move it away.")
        if others_may_use(mode):
            return _Row(path, "", "others on this machine can read it", f"Do chmod 600 {path}, and {_made_by(path)}")
        token = read_bounded(path).decode().strip()
    except (OSError, UnicodeDecodeError, ValueError):
        return _Row(path, "", "it cannot be read", f"Delete it: {_made_by(path)}")
    if not LEAST <= len(token) <= MOST or not (token.isascii() and token.isprintable()) or " " in token:
        problem = f"no token of {LEAST} to {MOST} characters without blanks stands in it"
        return _Row(path, "", problem, f"Delete it: {_made_by(path)}")
    return _Row(path, token)


def _made_by(path: Path) -> str:
    return f"heatsink token {path.name} makes a new one."
