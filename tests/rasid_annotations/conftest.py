"""A real Label Studio for the tests that speak with one: started once, in a folder of its own.

It takes half a minute to start, so that it starts as soon as it is known that a test needs it, beside the tests before.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.faulty_proxy import FaultyProxy
from tests.label_studio_server import LabelStudioServer

from rasid_annotations.label_studio.server import Server

_numbers = itertools.count(1)


_starting: list[Future[LabelStudioServer]] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    """Start the server where a test will ask for it."""
    if any("label_studio" in getattr(item, "fixturenames", ()) for item in session.items):
        folder = Path(tempfile.mkdtemp(prefix="label-studio-"))
        _starting.append(ThreadPoolExecutor(1).submit(LabelStudioServer, folder))


def pytest_sessionfinish() -> None:
    """Stop it, whether or not it was asked for."""
    for started in _starting:
        if started.exception() is None:
            started.result().close()


@pytest.fixture(scope="session")
def label_studio() -> LabelStudioServer:
    """The running server."""
    return _starting[0].result()


@pytest.fixture
def title() -> str:
    """A project's title that no other test has."""
    return f"project of test {next(_numbers)}"


@pytest.fixture
def server(label_studio: LabelStudioServer) -> Iterator[Server]:
    """We, logged in there."""
    with Server(label_studio.url, label_studio.token, patience=10) as server:
        yield server


@pytest.fixture
def proxy(label_studio: LabelStudioServer) -> Iterator[FaultyProxy]:
    """The server as seen through a bad network."""
    with FaultyProxy(label_studio.url) as proxy:
        yield proxy


@pytest.fixture
def cli(label_studio: LabelStudioServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``rasid annotations …`` with the server in its environment."""
    from rasid.cli import main

    monkeypatch.setenv("LABEL_STUDIO_URL", label_studio.url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.token)
    return lambda *arguments: main(["annotations", *map(str, arguments)])
