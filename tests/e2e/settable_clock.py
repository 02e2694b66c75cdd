"""A wall clock that a test sets for real processes, as an operator or NTP sets that of a machine.

It is preloaded into them (``settable_clock.c``), so that nothing in their code knows; it needs Linux and a C compiler.
"""

import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("settable_clock.c")


class SettableClock:
    """environ: what processes need to have this clock. ahead_seconds: by how much it is ahead. steps: how often set."""

    def __init__(self, folder: Path, *, excepted: str = "") -> None:
        """excepted: processes whose command line has this in it keep the true time."""
        compiler = shutil.which("cc")
        if compiler is None or sys.platform != "linux":
            pytest.skip("setting the clock of processes needs Linux and a C compiler")
        library, self._file = folder / "settable_clock.so", folder / "ahead_ns"
        subprocess.run((compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE), check=True)
        self.ahead_seconds, self.steps = 0.0, 0
        self._file.write_bytes(struct.pack("=q", 0))
        self.environ = {
            "LD_PRELOAD": str(library),
            "SETTABLE_CLOCK": str(self._file),
            "SETTABLE_CLOCK_EXCEPT": excepted,
        }

    def set_ahead(self, seconds: float) -> None:
        """Set the clock to so many seconds ahead of the true time; below 0 it is behind."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("=q", int(seconds * 1e9)))
        self.ahead_seconds = seconds
        self.steps += 1
