"""A real Label Studio for the tests that speak with one: started once, in a folder of its own."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faulty_proxy import FaultyProxy
from tests.label_studio_server import LabelStudioServer

from rasid_annotations.label_studio.server import Server

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def label_studio() -> Iterator[LabelStudioServer]:
    """The running server."""
    with LabelStudioServer(Path(tempfile.mkdtemp(prefix="label-studio-"))) as server:
        yield server


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
