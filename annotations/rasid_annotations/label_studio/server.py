"""The server: the few things that Rasid asks of a Label Studio, through ``label-studio-sdk``.

https://api.labelstud.io lists the calls.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, cast

import httpx
from label_studio_sdk import LabelStudio
from label_studio_sdk.core.api_error import ApiError
from label_studio_sdk.core.request_options import RequestOptions

from rasid.errors import RasidError
from rasid_annotations.label_studio.transport import PatientTransport

if TYPE_CHECKING:
    from label_studio_sdk import ImportApiRequest, PredictionRequest

PAGE = 100
"""Tasks that are asked for at once: it bounds memory, on both sides."""

_TIMEOUT = 120.0  # seconds; a server on SQLite takes two for a hundred articles
_PATIENCE = 45.0
_ONCE: RequestOptions = {"max_retries": 0, "timeout_in_seconds": int(_TIMEOUT)}  # the transport repeats, nobody else


class ServerError(RasidError):
    """The server cannot be reached, does not let us in, or does not do what it was asked."""


class UnansweredError(ServerError):
    """A request that must not be sent twice got no answer: whether the server acted on it must be looked up."""


class StaleError(ServerError):
    """What was to be written to is not there any more."""


class TitleError(ServerError):
    """No project, or more than one, has the name that was given."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project: ``interface`` is its labelling interface (XML), ``model_version`` the suggestions that it shows."""

    id: int
    title: str
    interface: str
    model_version: str


