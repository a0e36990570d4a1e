"""Networks and servers that fail: nothing half-written on either side, and a rerun completes the work."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from annotation_samples import SCHEMA, sample
from test_label_studio import hard, plain, project_of, submit, tasks
from tests.faulty_proxy import Fault, FaultyProxy, Rule
from tests.label_studio_server import LabelStudioServer

from rasid.document import Document, read_documents, write_documents
from rasid_annotations.label_studio.pulling import pull, write
from rasid_annotations.label_studio.pushing import push
from rasid_annotations.label_studio.regions import regions
from rasid_annotations.label_studio.server import PAGE, Project, Server, ServerError

MANY = [replace(sample(), id=f"article {number}") for number in range(8)]  # three requests, as they are sent here
IMPORT = r"POST /api/projects/\d+/import\b"
PUSH = """
import os
from pathlib import Path
from rasid_annotations.corpus import load_corpus, load_schema
from rasid_annotations.label_studio.pushing import prepare, push
from rasid_annotations.label_studio.server import Server

with Server(os.environ["URL"], os.environ["TOKEN"]) as server:
    project = prepare(server, os.environ["PROJECT"], load_schema(), "")
    push(server, project, load_corpus([Path(os.environ["CORPUS"])]), load_schema(), batch=3)
"""


@pytest.fixture
def through(label_studio: LabelStudioServer, proxy: FaultyProxy) -> Iterator[Server]:
    """We, logged in through the bad network."""
    with Server(proxy.url, label_studio.token, patience=10) as server:
        proxy.seen.clear()
        yield server


def names(server: Server, project: Project) -> list[str]:
    return sorted(task["data"]["id"] for task in tasks(server, project))


def jwt(claims: dict[str, Any]) -> str:
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in parts) + ".c2ln"


def test_both_kinds_of_tokens(label_studio: LabelStudioServer) -> None:
    for token in (label_studio.token, label_studio.legacy_token, f" {label_studio.token}\n"):
        with Server(label_studio.url, token, patience=0) as server:
            assert server.email == "annotator@example.com"


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("0" * 40, "401 (Invalid token.)"),
        (jwt({"token_type": "refresh", "exp": 1_700_000_000}), "expired"),
        (jwt({"token_type": "refresh", "exp": 8_000_000_000}), "401"),
        (jwt({"token_type": "refresh"}), "401"),
        ("  ", "empty or damaged"),
        ("رمز", "empty or damaged"),
    ],
    ids=["wrong", "expired", "forged", "without an end", "empty", "not ASCII"],
)
def test_tokens_that_do_not_let_us_in(label_studio: LabelStudioServer, token: str, told: str) -> None:
    with pytest.raises(ServerError) as caught:
        Server(label_studio.url, token, patience=0)
    assert told in str(caught.value)
    assert "Account & Settings" in str(caught.value)
    assert token.strip() == "" or token not in str(caught.value)


def test_a_legacy_token_that_the_organisation_forbids(label_studio: LabelStudioServer) -> None:
    label_studio.allow_legacy_tokens(False)
    try:
        with pytest.raises(ServerError, match="legacy token authentication has been disabled"):
            Server(label_studio.url, label_studio.legacy_token, patience=0)
    finally:
        label_studio.allow_legacy_tokens(True)


def test_an_address_where_nobody_answers() -> None:
    with pytest.raises(ServerError, match=r"cannot be reached.*is Label Studio running there"):
        Server("http://127.0.0.1:1", "token", patience=0)
    with pytest.raises(ServerError, match="no address of a Label Studio"):
        Server("localhost:8080", "token", patience=0)


def test_an_address_where_another_program_answers(tmp_path: Path) -> None:
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as other:
        assert other.stdout is not None
        port = other.stdout.readline().split(" port ")[1].split()[0]
        with pytest.raises(ServerError, match=r"404|not one of Label Studio"):
            Server(f"http://127.0.0.1:{port}", "token", patience=0)
        other.terminate()


@pytest.mark.parametrize(
    "fault", ["lose the request", "lose the answer", "cut the answer", "broken", "busy", "too many"]
)
def test_a_push_through_a_bad_network_is_whole_and_sends_nothing_twice(
    server: Server, through: Server, proxy: FaultyProxy, title: str, fault: Fault
) -> None:
    project = project_of(server, title)
    proxy.rules = [Rule(IMPORT, fault, after=1), Rule(r"GET /api/tasks", fault, times=2)]
    push(through, project, MANY, SCHEMA, batch=3)
    assert names(server, project) == sorted(document.id for document in MANY)
    assert all(len(task["predictions"]) == 1 for task in tasks(server, project))


@pytest.mark.parametrize("fault", ["lose the answer", "broken"])
def test_further_suggestions_and_annotations_come_once(
    server: Server, through: Server, proxy: FaultyProxy, title: str, fault: Fault
) -> None:
    project = project_of(server, title)
    push(server, project, MANY[:3], SCHEMA, kind="nothing")
    proxy.rules = [Rule(r"POST .*/import/predictions", fault), Rule(r"POST /api/tasks/\d+/annotations", fault)]
    push(through, project, MANY[:3], SCHEMA)
    push(through, project, MANY[:3], SCHEMA, kind="annotations")
    found = tasks(server, project)
    assert [(len(task["predictions"]), len(task["annotations"])) for task in found] == [(1, 1)] * 3


def test_a_push_that_was_given_up_is_completed_by_the_next(
    server: Server, through: Server, proxy: FaultyProxy, title: str, label_studio: LabelStudioServer
) -> None:
    project = project_of(server, title)
    proxy.rules = [Rule(IMPORT, "too many", times=1000, after=1)]
    with (
        Server(proxy.url, label_studio.token, patience=0) as hasty,
        pytest.raises(ServerError, match=r"429.*goes on where it stopped"),
    ):
        push(hasty, project, MANY, SCHEMA, batch=3)
    assert 0 < len(names(server, project)) < len(MANY)
    proxy.rules = []
    done = push(through, project, MANY, SCHEMA, batch=3)
    assert done.created + done.unchanged == len(MANY)
    assert names(server, project) == sorted(document.id for document in MANY)


def test_a_killed_push_is_completed_by_the_next(
    server: Server, proxy: FaultyProxy, title: str, label_studio: LabelStudioServer, tmp_path: Path
) -> None:
    corpus = tmp_path / "corpus.jsonl"
    write_documents(corpus, MANY)
    project = project_of(server, title)
    environment = os.environ | {"URL": proxy.url, "TOKEN": label_studio.token, "PROJECT": title, "CORPUS": str(corpus)}
    with subprocess.Popen([sys.executable, "-c", PUSH], env=environment) as process:
        proxy.rules = [Rule(IMPORT, process.kill, after=1)]
        process.wait()
    time.sleep(1)  # the server may still be at work on what it got
    assert len(names(server, project)) < len(MANY)
    subprocess.run([sys.executable, "-c", PUSH], env=environment, check=True)
    assert names(server, project) == sorted(document.id for document in MANY)


def test_a_task_that_is_deleted_while_it_is_written_to(
    server: Server, through: Server, proxy: FaultyProxy, title: str
) -> None:
    project = project_of(server, title)
    push(server, project, MANY[:3], SCHEMA, kind="nothing")
    first, second, _ = (task["id"] for task in tasks(server, project))
    proxy.rules = [
        Rule(r"POST .*/import/predictions", lambda: server.delete_task(first)),
        Rule(r"POST /api/tasks/\d+/annotations", lambda: server.delete_task(second), after=1),
    ]
    push(through, project, MANY[:3], SCHEMA)
    push(through, project, MANY[:3], SCHEMA, kind="annotations")
    found = tasks(server, project)
    assert sorted(task["data"]["id"] for task in found) == sorted(document.id for document in MANY[:3])
    assert all(len(task["annotations"]) == 1 for task in found)


def test_tasks_that_are_deleted_during_a_pull_cost_no_others(
    server: Server, through: Server, proxy: FaultyProxy, title: str
) -> None:
    project = project_of(server, title)
    many = [Document(f"{number:03}", f"خبر رقم {number}") for number in range(PAGE + 3)]
    push(server, project, many, SCHEMA, kind="annotations", batch=PAGE)
    gone = server.task_numbers(project)[:3]

    def delete() -> None:
        for number in gone:
            server.delete_task(number)

    proxy.rules = [Rule(r"GET /api/tasks/.*selectedItems", delete, after=1)]  # after the first page
    found = [item.document.id for item in pull(through, project, SCHEMA)]
    assert found == [document.id for document in many]


@pytest.mark.parametrize("fault", ["lose the answer", "cut the answer", "broken", "busy"])
def test_a_pull_through_a_bad_network_is_whole(
    server: Server, through: Server, proxy: FaultyProxy, title: str, fault: Fault
) -> None:
    project = project_of(server, title)
    push(server, project, [sample(), hard()], SCHEMA, kind="annotations")
    proxy.rules = [Rule("GET /api/", fault, times=2)]
    assert [plain(item.document) for item in pull(through, project, SCHEMA)] == [sample(), hard()]


def test_a_pull_that_fails_leaves_the_files_as_they_were(
    server: Server, proxy: FaultyProxy, label_studio: LabelStudioServer, title: str, tmp_path: Path
) -> None:
    project = project_of(server, title)
    push(server, project, MANY, SCHEMA, kind="annotations", batch=3)
    write(pull(server, project, SCHEMA), tmp_path, {})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    push(server, project, [hard()], SCHEMA, kind="annotations")
    proxy.rules = [Rule(r"GET /api/tasks/.*selectedItems", "broken", times=1000)]
    with (
        Server(proxy.url, label_studio.token, patience=0) as hasty,
        pytest.raises(ServerError, match=r"500.*injected"),
    ):
        write(pull(hasty, project, SCHEMA), tmp_path, {})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    proxy.rules = []
    write(pull(server, project, SCHEMA), tmp_path, {})
    assert len(list(read_documents(tmp_path / "annotator@example.com.jsonl"))) == len(MANY) + 1


def test_one_article_in_two_tasks(server: Server, title: str) -> None:
    project = project_of(server, title)
    data = {"id": "zahra", "text": sample().text}
    one, two = server.import_tasks(project, [{"data": data}, {"data": data}])
    for task in (one, two):
        submit(server, task, regions(sample(), SCHEMA))
    first, second = pull(server, project, SCHEMA)
    assert first.problems == ()
    assert f"tasks {one} and {two} hold this article" in second.problems[0]
