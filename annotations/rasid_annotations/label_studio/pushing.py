"""Pushing: documents to a project of Label Studio, as often as one likes.

An article is known by its id. What is already there is left as it is or brought up to date, never sent twice, and
nothing that a person has made is touched.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from rasid.document import Document, Entity, Event
from rasid.errors import RasidError
from rasid.schema import Schema
from rasid_annotations.label_studio.interface import TEXT, labelling_interface, missing
from rasid_annotations.label_studio.regions import RegionError, Result, regions, task_data
from rasid_annotations.label_studio.server import Project, Server, StaleError, UnansweredError

Kind = Literal["suggestions", "annotations", "nothing"]
"""As what the annotations of a document are sent: for annotators to correct, as work done, or not at all."""

_TRIES = 5
_EMPTY = {"", "<View></View>", "<View/>"}  # the interface of a project that nobody has set up


class PushError(RasidError, ValueError):
    """Documents that cannot be sent; all of them are told, and nothing was sent."""


@dataclass(slots=True)
class Pushed:
    """What a push did, in articles: ``created`` tasks, suggestions ``added`` to tasks that were there or ``updated``,
    ``annotated`` ones, those that were ``unchanged``, and those ``kept`` because the annotator has work there."""

    created: int = 0
    added: int = 0
    updated: int = 0
    annotated: int = 0
    unchanged: int = 0
    kept: int = 0

    def __str__(self) -> str:
        return ", ".join(f"{getattr(self, field.name)} {field.name}" for field in fields(self))


@dataclass(frozen=True, slots=True)
class _Article:
    document: Document
    result: Result
    score: float | None


def prepare(
    server: Server, title: str, schema: Schema, guidelines: str, *, renew: bool = False, adjudication: bool = False
) -> Project:
    """The project with this title or number, created where there is none, with a labelling interface for ``schema``.

    Args:
        server: where.
        title: of the project, or its number.
        schema: what annotators are to label.
        guidelines: HTML that the button *Instructions* shows.
        renew: put interface and guidelines in place whatever is there.
        adjudication: of a project that is created, show what is open between annotators too.

    Raises:
        PushError: the interface was changed so that it cannot hold the schema, and is not to be replaced.
        ServerError: the server fails, or there is no project with this number.
    """
    interface = labelling_interface(schema, adjudication=adjudication)
    project = server.project(title)
    if project is None:
        if title.isascii() and title.isdigit():
            raise PushError(f"{server.url} has no project {title}; give the title of one to be created")
        return server.create_project(title, interface, guidelines)
    lacks = missing(project.interface, schema)
    if renew or lacks:
        if not renew and "".join(project.interface.split()) not in _EMPTY:
            raise PushError(mismatch(project, lacks) + "; --renew-interface puts the generated one in its place")
        server.update_project(project, label_config=interface, expert_instruction=guidelines)
        return Project(project.id, project.title, interface, project.model_version)
    return project


def mismatch(project: Project, lacks: Sequence[str]) -> str:
    """The message about a project whose labelling interface cannot hold the schema."""
    shown = "; ".join(lacks[:5]) + (f"; and {len(lacks) - 5} more" if len(lacks) > 5 else "")
    return (
        f"project {project.id} ({project.title!r}): its labelling interface does not fit the schema: {shown}. "
        "Mend it in Label Studio, or name the schema that it was made for with --schema"
    )


def push(
    server: Server,
    project: Project,
    documents: Sequence[Document],
    schema: Schema,
    *,
    kind: Kind = "suggestions",
    version: str = "suggested",
    annotator: int | None = None,
    batch: int = 50,
) -> Pushed:
    """Send documents. An interrupted push is completed by the same call.

    Args:
        server: where.
        project: in which (:func:`prepare`).
        documents: each id once.
        schema: the types of the documents.
        kind: as what their annotations are sent.
        version: the name under which suggestions are kept; those of the same name are brought up to date.
        annotator: as whose work annotations are sent; None is the user of the access token.
        batch: articles a request; fifty are some 2 MB with suggestions, and a second of a server on SQLite.

    Raises:
        PushError: documents cannot be sent; nothing was.
        ServerError: the server fails; what it has taken stays, and the same call goes on from there.
    """
    unfit = []
    for document in documents:
        try:
            _article(document, schema, kind)  # made again when it is sent: all regions at once would fill memory
        except PushError as problem:
            unfit.append(str(problem))
    if unfit:
        raise PushError("\n".join(unfit))
    tasks = _Tasks(server, project)
    problems = [
        f"{document.id}: task {tasks.number[document.id]} holds another text under this id; offsets would be wrong: "
        "give the article another id, or delete the task"
        for document in documents
        if document.id in tasks.text and tasks.text[document.id] != hash(document.text)
    ]
    if problems:
        raise PushError("\n".join(problems))
    worker = _Push(server, project, tasks, kind, version, server.user if annotator is None else annotator)
    for start in range(0, len(documents), batch):
        worker.batch([_article(document, schema, kind) for document in documents[start : start + batch]])
    if worker.doubtful:
        tasks.refresh()
        tasks.drop_doubles(worker.doubtful)
    if kind == "suggestions" and project.model_version != version and any(_has_any(d) for d in documents):
        server.update_project(project, model_version=version)  # annotators are shown the suggestions of this name
    return worker.done


def _article(document: Document, schema: Schema, kind: Kind) -> _Article:
    shown = document if kind != "nothing" else Document(document.id, document.text, document.published)
    try:
        result = regions(shown, schema)
    except RegionError as error:
        raise PushError(str(error)) from None
    items: tuple[Entity | Event, ...] = (*shown.entities, *shown.events)
    scores = [item.score for item in items if item.score is not None]
    return _Article(document, result, sum(scores) / len(scores) if scores else None)


class _Tasks:
    """The tasks of a project by the ids of their articles; of each text no more than its hash is kept."""

    def __init__(self, server: Server, project: Project) -> None:
        self._server, self._project = server, project
        self.refresh()

    def refresh(self) -> None:
        self.number: dict[str, int] = {}
        self.text: dict[str, int] = {}
        self._doubles: dict[str, list[int]] = {}
        for number, data in self._server.task_data(self._project):
            name, text = data.get("id"), data.get(TEXT)
            if isinstance(name, str) and isinstance(text, str):
                first = self.number.setdefault(name, number)
                self.text.setdefault(name, hash(text))
                if first != number:
                    self._doubles.setdefault(name, []).append(number)

    def drop_doubles(self, doubtful: Iterable[str]) -> None:
        """Delete second tasks of articles that were sent again for want of an answer, if nobody has worked there."""
        seconds = [number for name in doubtful for number in self._doubles.get(name, ())]
        for task in self._server.tasks(self._project, seconds, ("annotations", "drafts")):
            if not task.get("annotations") and not task.get("drafts"):
                self._server.delete_task(task["id"])


class _Push:
    """One push: rounds over a few articles, each of which may be repeated, for it first looks what is there."""

    def __init__(
        self, server: Server, project: Project, tasks: _Tasks, kind: Kind, version: str, annotator: int
    ) -> None:
        self.outcomes: dict[str, str] = {}
        self.doubtful: set[str] = set()
        self._server, self._project, self._tasks = server, project, tasks
        self._kind, self._version, self._annotator = kind, version, annotator

    @property
    def done(self) -> Pushed:
        return Pushed(**Counter(self.outcomes.values()))

    def batch(self, articles: Sequence[_Article]) -> None:
        """Send a few articles; where an answer is lost, or a task deleted meanwhile, look again what is there."""
        for attempt in range(_TRIES):
            try:
                self._round(articles)
                return
            except (UnansweredError, StaleError) as problem:
                if attempt == _TRIES - 1:
                    raise
                if isinstance(problem, UnansweredError):
                    self.doubtful |= {article.document.id for article in articles}
                time.sleep(0.5 * 2**attempt)
                self._tasks.refresh()

    def _round(self, articles: Sequence[_Article]) -> None:
        known = [article for article in articles if article.document.id in self._tasks.number]
        there = self._there(known) if known and self._kind != "nothing" else {}
        if self._kind == "nothing":
            new = [article for article in articles if article not in known]
        else:
            new = [article for article in articles if article.document.id not in there]
        if new:
            self._create(new)
        for article in known:
            self._note(article, "unchanged")
        old = [(article, there[article.document.id]) for article in known if article.document.id in there]
        if self._kind == "suggestions":
            self._suggest(old)
        elif self._kind == "annotations":
            self._annotate(old)

    def _there(self, articles: Sequence[_Article]) -> Mapping[str, Mapping[str, Any]]:
        """The tasks of articles with what they hold, without those that were deleted meanwhile."""
        held = (
            ("predictions", "result", "score", "model_version")
            if self._kind == "suggestions"
            else ("annotations", "result", "completed_by")
        )
        numbers = {self._tasks.number[article.document.id]: article.document.id for article in articles}
        return {numbers[task["id"]]: task for task in self._server.tasks(self._project, list(numbers), held)}

    def _note(self, article: _Article, outcome: str) -> None:
        """What became of an article; that a repeated round finds it done is no news."""
        if outcome != "unchanged" or article.document.id not in self.outcomes:
            self.outcomes[article.document.id] = outcome

    def _create(self, articles: Sequence[_Article]) -> None:
        tasks: list[dict[str, Any]] = []
        for article in articles:
            task: dict[str, Any] = {"data": task_data(article.document)}
            if self._kind == "suggestions" and _has_any(article.document):
                task["predictions"] = [self._prediction(article)]
            elif self._kind == "annotations":
                by = {"completed_by": self._annotator, "ground_truth": False}
                task["annotations"] = [{"result": article.result} | by]
            tasks.append(task)
            self._note(article, "created")
        for article, number in zip(articles, self._server.import_tasks(self._project, tasks), strict=True):
            self._tasks.number[article.document.id] = number

    def _prediction(self, article: _Article) -> dict[str, Any]:
        return {"model_version": self._version, "result": article.result} | (
            {} if article.score is None else {"score": article.score}
        )

    def _suggest(self, old: Sequence[tuple[_Article, Mapping[str, Any]]]) -> None:
        new: list[dict[str, Any]] = []
        for article, task in old:
            ours = [p for p in task.get("predictions") or () if p.get("model_version") == self._version]
            for double in ours[1:]:  # an answer that was lost
                self._server.delete_prediction(double["id"])
            if not _has_any(article.document):
                continue
            if not ours:
                new.append({"task": task["id"]} | self._prediction(article))
                self._note(article, "added")
            elif ours[0].get("result") != article.result:
                self._server.update_prediction(ours[0]["id"], result=article.result, score=article.score)
                self._note(article, "updated")
        if new:
            self._server.import_predictions(self._project, new)

    def _annotate(self, old: Sequence[tuple[_Article, Mapping[str, Any]]]) -> None:
        for article, task in old:
            theirs = [a for a in task.get("annotations") or () if _person(a) == self._annotator]
            if not theirs:
                self._server.create_annotation(task["id"], article.result, self._annotator)
                self._note(article, "annotated")
            elif all(annotation.get("result") != article.result for annotation in theirs):
                self._note(article, "kept")


def _has_any(document: Document) -> bool:
    return bool(document.entities or document.events)


def _person(annotation: Mapping[str, Any]) -> Any:
    by = annotation.get("completed_by")
    return by.get("id") if isinstance(by, Mapping) else by
