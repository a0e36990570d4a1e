"""Engines: what makes the parts of a job, processes of this machine or a Ray cluster."""

from __future__ import annotations

import itertools
import json
import logging
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any

from rasid.errors import RasidError
from rasid.jobs import Done, Job, Shard, make_part
from rasid.predictor import Predictor

_AHEAD = 2  # shards that wait for each process


def here(job: Job, shards: Sequence[Shard]) -> Iterator[Done]:
    """Make the parts in this process, with the job's threads."""
    predictor = job.predictor()
    for shard in shards:
        yield make_part(job, shard, predictor)


def processes(job: Job, shards: Sequence[Shard], count: int) -> Iterator[Done]:
    """Make the parts in processes of this machine, each with the job's threads, or one if it tells none.

    Raises:
        RasidError: a process died.
    """
    job = replace(job, threads=job.threads or 1)
    rest = iter(shards)
    # Not forked: the threads of the libraries that are loaded here would not come along.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(count, len(shards)) or 1, context, _start, (job,)) as pool:
        waiting: set[Future[Done]] = {pool.submit(_make, shard) for shard in itertools.islice(rest, _AHEAD * count)}
        try:
            while waiting:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                waiting |= {pool.submit(_make, shard) for shard in itertools.islice(rest, len(done))}
                for future in done:
                    yield future.result()
        except BrokenProcessPool:
            raise RasidError(
                "a process that read articles died, perhaps for want of memory; take fewer --processes and go on with "
                "--resume"
            ) from None
        finally:
            for future in waiting:
                future.cancel()


_process: tuple[Job, Predictor] | None = None  # of a process of the pool


def _start(job: Job) -> None:
    global _process
    _process = job, job.predictor()


def _make(shard: Shard) -> Done:
    assert _process is not None, "the pool starts each process with a job"
    return make_part(_process[0], shard, _process[1])


def ray(job: Job, shards: Sequence[Shard], count: int | None) -> Iterator[Done]:
    """Make the parts by Ray Data, on the cluster that ``RAY_ADDRESS`` names or else one of this machine.

    Each worker holds a predictor. Where a worker or a machine is lost, Ray gives its shards to another; a part that is
    made twice is the same file. Inputs and output must lie where all machines see them under the same path.

    Args:
        job: what to do.
        shards: of which to make parts.
        count: how many workers; None takes one for each CPU of the cluster.

    Raises:
        RasidError: Ray is not installed.
    """
    try:
        import ray as cluster
        from ray.data import ActorPoolStrategy, DataContext
    except ImportError:
        raise RasidError(
            "--engine ray needs more than the predictor; install it with: pip install 'rasid[ray]'"
        ) from None
    if not shards:
        return
    if not cluster.is_initialized():
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a Ray that is started here reports to nobody
        cluster.init(log_to_driver=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    workers = count or max(int(cluster.cluster_resources().get("CPU", 1)), 1)  # type: ignore[no-untyped-call]
    job = replace(job, threads=job.threads or 1)
    DataContext.get_current().enable_progress_bars = False
    rows = [{"number": place} for place in range(len(shards))]
    parts = cluster.data.from_items(rows, override_num_blocks=len(rows)).map_batches(
        _RayWorker,
        fn_constructor_args=(job, list(shards)),
        batch_size=1,
        batch_format="numpy",
        compute=ActorPoolStrategy(size=min(workers, len(shards))),
        num_cpus=job.threads,
    )
    for row in parts.iter_rows():
        yield Done(int(row["part"]), int(row["documents"]), int(row["words"]), tuple(json.loads(row["errors"])))


class _RayWorker:
    """Makes the part of each row's shard."""

    def __init__(self, job: Job, shards: Sequence[Shard]) -> None:
        self.job, self.shards, self.predictor = job, shards, job.predictor()

    def __call__(self, rows: dict[str, Any]) -> dict[str, Any]:
        done = [make_part(self.job, self.shards[int(number)], self.predictor) for number in rows["number"]]
        return {
            "part": [d.number for d in done],
            "documents": [d.documents for d in done],
            "words": [d.words for d in done],
            "errors": [json.dumps(d.errors) for d in done],
        }
