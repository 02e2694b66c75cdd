"""A disk that is slow, for a real server, and that has only what was flushed to it once the power is gone.

It is preloaded into the server (``slow_disk.c``), so that nothing in its code knows; it needs Linux and a C compiler.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("slow_disk.c")


class SlowDisk:
    """environ: what a server needs to have this disk. lost_bytes: that were never on it, over all losses of power."""

    def __init__(self, folder: Path, *, wait_ms: int) -> None:
        """wait_ms: how much longer each flush takes."""
        compiler = shutil.which("cc")
        if compiler is None or sys.platform != "linux":
            pytest.skip("a slow disk for a process needs Linux and a C compiler")
        library, self._notes = folder / "slow_disk.so", folder / "flushed"
        subprocess.run((compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE), check=True)
        self.environ = {
            "LD_PRELOAD": str(library), "SLOW_DISK_MS": str(wait_ms), "SLOW_DISK_NOTES": str(self._notes),
        }  # fmt: skip
        self.lost_bytes = 0

    @property
    def flushes(self) -> int:
        """How often something was flushed."""
        return len(self._lines())

    def lose_power(self, folder: Path) -> None:
        """What was not flushed is gone from the files in a folder. The server that wrote them must be dead."""
        flushed = {Path(path): int(size) for size, _, path in (line.partition(" ") for line in self._lines())}
        for path in folder.rglob("*.aof"):
            beyond = path.stat().st_size - flushed.get(path, 0)
            if beyond > 0:
                os.truncate(path, flushed.get(path, 0))
                self.lost_bytes += beyond

    def _lines(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []
