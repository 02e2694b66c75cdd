"""Small files read whole, with a bound: what stands under the name of a file may be a pipe that never ends."""

import errno
import os
import stat
from pathlib import Path

MOST_BYTES = 1024 * 1024  # of a file that people write
KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


def read_bounded(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """What the file holds. Raises ``OSError``, for what is no file and for more than so many bytes as well."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe without a writer opens at once
    with open(descriptor, "rb") as file:
        check_is_file(descriptor, path)
        body = file.read(most_bytes + 1)
    if len(body) > most_bytes:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes:,} bytes", str(path))
    return body


def check_is_file(descriptor: int, path: Path) -> None:
    """Raises ``OSError`` where something else was opened."""
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"it is no file but {KINDS.get(stat.S_IFMT(mode), 'something else')}", str(path))
