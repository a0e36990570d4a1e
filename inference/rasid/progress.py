"""Progress: how far a long run has come, told on a terminal; and what went wrong, told in any case."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

from rasid.document import Document

_QUIET = 1.0  # seconds before anything is shown: a short run needs no progress
_EVERY = 0.2  # seconds between two showings


class Progress:
    """Counts answered documents; shows the count on a terminal and reports each document's ``error``.

    Attributes:
        failures: documents with an ``error`` so far.
    """

    def __init__(self, stream: TextIO, *, shown: bool, total: int | None = None, failures: int = 0) -> None:
        """Start counting.

        Args:
            stream: where to tell it.
            shown: whether to show the count; errors are reported in any case.
            total: how many documents will come, where that is known.
            failures: documents with an ``error`` that an interrupted run has answered.
        """
        self.failures = failures
        self._stream = stream
        self._shown = shown
        self._total = total
        self._documents = self._words = 0
        self._start = time.monotonic()
        self._next = self._start + _QUIET
        self._visible = False

    def follow(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The same documents, counted as they pass."""
        try:
            for document in documents:
                errors = () if document.error is None else (document.error,)
                self.add(1, len(document.text.split()), errors)
                yield document
        finally:
            self.clear()

    def add(self, documents: int, words: int, errors: Sequence[str] = ()) -> None:
        """Count documents that were answered; ``errors`` are those of the ones that could not be read."""
        self._documents += documents
        self._words += words
        self.failures += len(errors)
        for error in errors:
            self.clear()
            # An error may quote a name or a text with a lone surrogate, which no terminal can be given.
            shown = error.encode("utf-8", "backslashreplace").decode()
            print(f"rasid: error: {shown}", file=self._stream, flush=True)
        self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if self._shown and now >= self._next:
            total = "" if self._total is None else f" of {self._total:,}"
            speed = self._words / (now - self._start)
            self._stream.write(f"\r{self._documents:,}{total} documents, {speed:,.0f} words a second\x1b[K")
            self._stream.flush()
            self._next = now + _EVERY
            self._visible = True

    def clear(self) -> None:
        """Take away what is shown."""
        if self._visible:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._visible = False
