"""A Dask cluster as an executor: the one doorway of ``distributed``, which comes with ``heatsink[cluster]``.

Dask runs a task again elsewhere when its worker is gone, up to three times; then it fails with ``KilledWorker``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from services.backtest.pool import Pool
from shared.application.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10.0
INSTALL = "from the source, make cluster; otherwise, pip install 'heatsink[cluster]'"


@contextmanager
def cluster(address: str) -> Iterator[Pool]:
    """The workers that a scheduler has. Raises ``UserError``."""
    try:
        from distributed import Client
    except ImportError:
        raise UserError(f"--cluster: Dask is not installed: {INSTALL}") from None
    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(f"--cluster {address}: no scheduler answers there: {error}") from None
    try:
        width = _width(client, address)
        executor = client.get_executor(pure=False)
        try:
            yield Pool(executor, width)
        finally:
            executor.shutdown(wait=False)
    finally:
        client.close()


def _width(client: "Client", address: str) -> int:
    """How many runs there may be at once: one in each worker, so that memory does what it says."""
    threads = client.nthreads()
    if not threads:
        raise UserError(f"--cluster {address}: it has no workers; start some with --nthreads 1")
    if wide := [worker for worker, count in threads.items() if count > 1]:
        raise UserError(f"--cluster {address}: {wide[0]} takes several runs at once; start workers with --nthreads 1")
    return len(threads)
