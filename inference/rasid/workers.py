"""Workers: pieces of work on several threads, of which the one that waits for them is one."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

T = TypeVar("T")


class Task(Generic[T]):
    """A piece of work that is done once, by whichever thread comes first."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._taken = threading.Lock()
        self._done = threading.Event()
        self._value: T | None = None
        self._problem: BaseException | None = None

    def run(self) -> bool:
        """Do it, unless another thread has taken it; tells whether it was done here."""
        if not self._taken.acquire(blocking=False):
            return False
        try:
            self._value = self._work()
        except Exception as problem:
            self._problem = problem  # it belongs to the thread that asks for the result
        except BaseException as problem:
            self._problem = problem
            raise  # an interruption belongs to the thread that it reached
        finally:
            self._done.set()
        return True

    def finished(self, timeout: float | None = 0) -> bool:
        """Whether it is done, after waiting up to ``timeout`` seconds; None waits as long as it takes."""
        return self._done.wait(timeout)

    def value(self) -> T:
        """What a finished task gave, or the error that it raised."""
        if self._problem is not None:
            raise self._problem
        return self._value  # type: ignore[return-value]


class Workers:
    """Does tasks on ``threads`` threads in all: a thread that waits for a result works as well.

    A pool of as many threads beside the one that waits would leave one more thread than cores, and whenever the system
    halts the one that holds Python's lock, all others stand still.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self._open: deque[Task[object]] = deque()
        # Its threads are started when the first work comes.
        self._pool = ThreadPoolExecutor(threads - 1, thread_name_prefix="rasid") if threads > 1 else None

    def submit(self, work: Callable[[], T]) -> Task[T]:
        """Hand over a piece of work; ask :meth:`result` for what comes of it."""
        task = Task(work)
        if self._pool:
            self._open.append(task)  # type: ignore[arg-type]
            self._pool.submit(task.run)
        return task

    def result(self, task: Task[T]) -> T:
        """What the task gave; until it is there, this thread does it or others that wait.

        Raises:
            Exception: what the task raised.
        """
        task.run()
        self._forget_finished()
        while not task.finished():
            try:
                self._open.popleft().run()
            except IndexError:
                task.finished(None)
        return task.value()

    def _forget_finished(self) -> None:
        """Let go of tasks that the pool has done, so that their results live no longer than they are of use."""
        with contextlib.suppress(IndexError):  # other threads take from it as well
            while self._open[0].finished():
                self._open.popleft()
