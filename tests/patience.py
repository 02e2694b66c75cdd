"""How long a test waits for what will come anyhow. It bounds a wait that went wrong; no test asserts on time."""

import time
from collections.abc import Callable

PATIENCE_SECONDS = 120.0  # several workers share two cores


def patiently(holds: Callable[[], object]) -> None:
    """Wait until it holds. Raises ``TimeoutError``."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > until:
            raise TimeoutError(f"it did not come within {PATIENCE_SECONDS:g} seconds")
        time.sleep(0.02)
