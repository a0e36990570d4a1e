"""Jobs: a corpus read in parts by any number of processes, on one machine or many, and resumed where it was halted.

The inputs are divided into slices before anything is read. Each shard of them gives one part of the output, a file
that is written whole or not at all and whose name and content follow from the shard alone: however many processes take
part, and whichever of them die and are replaced, nothing is lost and nothing is there twice. The parts lie in
``OUTPUT.parts`` until all are there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rasid import parquet
from rasid.artifact import Precision, find
from rasid.document import Document, write_documents
from rasid.errors import InputError, OutputError
from rasid.files import replacing, write_json
from rasid.inputs import Slice, Source, read_slice, slices
from rasid.predictor import MAX_CHARACTERS, Predictor

Form = Literal["jsonl", "parquet"]

_PLAN, _DONE = "_job.json", "_done.jsonl"  # what reads folders of Parquet passes over such names
_SHARDS = 64  # wanted, so that some dozens of processes have enough to do; and what one may hold at least and at most
_BYTES, _ROWS, _TEXTS = (1 << 18, 1 << 22), (64, 1024), 256


@dataclass(frozen=True, slots=True)
class Job:
    """What a process must know to make parts.

    Attributes:
        parts: the folder of the parts.
        form: of the parts.
        model, precision, threads, max_characters: as in ``Predictor.load``.
        published: the date of the documents that carry none.
    """

    parts: Path
    form: Form
    model: str | None = None
    precision: Precision | None = None
    threads: int | None = None
    max_characters: int = MAX_CHARACTERS
    published: str | None = None

    def predictor(self) -> Predictor:
        """The predictor that reads the slices."""
        return Predictor.load(
            self.model, precision=self.precision, threads=self.threads, max_characters=self.max_characters
        )

    def part(self, number: int) -> Path:
        """Where the part of this number is written."""
        return self.parts / f"part-{number:06d}.{self.form}"


@dataclass(frozen=True, slots=True)
class Shard:
    """The slices whose documents make one part."""

    number: int
    slices: tuple[Slice, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """What is said of a part that is written.

    Attributes:
        number: the part.
        documents, words: how many it holds.
        errors: of the documents that could not be read.
    """

    number: int
    documents: int
    words: int
    errors: Sequence[str] = field(default=())


def make_part(job: Job, shard: Shard, predictor: Predictor) -> Done:
    """Read the documents of a shard and write its part."""
    documents = words = 0
    errors: list[str] = []

    def answers() -> Iterator[Document]:
        nonlocal documents, words
        given = (document for part in shard.slices for document in read_slice(part, published=job.published))
        for document in predictor.stream_documents(given):
            documents += 1
            words += len(document.text.split())
            if document.error is not None:
                errors.append(document.error)
            yield document

    (write_documents if job.form == "jsonl" else parquet.write)(job.part(shard.number), answers())
    return Done(shard.number, documents, words, tuple(errors))


class Output:
    """The output of a job: its parts while it runs, one file (JSON Lines) or a folder of parts (Parquet) at the end."""

    def __init__(self, path: Path) -> None:
        """Name the output; nothing is written yet.

        Raises:
            InputError: something is at its place that it must not replace.
        """
        self.path = path
        self.form: Form = "parquet" if path.suffix.lower() == ".parquet" else "jsonl"
        self.parts = path.with_name(f"{path.name}.parts")
        if self.form == "jsonl" and path.exists() and not path.is_file():
            raise InputError(f"--output {path}: not a regular file; name a file")
        known = (_PLAN, _DONE)
        others = [p for p in path.iterdir() if p.suffix != ".parquet" and p.name not in known] if path.is_dir() else []
        if self.form == "parquet" and others:
            raise InputError(f"--output {path}: the folder holds other files than Parquet; name another")

    def begin(self, job: Job, sources: Sequence[Source], *, resume: bool) -> tuple[list[Shard], list[Done]]:
        """Plan the job, or take up the one that was interrupted.

        Returns:
            The shards that are to be read, and what was said of those that are done.

        Raises:
            InputError: an input cannot be divided; or the parts that are there are of another job.
        """
        shards = list(_shards(sources))
        plan = _plan(job, sources, shards)
        done: list[Done] = []
        if resume and (self.parts / _PLAN).is_file():
            self._require_same(plan)
            done = [d for d in self._done() if job.part(d.number).is_file()]
            with replacing(self.parts / _DONE) as clean:  # without a line that was half written
                clean.write_text("".join(_line(d) for d in done), encoding="utf-8")
        else:
            with self._writing():
                _remove(self.parts)
                self.parts.mkdir(parents=True)
            write_json(self.parts / _PLAN, plan)
        finished = {d.number for d in done}
        return [shard for shard in shards if shard.number not in finished], done

    def record(self, done: Done) -> None:
        """Note that a part is written, so that no later run makes it again.

        Raises:
            OutputError: it cannot be noted.
        """
        with self._writing(), (self.parts / _DONE).open("a", encoding="utf-8") as file:
            file.write(_line(done))
            file.flush()
            os.fsync(file.fileno())

    def finish(self, job: Job, count: int) -> None:
        """Put ``count`` parts in the output's place.

        Raises:
            OutputError: they cannot be put there; they stay where they are.
        """
        with self._writing():
            self._put([job.part(number) for number in range(count)])

    def _put(self, parts: Sequence[Path]) -> None:
        if self.form == "jsonl":
            with replacing(self.path) as partial, partial.open("wb") as out:
                for part in parts:
                    with part.open("rb") as file:
                        shutil.copyfileobj(file, out, 1 << 20)
            shutil.rmtree(self.parts)
        else:
            names = {part.name for part in parts}
            for left in self.parts.iterdir():  # a process that was killed leaves its part half written
                if left.name not in {*names, _PLAN, _DONE}:
                    left.unlink()
            before = self.path.with_name(f"{self.path.name}.before")
            if self.path.exists():
                _remove(before)
                self.path.rename(before)
            self.parts.rename(self.path)  # at once, so that all parts are here or there, whatever happens
            for name in (_PLAN, _DONE):
                (self.path / name).unlink(missing_ok=True)
            _remove(before)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as problem:
            raise OutputError(
                f"{self.path}: cannot be written ({problem}); check the disk and the permissions, then go on with "
                "--resume"
            ) from None

    def _require_same(self, plan: Mapping[str, Any]) -> None:
        before = json.loads((self.parts / _PLAN).read_text(encoding="utf-8"))
        for key, value in plan.items():
            if before.get(key) != value:
                raise InputError(
                    f"--resume: {self.parts} was begun with other {key}; give the same inputs, model and options, "
                    "or start over without --resume"
                )

    def _done(self) -> Iterator[Done]:
        if not (self.parts / _DONE).is_file():
            return
        for line in (self.parts / _DONE).read_text(encoding="utf-8").split("\n"):
            try:
                yield Done(**json.loads(line))
            except (ValueError, TypeError):
                continue  # the last line, half written: its part is made again


def _plan(job: Job, sources: Sequence[Source], shards: Sequence[Shard]) -> dict[str, Any]:
    """What decides the output, in a form that can be compared."""
    config = json.dumps(find(job.model).config.to_dict(), sort_keys=True)
    stats = [(source, source.path.stat()) for source in sources if source.path]
    files = [[source.name, source.kind, stat.st_size, stat.st_mtime_ns] for source, stat in stats]
    options = [job.form, job.precision, job.max_characters, job.published]
    return {
        "inputs": [files, len(shards)],
        "model": hashlib.sha256(config.encode()).hexdigest(),
        "options": options,
    }


def _shards(sources: Sequence[Source]) -> Iterator[Shard]:
    """Slices in shards; many small ones, as of files with a text each, make one."""
    size = sum(source.path.stat().st_size for source in sources if source.path and source.kind == "jsonl")
    rows = sum(parquet.rows(source.path) for source in sources if source.path and source.kind == "parquet")
    most_bytes, most_rows = _within(size // _SHARDS, _BYTES), _within(rows // _SHARDS, _ROWS)
    number, group = 0, list[Slice]()
    for source in sources:
        for part in slices(source, most_bytes=most_bytes, most_rows=most_rows):
            if group and (len(group) == _TEXTS or part.source.kind != "text" or group[-1].source.kind != "text"):
                yield Shard(number, tuple(group))
                number, group = number + 1, []
            group.append(part)
    if group or not number:  # of nothing too there is an output
        yield Shard(number, tuple(group))


def _within(value: int, bounds: tuple[int, int]) -> int:
    return min(max(value, bounds[0]), bounds[1])


def _line(done: Done) -> str:
    return json.dumps(asdict(done), ensure_ascii=True) + "\n"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
