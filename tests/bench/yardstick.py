"""NautilusTrader beside us: found where it is installed, run as a process of its own, asked for one round at a time."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.config.load import process_environment

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = Path(__file__).with_name("nautilus_risk.py")
MISSING = "the yardstick (NautilusTrader 1.221.0) is not installed: `make bench-peers`, or NAUTILUS_PYTHON=/path/python"


def python() -> str:
    """A Python that has NautilusTrader; empty when there is none."""
    for candidate in (process_environment().get("NAUTILUS_PYTHON", ""), str(ROOT / ".venv-bench" / "bin" / "python")):
        if candidate and Path(candidate).is_file():
            found = subprocess.run([candidate, "-c", "import nautilus_trader"], capture_output=True, check=False)
            if found.returncode == 0:
                return candidate
    return ""


class Nautilus:
    """Its RiskEngine in another process; idle between rounds."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def microseconds(self, orders: int) -> float:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{orders}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())


@contextmanager
def nautilus() -> Iterator[Nautilus | None]:
    """None, and one clear line, where it is not installed."""
    found = python()
    if not found:
        print(f"  {MISSING}")
        yield None
        return
    process = subprocess.Popen([found, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        yield Nautilus(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=30)
