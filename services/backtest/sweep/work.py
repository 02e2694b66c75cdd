"""Tasks through an executor: every one of them ends once, with what it measured or with the reason why it did not.

When a process dies with tasks in it, nobody knows which one was to blame. So all that were on their way are run again,
one at a time: whoever ends its process then is the one, and the others are done.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from services.backtest.pool import Pool
from services.backtest.sweep.journal import Journal
from services.backtest.sweep.task import OtherWorkerError, Played, Task, play
from shared.adapters.books.errors import BooksError
from shared.adapters.klines.columns import RecordingError
from shared.application.errors import UserError

Watch = Callable[[int, int], None]  # tasks that ended, tasks in all
Note = Callable[[str, Future[Played]], None]
OpenPool = Callable[[int], AbstractContextManager[Pool]]  # for so many tasks
DIED = "the process that ran it was killed; it may need more memory than there is"
WAITING_PER_WORKER = 2  # one that runs, and the next one


@dataclass
class Ended:
    """What came of the tasks, by key."""

    done: dict[str, Played] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def work_off(tasks: Iterable[Task], journal: Journal, open_pool: OpenPool, watch: Watch) -> Ended:
    """Play what the journal does not have yet, and note it there as it comes."""
    by_key = {task.key: task for task in tasks}
    ended = Ended({key: journal.done[key] for key in by_key if key in journal.done})
    waiting = {key: task for key, task in by_key.items() if key not in ended.done}
    suspects: dict[str, Task] = {}

    def note(key: str, future: Future[Played]) -> None:
        try:
            played = future.result()
        except BrokenExecutor:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a run fails at, the others go on
            ended.reasons[key] = _reason(error)
        else:
            ended.done[key] = played
            journal.add(played)
        watch(len(ended.done) + len(ended.reasons), len(by_key))

    watch(len(ended.done), len(by_key))
    while waiting or suspects:
        queue, most = (suspects, 1) if suspects else (waiting, 0)
        with open_pool(most or len(queue)) as pool:
            lost = _play_all(queue, pool, note, most or pool.width * WAITING_PER_WORKER)
        if most and lost:
            del queue[lost[0]]
            ended.reasons[lost[0]] = DIED
        else:
            suspects.update({key: queue.pop(key) for key in lost})
    return ended


def _play_all(queue: dict[str, Task], pool: Pool, note: Note, most: int) -> list[str]:
    """Until the queue is empty, or a process died: then gives those back that were on their way."""
    running: dict[Future[Played], str] = {}
    coming = iter(list(queue.items()))
    try:
        while True:
            while len(running) < most and (following := next(coming, None)) is not None:
                key, task = following
                running[pool.executor.submit(play, task)] = key
            if not running:
                return []
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                note(running[future], future)
                del queue[running.pop(future)]
    except BrokenExecutor:
        return list(running.values())


def _reason(error: Exception) -> str:
    if isinstance(error, UserError | RecordingError | BooksError | OtherWorkerError):
        return str(error)
    if isinstance(error, CancelledError):
        return "the cluster dropped it; give the command again"
    if type(error).__name__ == "KilledWorker":  # Dask tried it on several workers
        return DIED
    return f"it failed at a fault of heatsink: {type(error).__name__}: {error}"
