"""Pulling: what annotators have completed, back into documents, every annotator's apart."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from rasid.document import Document, dumps
from rasid.errors import InputError, RasidError
from rasid.files import replacing, write_json
from rasid.schema import Schema
from rasid_annotations.label_studio.interface import missing
from rasid_annotations.label_studio.pushing import mismatch
from rasid_annotations.label_studio.regions import ANNOTATION, bare
from rasid_annotations.label_studio.results import annotated
from rasid_annotations.label_studio.server import Project, Server

MANIFEST = "pull.json"
_FIELDS = (
    *("data", "annotations", "result", "completed_by", "was_cancelled", "ground_truth"),
    *("created_at", "updated_at", "lead_time", "parent_prediction"),
)
_SUGGESTED = ("predictions", "model_version", "score")


class PullError(RasidError, ValueError):
    """What a project holds cannot be read back."""


@dataclass(frozen=True, slots=True)
class Pulled:
    """A document as one annotator completed it, or as a model suggested it.

    Attributes:
        document: its ``extra`` holds, under ``annotation``, who annotated it, when, how long it took (seconds), and how
            many regions were drawn by hand, accepted, or accepted and changed.
        source: the annotator's address, or the version of the suggestions.
        kind: ``annotation``, ``skipped`` or ``suggestion``.
        problems: what could not be taken over, each with the article and the task.
    """

    document: Document
    source: str
    kind: str
    problems: tuple[str, ...]


def pull(server: Server, project: Project, schema: Schema, *, suggestions: bool = False) -> Iterator[Pulled]:
    """All completed annotations of a project, task by task, in memory that does not grow with their number.

    Of two annotations of one task by one annotator the later one counts. Drafts that nobody has submitted are left out.

    Args:
        server: where.
        project: in which.
        schema: what the labelling interface was made for.
        suggestions: give the predictions too.

    Raises:
        PullError: the labelling interface does not fit the schema.
        ServerError: the server fails.
    """
    lacks = missing(project.interface, schema)
    if lacks:
        raise PullError(mismatch(project, lacks))
    people = server.people()
    numbers = server.task_numbers(project)
    seen: dict[tuple[str, str, str], int] = {}
    for task in server.tasks(project, numbers, (*_FIELDS, *(_SUGGESTED if suggestions else ()))):
        for pulled in _of_task(task, people, schema, suggestions=suggestions):
            key = pulled.kind, pulled.source, pulled.document.id
            other = seen.setdefault(key, task["id"])
            if other != task["id"]:
                problem = (
                    f"{pulled.document.id}: tasks {other} and {task['id']} hold this article, both annotated by "
                    f"{pulled.source}; the second is left out: delete the one that is wrong"
                )
                yield replace(pulled, kind="double", problems=(problem,))
            else:
                yield pulled


def _of_task(
    task: Mapping[str, Any], people: Mapping[int, str], schema: Schema, *, suggestions: bool
) -> Iterator[Pulled]:
    work = list(task.get("annotations") or ())
    try:
        document = bare(task.get("data") or {})
    except (KeyError, TypeError):
        if work:
            problem = f"task {task['id']}: its data is no article of Rasid (keys id and text); it was not sent by push"
            yield Pulled(Document(f"task {task['id']}", ""), "", "foreign", (problem,))
        return
    latest: dict[str, Mapping[str, Any]] = {}
    for annotation in sorted(work, key=lambda a: str(a.get("updated_at") or "")):
        latest[_name(annotation.get("completed_by"), people)] = annotation
    for annotator, annotation in latest.items():
        reading = annotated(document, annotation.get("result"), schema)
        problems = tuple(f"{document.id}: task {task['id']}, {annotator}: {problem}" for problem in reading.problems)
        told = _told(task, annotation, annotator) | ({"problems": list(reading.problems)} if problems else {})
        kind = "skipped" if annotation.get("was_cancelled") else "annotation"
        extra = dict(reading.document.extra) | {ANNOTATION: told}
        yield Pulled(replace(reading.document, extra=extra), annotator, kind, problems)
    for prediction in (task.get("predictions") or ()) if suggestions else ():
        reading = annotated(document, prediction.get("result"), schema, scores=True)
        problems = tuple(f"{document.id}: task {task['id']}, suggestion: {problem}" for problem in reading.problems)
        yield Pulled(reading.document, str(prediction.get("model_version") or "unnamed"), "suggestion", problems)


def _told(task: Mapping[str, Any], annotation: Mapping[str, Any], annotator: str) -> dict[str, Any]:
    regions = [
        item for item in annotation.get("result") or () if isinstance(item, dict) and item.get("type") == "labels"
    ]
    return {
        "annotator": annotator,
        "task": task["id"],
        "number": annotation.get("id"),
        "created": _stamp(annotation.get("created_at")),
        "updated": _stamp(annotation.get("updated_at")),
        "lead_time": annotation.get("lead_time"),
        "skipped": bool(annotation.get("was_cancelled")),
        "ground_truth": bool(annotation.get("ground_truth")),
        "from_suggestion": annotation.get("parent_prediction") is not None,
        "regions": dict(Counter(str(region.get("origin") or "sent") for region in regions)),
    }


def _stamp(value: Any) -> str | None:
    return None if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


def _name(person: Any, people: Mapping[int, str]) -> str:
    if isinstance(person, Mapping):
        return str(person.get("email") or people.get(person.get("id", -1)) or f"user-{person.get('id')}")
    return people.get(person) or f"user-{person}"


@dataclass(slots=True)
class Files:
    """What a pull wrote: how many documents each file holds, by its name in the folder, and the problems."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def write(pulled: Iterator[Pulled], folder: Path, about: Mapping[str, Any]) -> Files:
    """Write ``ANNOTATOR.jsonl``, ``skipped/ANNOTATOR.jsonl`` and ``suggestions/VERSION.jsonl`` into ``folder``.

    All files are written, or none. Files that an earlier pull has written there, and this one has nothing for, are
    removed; any other is left alone.

    Raises:
        InputError: the folder's record of an earlier pull is damaged.
        OutputError: a file cannot be written.
    """
    before = _written(folder)
    files = Files()
    with ExitStack() as stack:
        open_files: dict[tuple[str, str], tuple[str, TextIO]] = {}
        for item in pulled:
            files.problems += item.problems
            if item.kind not in ("annotation", "skipped", "suggestion"):
                continue
            key = item.kind, item.source
            if key not in open_files:
                name = _file_name(item, files.counts)
                partial = stack.enter_context(replacing(folder / name))
                open_files[key] = name, stack.enter_context(partial.open("w", encoding="utf-8", newline="\n"))
            name, file = open_files[key]
            file.write(dumps(item.document) + "\n")
            files.counts[name] = files.counts.get(name, 0) + 1
    for name in before - files.counts.keys():
        (folder / name).unlink(missing_ok=True)
    write_json(folder / MANIFEST, dict(about) | {"files": files.counts, "problems": files.problems})
    return files


def _file_name(item: Pulled, taken: Container[str]) -> str:
    folder = {"annotation": "", "skipped": "skipped/", "suggestion": "suggestions/"}[item.kind]
    stem = folder + (re.sub(r"[^\w.@+-]", "_", item.source).lstrip(".") or "_")
    numbered = (f"{stem}-{number}.jsonl" for number in itertools.count(2))
    return next(name for name in itertools.chain([f"{stem}.jsonl"], numbered) if name not in taken)


def _written(folder: Path) -> set[str]:
    path = folder / MANIFEST
    if not path.exists():
        return set()
    try:
        names = json.loads(path.read_text(encoding="utf-8"))["files"]
        inside = {name for name in names if (folder / name).resolve().is_relative_to(folder.resolve())}
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputError(f"{path} is damaged ({problem}); remove it, or name another folder") from None
    return inside
