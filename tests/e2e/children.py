"""Processes that are started again whenever they ended, as the supervisor does: a gate, and whoever executes."""

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from shared.adapters.parent_death import die_with_parent

ROOT = Path(__file__).resolve().parents[2]
HEAT_LIMIT = 0.012  # low enough to bind


@dataclass
class Child:
    """A process that is started again whenever it ended, as the supervisor does."""

    command: tuple[str, ...]
    log: Path
    codes: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent(),  # noqa: PLW1509 - it does nothing but two system calls
            )

    def keep(self) -> None:
        if self.process.poll() is not None:
            self.codes.append(self.process.returncode)
            self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def service(name: str, url: str, folder: Path, title: str = "", *more: str) -> Child:
    """more: of its environment, as ``NAME=value``."""
    settings = (
        f"HEATSINK_REDIS__URL={url}", "HEATSINK_EXCHANGE__KIND=binance", "HEATSINK_PHASE=live",
        f"HEATSINK_LIMITS__HEAT={HEAT_LIMIT}", "HEATSINK_RAMP__REHEARSAL=true", "HEATSINK_LIMITS__BOOK_AGE_SECONDS=0",
        "HEATSINK_LIMITS__MAX_OPEN_ORDERS=100000", "HEATSINK_LIMITS__ORDERS_PER_SECOND=100000",
        "HEATSINK_LIMITS__REPEATS_PER_MINUTE=100000", "HEATSINK_BREAKERS__MIN_ADV_USDT=0", *more,
    )  # fmt: skip
    return Child(("env", *settings, sys.executable, "-m", f"services.{name}"), folder / f"{title or name}.log")
