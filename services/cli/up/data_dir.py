"""The data folder of a stack: one running stack at a time, and where its server keeps what it stores."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared.adapters import whole_files
from shared.adapters.private_files import password_in, private_folder, private_tree
from shared.application.errors import UserError

LOCK, TOKEN = "run.lock", "simulator.token"


class DataDirInUseError(UserError):
    """Another ``heatsink up`` runs on this folder."""


def own(data_dir: Path) -> Path:
    """Make the folder, or take it from everybody else; one that keeps other things as well stays as it is."""
    is_ours = not data_dir.exists() or (data_dir / LOCK).exists() or not any(data_dir.iterdir())
    return private_folder(data_dir) if is_ours else data_dir


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Own the folder while the block lasts; the lock ends with the process, however it ends."""
    remedy = "end it first, or give this one a folder of its own with --data DIR"
    taken = DataDirInUseError(f"another heatsink runs on {data_dir}: {remedy}")
    with whole_files.locked(data_dir / LOCK, taken) as lock:
        with whole_files.naming(data_dir / LOCK):
            lock.truncate(0)
            os.write(lock.fileno(), f"{os.getpid()}\n".encode())  # past its buffer, which a full disk would meet twice
        yield


def new_token(data_dir: Path) -> Path:
    """The file with the token for the simulated exchange's faults, of this run alone."""
    path = (data_dir / TOKEN).resolve()
    path.unlink(missing_ok=True)
    password_in(path)
    return path


@contextmanager
def server_data_dir(data_dir: Path, exchange: str) -> Iterator[Path]:
    """Where the embedded server keeps its data: for a simulated market only while it runs, otherwise for good."""
    place = data_dir / f"redis-{exchange}"
    if exchange == "binance":
        yield private_tree(place)
        return
    shutil.rmtree(place, ignore_errors=True)  # of a run that was killed
    private_folder(place)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
