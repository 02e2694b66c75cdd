"""Files that hold a secret, such as a password or a key: read with a bound, and nothing of them is ever shown."""

import stat
from pathlib import Path

from shared.config.bounded_files import read_bounded
from shared.config.faults import ConfigError, Fault


def secret_in(path: Path, setting: str, remedy: str, *, owner_only: bool = False) -> str:
    """The text of the file that a setting names. Raises ``ConfigError``.

    owner_only: a file that others may read is refused.
    """
    try:
        text, mode = read_bounded(path).decode().strip(), stat.S_IMODE(path.stat().st_mode)
    except (OSError, ValueError) as error:  # a UnicodeDecodeError among them
        reason = getattr(error, "strerror", None) or "not text"
        problem = f"its file cannot be read: {str(reason).lower()}"
        raise ConfigError([Fault("stack.toml", setting, str(path), problem, remedy)]) from None
    if owner_only and others_may_use(mode):
        problem = f"others may read it (mode {mode:o})"
        raise ConfigError([Fault("stack.toml", setting, str(path), problem, f"chmod 600 {path}")])
    return text


def others_may_use(mode: int) -> bool:
    """Whether a file of this mode is open to anybody beside its owner."""
    return bool(mode & (stat.S_IRWXG | stat.S_IRWXO))
