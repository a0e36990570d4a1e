"""Work on several threads: each piece is done once, and the thread that waits does its share."""

from __future__ import annotations

import threading
import time
import weakref

import pytest

from rasid.workers import Workers


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_task_is_done_once_and_gives_its_own_result(threads: int) -> None:
    workers, done = Workers(threads), []

    def work(number: int) -> int:
        done.append(number)
        return number * number

    tasks = [workers.submit(lambda n=n: work(n)) for n in range(200)]
    assert [workers.result(task) for task in tasks] == [n * n for n in range(200)]
    assert sorted(done) == list(range(200))


def test_one_thread_is_the_one_that_waits() -> None:
    workers = Workers(1)
    assert workers.result(workers.submit(threading.get_ident)) == threading.get_ident()


def test_the_one_that_waits_works_too() -> None:
    workers, barrier = Workers(2), threading.Barrier(2, timeout=10)
    first, second = (workers.submit(barrier.wait) for _ in range(2))  # neither ends before the other has begun
    assert sorted([workers.result(first), workers.result(second)]) == [0, 1]


def test_an_error_reaches_the_one_that_asks() -> None:
    workers = Workers(2)
    wrong, right = workers.submit(lambda: 1 // 0), workers.submit(lambda: 2)
    with pytest.raises(ZeroDivisionError):
        workers.result(wrong)
    assert workers.result(right) == 2


def test_several_threads_may_ask() -> None:
    workers, found = Workers(3), []

    def ask(number: int) -> None:
        tasks = [workers.submit(lambda n=n: (number, n)) for n in range(100)]
        found.extend(workers.result(task) for task in tasks)

    callers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sorted(found) == [(number, n) for number in range(4) for n in range(100)]


def test_results_that_nobody_needs_any_more_are_let_go() -> None:
    class Large:
        pass

    workers = Workers(2)
    kept = []
    for _ in range(50):
        tasks = [workers.submit(Large) for _ in range(4)]
        kept += [weakref.ref(workers.result(task)) for task in tasks]
        del tasks
    time.sleep(0.05)
    assert sum(one() is not None for one in kept) < 20


def test_an_interruption_reaches_the_thread_that_works() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    workers = Workers(1)
    task = workers.submit(interrupted)
    with pytest.raises(KeyboardInterrupt):
        workers.result(task)
