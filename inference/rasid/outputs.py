"""Outputs: documents as JSON Lines, one JSON array or the terminal view; a file that is written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from rasid.document import Document, dumps
from rasid.errors import DocumentError, InputError, RasidError
from rasid.view import render

Format = Literal["jsonl", "json", "text"]


def chunks(documents: Iterable[Document], form: Format, *, colour: bool = False, width: int = 100) -> Iterator[str]:
    """The output, in a piece for each document, so that it can be written as it is made.

    Args:
        documents: what to write.
        form: ``jsonl`` one document a line; ``json`` one array; ``text`` the terminal view.
        colour: of use for ``text``: mark mentions by colour, not by brackets.
        width: of use for ``text``: columns of the terminal.
    """
    if form == "json":
        yield from _array(documents)
        return
    for document in documents:
        yield dumps(document) + "\n" if form == "jsonl" else render(document, colour=colour, width=width) + "\n"


def _array(documents: Iterable[Document]) -> Iterator[str]:
    before = "[\n"
    for document in documents:
        yield before + dumps(document)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


class OutputFile:
    """A file that is written whole or not at all.

    It is written as ``FILE.partial`` beside it and renamed at the end. What was written stays in the partial
    file when the run is interrupted or killed, and a later run can go on from there.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; nothing is written yet.

        Raises:
            InputError: the path is a folder or a device.
        """
        if path.exists() and not path.is_file():
            raise InputError(f"--output {path}: not a regular file; name a file, or leave --output out and redirect")
        self.path = path
        self.partial = path.with_name(f"{path.name}.partial")

    def skip(self, documents: Iterator[Document]) -> int:
        """Take from ``documents`` those that an interrupted run has answered; a half written line is cut off.

        Returns:
            how many of them carry an ``error``.

        Raises:
            InputError: the partial file is not the beginning of the answer to these documents.
        """
        failures = 0
        for number, done in enumerate(self._whole_lines(), 1):
            given = next(documents, None)
            if given is None or (given.id, given.text) != (done.id, done.text):
                other = "there is no such input" if given is None else f"the input is {given.id!r}"
                if given is not None and given.id == done.id:
                    other += " with another text"
                raise InputError(
                    f"--resume: line {number} of {self.partial} answers {done.id!r}, but {other}; "
                    "give the same inputs in the same order, or start over without --resume"
                )
            failures += done.error is not None
        return failures

    def write(self, parts: Iterable[str], *, append: bool = False) -> None:
        """Write all parts and put the file in its place.

        Args:
            parts: what to write; each part is handed to the system before the next one is made.
            append: go on behind what the partial file holds instead of starting over.

        Raises:
            RasidError: the file cannot be written; what was written is in the partial file.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            file = self.partial.open("ab" if append else "wb")
        except OSError as problem:
            raise self._unwritable(problem) from None
        with file:
            for part in parts:
                try:
                    file.write(part.encode("utf-8"))
                    file.flush()
                except OSError as problem:
                    raise self._unwritable(problem) from None
            try:
                os.fsync(file.fileno())
                self.partial.replace(self.path)
                _sync_folder(self.path.parent)
            except OSError as problem:
                raise self._unwritable(problem) from None

    def _whole_lines(self) -> Iterator[Document]:
        if not self.partial.exists():
            return
        with self.partial.open("r+b") as file:
            end = 0
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    file.truncate(end)
                    return
                end += len(line)
                try:
                    yield Document.from_dict(json.loads(line))
                except (ValueError, DocumentError) as problem:
                    raise InputError(
                        f"--resume: line {number} of {self.partial} is no document ({problem}); "
                        "start over without --resume"
                    ) from None

    def _unwritable(self, problem: OSError) -> RasidError:
        return RasidError(f"{self.path}: cannot be written ({problem.strerror}); check the disk and the permissions")


def _sync_folder(folder: Path) -> None:
    """Make a renaming last through a loss of power, where the system lets a folder be synchronised."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
