"""The ML backend: a real Label Studio asks it for suggestions and tells it to train."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from annotation_samples import SCHEMA
from test_label_studio import SEEDS, project_of, pulled

from rasid.errors import RasidError
from rasid.predictor import Predictor
from rasid_annotations.label_studio.backend import Backend, serve
from rasid_annotations.label_studio.pushing import push
from rasid_annotations.label_studio.server import Server


class Model:
    """The shipped model under a version that changes each time it is loaded."""

    def __init__(self) -> None:
        self.loaded = 0
        self.predictor = Predictor.load()

    def __call__(self) -> tuple[Predictor, str]:
        self.loaded += 1
        return self.predictor, f"model {self.loaded}"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def backend(tmp_path: Path, lines: list[str]) -> Backend:
    code = f"import os; open({str(tmp_path / 'trained')!r}, 'w').write(os.environ['LABEL_STUDIO_PROJECT'])"
    return Backend(Model(), command=[sys.executable, "-c", code], tell=lines.append)


@pytest.fixture
def address(backend: Backend) -> Iterator[str]:
    with serve(backend, "127.0.0.1", 0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def until(condition: object) -> None:
    for _ in range(100):
        if callable(condition) and condition():
            return
        time.sleep(0.1)
    pytest.fail("it did not happen within ten seconds")


def test_label_studio_gets_suggestions_and_starts_a_training(
    server: Server, title: str, address: str, backend: Backend, tmp_path: Path
) -> None:
    project = project_of(server, title)
    articles = [replace(document, entities=(), events=()) for document in SEEDS[:2]]
    push(server, project, articles, SCHEMA, kind="nothing")
    connected = server._api.ml.create(url=address, project=project.id, title="Rasid")
    server._api.actions.create(id="retrieve_tasks_predictions", project=project.id, selected_items={"all": True})
    found = pulled(server, project, suggestions=True)
    assert [item.source for item in found] == ["model 1"] * 2
    expected = list(Predictor.load().stream_documents(articles))
    assert [item.document for item in found] == expected

    assert connected.id is not None
    server._api.ml.train(connected.id)
    until(lambda: backend.version == "model 2")
    assert (tmp_path / "trained").read_text() == str(project.id)


def test_what_the_protocol_asks_for(address: str, lines: list[str]) -> None:
    assert httpx.get(f"{address}/health").json()["status"] == "UP"
    assert httpx.post(f"{address}/setup", json={"project": "1.2"}).json() == {"model_version": "model 1"}
    tasks = [
        {"id": 1, "data": {"text": "قتل 7 مدنيين في دمشق"}},
        {"id": 2, "data": {"text": " "}},
        {"id": 3, "data": {}},
    ]
    results = httpx.post(f"{address}/predict", json={"tasks": tasks}).json()["results"]
    assert [bool(result["result"]) for result in results] == [True, False, False]
    assert any("task 2" in line for line in lines)
    assert httpx.post(f"{address}/webhook", json={"action": "ANNOTATION_CREATED"}).json() == {"status": "noted"}
    assert httpx.post(f"{address}/predict", content=b"{").status_code == 400
    assert httpx.post(f"{address}/predict", json=[1]).status_code == 400
    assert httpx.get(f"{address}/other").status_code == 404


def test_a_training_that_fails_leaves_the_model(lines: list[str]) -> None:
    backend = Backend(Model(), command=[sys.executable, "-c", "raise SystemExit(3)"], tell=lines.append)
    assert backend.train("1") == "training started"
    until(lambda: any("status 3" in line for line in lines))
    assert backend.version == "model 1"
    until(lambda: backend.train("1") == "training started")  # and may be tried again


def test_one_training_at_a_time(lines: list[str]) -> None:
    backend = Backend(Model(), command=[sys.executable, "-c", "import time; time.sleep(1)"], tell=lines.append)
    assert backend.train("1") == "training started"
    assert backend.train("1") == "a training is under way"


def test_without_a_command_the_button_says_so(lines: list[str]) -> None:
    assert "--on-training" in Backend(Model(), tell=lines.append).train("1")


def test_an_address_that_is_taken(address: str, backend: Backend) -> None:
    with pytest.raises(RasidError, match="name another --host or --port"):
        serve(backend, "127.0.0.1", int(address.rpartition(":")[2]))
