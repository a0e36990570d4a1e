"""The ML backend: the server that Label Studio asks for suggestions, and tells when a model is to be trained.

The protocol is the one of https://labelstud.io/guide/ml_create: ``GET /health``, ``POST /setup``, ``POST /predict``,
``POST /webhook``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rasid.document import Document
from rasid.errors import RasidError
from rasid.predictor import Predictor
from rasid_annotations.label_studio.interface import TEXT
from rasid_annotations.label_studio.regions import RegionError, regions

PROJECT = "LABEL_STUDIO_PROJECT"
"""The environment variable that tells a training command the number of the project."""

_LARGEST = 256 * 1024 * 1024  # bytes of a request, as Label Studio itself takes
_TRAIN = "START_TRAINING"


class Backend:
    """What answers Label Studio: a model, and a command that makes a new one.

    Attributes:
        version: of the model that answers.
    """

    def __init__(
        self,
        load: Callable[[], tuple[Predictor, str]],
        *,
        command: Sequence[str] = (),
        tell: Callable[[str], None] = print,
    ) -> None:
        """
        Args:
            load: gives the predictor and its version; asked again after a training.
            command: trains, on the button *Start training*; without one the button does nothing.
            tell: takes one line for people.

        Raises:
            ModelError: the model cannot be loaded.
        """
        self._load, self._command, self._tell = load, list(command), tell
        self._predicting, self._training = threading.Lock(), threading.Lock()
        self._predictor, self.version = load()

    def predict(self, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """A prediction for each task; an empty one where its text cannot be read."""
        with self._predicting:
            predictor, version = self._predictor, self.version
            articles = [_article(task) for task in tasks]
            found = list(predictor.stream_documents(articles))
        return [self._shown(document, predictor, version) for document in found]

    def _shown(self, document: Document, predictor: Predictor, version: str) -> dict[str, Any]:
        try:
            result = [] if document.error else regions(document, predictor.config.schema)
        except RegionError as problem:
            result, document = [], Document(document.id, document.text, error=str(problem))
        if document.error:
            self._tell(document.error)
        scores = [float(item["score"]) for item in result if item["type"] == "labels"]
        return {"result": result, "model_version": version, "score": sum(scores) / len(scores) if scores else 0.0}

    def train(self, project: str) -> str:
        """Start the training command beside what goes on; what became of the wish, in words."""
        if not self._command:
            return "no training command; start with --on-training"
        if not self._training.acquire(blocking=False):
            return "a training is under way"
        threading.Thread(target=self._trained, args=(project,), daemon=True).start()
        return "training started"

    def _trained(self, project: str) -> None:
        try:
            self._tell(f"training for project {project}: {' '.join(self._command)}")
            status = subprocess.run(self._command, env=os.environ | {PROJECT: project}, check=False).returncode
            if status:
                self._tell(f"the training command ended with status {status}; the model stays as it was")
                return
            predictor, version = self._load()
            with self._predicting:
                self._predictor, self.version = predictor, version
            self._tell(f"model {version} answers from now on")
        except (OSError, RasidError) as problem:
            self._tell(f"the model stays as it was: {problem}")
        finally:
            self._training.release()


def _article(task: Mapping[str, Any]) -> Document:
    data = task.get("data") or {}
    text = data.get(TEXT)
    return Document(str(data.get("id") or f"task {task.get('id')}"), text if isinstance(text, str) else "")


def serve(backend: Backend, host: str, port: int) -> ThreadingHTTPServer:
    """A server of the backend; its ``serve_forever`` answers until ``shutdown``.

    Raises:
        RasidError: the address is taken.
    """
    try:
        server = ThreadingHTTPServer((host, port), _handler(backend))
    except OSError as problem:
        raise RasidError(
            f"{host}:{port} cannot be served ({problem.strerror}); name another --host or --port"
        ) from None
    server.daemon_threads = True
    return server


def _handler(backend: Backend) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if self.path in ("/", "/health"):
                self._answer(200, {"status": "UP", "model_class": "Rasid"})
            elif self.path == "/versions":
                self._answer(200, {"versions": [backend.version]})
            else:
                self._answer(404, {"detail": f"no {self.path} here"})

        def do_POST(self) -> None:
            try:
                size = int(self.headers.get("content-length") or 0)
                if not 0 <= size <= _LARGEST:
                    raise ValueError(f"a body of {size} bytes")
                data = json.loads(self.rfile.read(size) or b"{}")
                status, answer = self._done(data)
            except (ValueError, TypeError, AttributeError, KeyError) as problem:
                status, answer = 400, {"detail": f"not a request of Label Studio: {problem}"}
            self._answer(status, answer)

        def _done(self, data: Any) -> tuple[int, Any]:
            if self.path == "/setup":
                return 200, {"model_version": backend.version}
            if self.path == "/predict":
                tasks = list(data["tasks"])
                return 200, {"results": backend.predict(tasks), "model_version": backend.version}
            if self.path == "/webhook":
                wish = str(data.get("action"))
                told = backend.train(str((data.get("project") or {}).get("id"))) if wish == _TRAIN else "noted"
                return 201, {"status": told}
            return 404, {"detail": f"no {self.path} here"}

        def _answer(self, status: int, data: Any) -> None:
            body = json.dumps(data).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *values: Any) -> None:
            if not str(values[1:2]).startswith("('2"):  # all is well: nothing to tell
                print(f"{self.address_string()}: {format % values}", file=sys.stderr)

    return Handler