class Server:
    """A Label Studio, and who we are there. A context manager that closes the connections."""

    def __init__(self, url: str, token: str, *, patience: float = _PATIENCE) -> None:
        """Log in.

        Args:
            url: like ``http://localhost:8080``, with its path where it has one.
            token: a personal access token or a legacy token, of the page *Account & Settings*.
            patience: seconds during which a request is tried again.

        Raises:
            ServerError: there is no Label Studio at that address, or the token is not valid there.
        """
        self.url = url.rstrip("/")
        if not self.url.startswith(("http://", "https://")):
            raise ServerError(f"{url!r} is no address of a Label Studio; write it like http://localhost:8080")
        if not token.strip() or not token.strip().isascii():
            raise ServerError(
                "the access token is empty or damaged; copy it anew from Label Studio, Account & Settings"
            )
        self._transport = PatientTransport(httpx.HTTPTransport(), patience=patience)
        self._http = httpx.Client(transport=self._transport, timeout=_TIMEOUT, follow_redirects=True)
        try:
            with self._told("logging in"):
                self._api = LabelStudio(  # type: ignore[no-untyped-call]
                    base_url=self.url, api_key=token.strip(), httpx_client=self._http
                )
                me = self._api.users.whoami(request_options=_ONCE)
        except BaseException:
            self._http.close()
            raise
        self.user: int = me.id
        self.email: str = str(me.email)

    @property
    def requests(self) -> int:
        """How many requests were sent."""
        return self._transport.requests

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def project(self, name: str) -> Project | None:
        """The project with this number or, else, this title; None where there is none.

        Raises:
            TitleError: several have this title.
        """
        with self._told(f"looking for project {name!r}"):
            if name.isascii() and name.isdigit():
                try:
                    return _project(self._api.projects.get(int(name), request_options=_ONCE))
                except ApiError as problem:
                    if problem.status_code != 404:
                        raise
                    return None
            listed: Iterable[Any] = self._api.projects.list(request_options=_ONCE)
            found = [project for project in listed if project.title == name]
            if len(found) > 1:
                numbers = ", ".join(str(project.id) for project in found)
                raise TitleError(f"{len(found)} projects are called {name!r}; name one by its number: {numbers}")
            return _project(self._api.projects.get(found[0].id, request_options=_ONCE)) if found else None

    def create_project(self, title: str, interface: str, guidelines: str) -> Project:
        """A new project; ``guidelines`` (HTML) is what the annotator's button *Instructions* shows."""
        with self._told(f"creating project {title!r}"):
            made: Any = self._api.projects.create(
                title=title,
                label_config=interface,
                expert_instruction=guidelines,
                show_collab_predictions=True,
                request_options=_ONCE,
            )
        return Project(int(made.id), title, interface, "")

    def update_project(self, project: Project, **changes: Any) -> None:
        """Change settings of a project: ``label_config``, ``expert_instruction``, ``model_version``."""
        with self._told(f"changing project {project.id}"):
            self._api.projects.update(project.id, request_options=_ONCE, **changes)

    def people(self) -> Mapping[int, str]:
        """The address of each annotator whom we may see, by number."""
        with self._told("listing the annotators"):
            try:
                return {user.id: str(user.email) for user in self._api.users.list(request_options=_ONCE)}
            except ApiError as problem:
                if problem.status_code != 403:
                    raise
                return {self.user: self.email}

    def task_numbers(self, project: Project) -> list[int]:
        """The numbers of all tasks."""
        return [task["id"] for task in self._listed(project, "id", page_size=10 * PAGE)]

    def task_data(self, project: Project) -> Iterator[tuple[int, Mapping[str, Any]]]:
        """Number and data of each task, page by page."""
        for task in self._listed(project, "id,data", page_size=PAGE):
            yield task["id"], task.get("data") or {}

    def tasks(self, project: Project, numbers: Sequence[int], fields: Iterable[str]) -> Iterator[dict[str, Any]]:
        """These tasks, with ``fields`` of their own and of what they hold; those that are gone are left out.

        They are asked for by number: pages of a list shift where a task is deleted meanwhile.
        """
        wanted = ",".join(("id", *fields))
        for start in range(0, len(numbers), PAGE):
            chosen = {"selectedItems": {"all": False, "included": list(numbers[start : start + PAGE])}}
            yield from self._listed(project, wanted, page_size=PAGE, query=json.dumps(chosen))

    def _listed(
        self, project: Project, include: str, *, page_size: int, query: str | None = None
    ) -> Iterator[dict[str, Any]]:
        number = 1
        while True:
            with self._told(f"listing the tasks of project {project.id}"):
                try:
                    page: Any = self._api.tasks.list(
                        project=project.id,
                        fields="all",
                        include=include,
                        page=number,
                        page_size=page_size,
                        query=query,
                        resolve_uri=False,
                        request_options=_ONCE,
                    )
                except ApiError as problem:
                    if problem.status_code == 404 and number > 1:  # tasks were deleted: there is no such page any more
                        return
                    raise
                # The library's types promise a string where the server sends a list: it warns of its own mistake.
                items = [item.model_dump(exclude_unset=True, warnings=False) for item in page.items or ()]
            yield from items
            if len(items) < page_size:
                return
            number += 1

    def import_tasks(self, project: Project, tasks: Sequence[Mapping[str, Any]]) -> list[int]:
        """Create tasks, all of them or none; their numbers.

        Raises:
            UnansweredError: it is not known whether they were created.
        """
        with self._told(f"sending {len(tasks)} article(s) to project {project.id}", once=True):
            made: Any = self._api.projects.import_tasks(
                project.id,
                request=cast("Sequence[ImportApiRequest]", tasks),
                return_task_ids=True,
                request_options=_ONCE,
            )
        numbers = list(getattr(made, "task_ids", None) or ())
        if len(numbers) != len(tasks):  # editions that import in the background
            raise UnansweredError(
                f"{self.url}: project {project.id}: the server does not say which tasks it has created"
            )
        return numbers

    def import_predictions(self, project: Project, predictions: Sequence[Mapping[str, Any]]) -> None:
        """Create predictions of tasks, all of them or none.

        Raises:
            UnansweredError: it is not known whether they were created.
            StaleError: one of the tasks is not there any more, or what is sent does not fit the labelling interface.
        """
        with self._told(f"sending suggestions to project {project.id}", once=True, stale=(400, 404)):
            self._api.projects.import_predictions(
                project.id, request=cast("Sequence[PredictionRequest]", predictions), request_options=_ONCE
            )

    def update_prediction(self, number: int, **changes: Any) -> None:
        """Change a prediction: ``result``, ``score``, ``model_version``."""
        with self._told(f"changing suggestion {number}", stale=(404,)):
            self._api.predictions.update(number, request_options=_ONCE, **changes)

    def delete_prediction(self, number: int) -> None:
        """Delete a prediction, if it is still there."""
        with self._told(f"deleting suggestion {number}"):
            _unless_gone(self._api.predictions.delete, number)

    def create_annotation(self, task: int, result: Sequence[Mapping[str, Any]], annotator: int) -> None:
        """Create an annotation as of this annotator.

        Raises:
            UnansweredError: it is not known whether it was created.
            StaleError: the task is not there any more.
        """
        with self._told(f"sending an annotation of task {task}", once=True, stale=(404,)):
            self._api.annotations.create(
                task, result=[dict(item) for item in result], completed_by=annotator, request_options=_ONCE
            )

    def delete_task(self, number: int) -> None:
        """Delete a task, if it is still there."""
        with self._told(f"deleting task {number}"):
            _unless_gone(self._api.tasks.delete, str(number))

    @contextmanager
    def _told(self, doing: str, *, once: bool = False, stale: Sequence[int] = ()) -> Iterator[None]:
        """Errors of the libraries, told with what was done, what the server said, and the remedy."""
        try:
            yield
        except httpx.TransportError as problem:
            if once and not isinstance(problem, httpx.ConnectError | httpx.ConnectTimeout):
                raise UnansweredError(f"{self.url}: {doing}: no answer ({_reason(problem)})") from None
            raise ServerError(
                f"{self.url} cannot be reached, {doing}: {_reason(problem)}; is Label Studio running there? "
                "Start it, or name another with --url, and run the command again: it goes on where it stopped"
            ) from None
        except ApiError as problem:
            status, said = problem.status_code or 0, _said(problem.body)
            if once and status >= 500 and status != 503:
                raise UnansweredError(f"{self.url}: {doing}: it answered {status} ({said})") from None
            kind = StaleError if status in stale else ServerError
            raise kind(f"{self.url}: {doing}: it answered {status} ({said}); {_remedy(status)}") from None
        except (httpx.InvalidURL, ValueError) as problem:  # no JSON: another program answers at that address
            if isinstance(problem, RasidError):
                raise
            raise ServerError(
                f"{self.url}: {doing}: the answer is not one of Label Studio ({type(problem).__name__}: "
                f"{str(problem)[:120]}); check the address"
            ) from None


def _project(found: Any) -> Project:
    return Project(int(found.id), str(found.title), found.label_config or "", found.model_version or "")


def _unless_gone(delete: Callable[..., Any], number: int | str) -> None:
    try:
        delete(number, request_options=_ONCE)
    except ApiError as problem:
        if problem.status_code != 404:
            raise


def _reason(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__


def _said(body: Any) -> str:
    if isinstance(body, Mapping):
        parts = [str(body["detail"])] if body.get("detail") else []
        if body.get("validation_errors"):
            parts.append(json.dumps(body["validation_errors"], ensure_ascii=False))
        body = ": ".join(parts) or json.dumps(body, ensure_ascii=False, default=str)
    return " ".join(str(body).split())[:400]


def _remedy(status: int) -> str:
    if status == 401:
        return (
            "the access token is not valid, or no longer: copy one anew from Label Studio, Account & Settings "
            "(a personal access token; legacy tokens work only where the organisation allows them)"
        )
    if status == 403:
        return "your account may not do that: ask an administrator of this Label Studio"
    if status == 404:
        return "is it a Label Studio, and is the project still there?"
    if status == 429 or status >= 500:
        return "run the command again later: it goes on where it stopped"
    return "mend what it says and run the command again"
