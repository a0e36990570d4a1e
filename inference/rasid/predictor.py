"""The predictor: texts in, documents with entities and events out."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rasid.artifact import GRAPHS, LINKS, TOKENIZER, ModelConfig, Precision, find
from rasid.backends import Backend, OnnxBackend
from rasid.decoding import Decoder, Mentions
from rasid.document import Document
from rasid.errors import ModelError, TextError
from rasid.passages import Passage
from rasid.tokenizer import Reading, read
from rasid.windows import Window, divide
from rasid.workers import Task, Workers

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_CHARACTERS = 1_000_000
"""The longest text that is read unless another limit is given: some 150,000 words, no article is as long."""

_CHUNK_CHARACTERS = 25_000  # characters of a chunk; one is read while another is computed
_SURROGATE = re.compile("[\ud800-\udfff]")
_VISIBLE = re.compile(r"[^\s\u00AD\u061C\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF]")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Documents on their way; each of ``groups`` are numbers of windows that one of ``tasks`` looks for mentions in."""

    documents: Sequence[Document]
    readings: Sequence[Reading]
    windows: Sequence[Sequence[Window]]
    groups: Sequence[Sequence[int]]
    tasks: Sequence[Task[list[Mentions]]]


class Predictor:
    """Reads articles with one model.

    The same text gives the same answer alone, in any batch and in any order. One predictor may be used by several
    threads at once.
    """

    def __init__(
        self,
        config: ModelConfig,
        tokenizer: Tokenizer,
        backend: Backend,
        *,
        threads: int = 1,
        max_characters: int = MAX_CHARACTERS,
    ) -> None:
        """Put a predictor together from its parts; :meth:`load` does that for a model directory.

        ``threads`` is how many windows are computed at once.
        """
        self.config = config
        self.max_characters = max_characters
        self._tokenizer = tokenizer
        self._backend = backend
        self._decoder = Decoder(config.schema, config.calibration)
        self._workers = Workers(threads)

    @classmethod
    def load(
        cls,
        model: str | Path | None = None,
        *,
        precision: Precision | None = None,
        threads: int | None = None,
        max_characters: int = MAX_CHARACTERS,
        threshold: float | None = None,
    ) -> Self:
        """Load a model: a directory, a hub name, or (None) the one that is shipped with the package.

        Args:
            model: where the model is.
            precision: which of the model's graphs to use; None takes fp32 where the model has it.
            threads: how many windows are computed at once, each on a thread; None takes one for each core that the
                process may use.
            max_characters: texts that are longer are refused.
            threshold: the probability from which a mention or an argument is given, in 0 to 1, for all types alike;
                None takes the model's own, type by type, which give the best F1.

        Raises:
            ModelError: the model is missing, incomplete, damaged or too new; or ``threshold`` is no probability.
        """
        artifact = find(model)
        if precision is not None and precision not in GRAPHS:
            raise ModelError(f"precision {precision!r} is not known; expected one of {', '.join(GRAPHS)}")
        present: list[Precision] = [p for p, name in GRAPHS.items() if name in artifact.config.files]
        chosen: Precision = precision or (present[0] if present else "fp32")
        config = artifact.config
        if threshold is not None:
            config = replace(config, calibration=config.calibration.at(threshold, config.schema.names))
        tokenizer = load_tokenizer(artifact.file(TOKENIZER))
        threads = threads or cores()
        backend = OnnxBackend(artifact.file(GRAPHS[chosen]), artifact.file(LINKS), threads=threads)
        return cls(config, tokenizer, backend, threads=threads, max_characters=max_characters)

    def __call__(self, text: str, *, id: str = "document", published: str | None = None) -> Document:
        """Read one text.

        Args:
            text: the article, exactly as the offsets of the answer shall count it.
            id: a name for the document.
            published: the date of publication (ISO 8601), passed through.

        Raises:
            TextError: the text cannot be read as an article; the message says why.
        """
        check_text(text, id, self.max_characters)
        return next(self._finish(self._begin([Document(id, text, published)], alone=True)))

    def stream(self, texts: Iterable[str]) -> Iterator[Document]:
        """Read any number of texts, in order and in constant memory; their ids are "1", "2", ….

        A text that cannot be read gives a document whose ``error`` says why; the others are answered.
        """
        return self.stream_documents(_documents(texts))

    def stream_documents(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Read any number of documents, in order and in constant memory.

        Id, text, date and unknown keys are kept; entities and events are replaced. A document that has an
        ``error``, or whose text cannot be read, comes back with it and without entities and events.
        """
        before: _Chunk | None = None
        # A piece has some four characters; of several batches' worth, those of like length are put together.
        for documents_ahead in _chunks(documents, max(_CHUNK_CHARACTERS, 16 * self._backend.together)):
            chunk = self._begin(documents_ahead)
            if before:
                yield from self._finish(before)
            before = chunk
        if before:
            yield from self._finish(before)

    def _begin(self, documents: Sequence[Document], *, alone: bool = False) -> _Chunk:
        """Divide documents into windows and set the workers to them; ``alone`` tells that they are all there are."""
        documents = [_checked(document, self.max_characters) for document in documents]
        readings = [read("" if d.error else d.text, self._tokenizer) for d in documents]
        windows = [divide(reading, self.config.window) for reading in readings]
        jobs = [(reading, window) for reading, ws in zip(readings, windows, strict=True) for window in ws]
        sizes = [int(reading.last[w.stop - 1] - reading.first[w.start]) + 3 for reading, w in jobs]
        groups = list(_groups(sizes, self._backend.together))
        work = partial(self._mentions, alone=alone and len(groups) == 1)
        tasks = [self._workers.submit(partial(work, [jobs[number] for number in group])) for group in groups]
        return _Chunk(documents, readings, windows, groups, tasks)

    def _finish(self, chunk: _Chunk) -> Iterator[Document]:
        mentions = [m for task in chunk.tasks for m in self._workers.result(task)]
        numbers = itertools.chain.from_iterable(chunk.groups)
        found = (m for _, m in sorted(zip(numbers, mentions, strict=True), key=lambda pair: pair[0]))
        for document, reading, windows in zip(chunk.documents, chunk.readings, chunk.windows, strict=True):
            entities, events = self._decoder.document(reading, windows, list(itertools.islice(found, len(windows))))
            yield replace(document, entities=entities, events=events)

    def _mentions(self, jobs: Sequence[tuple[Reading, Window]], *, alone: bool) -> list[Mentions]:
        """The mentions of each window and the links between them."""
        config, decoder = self.config, self._decoder
        passages = [Passage.of(*job, begin=config.begin, end=config.end, longest=config.window.longest) for job in jobs]
        scores = self._backend.scores(passages, alone=alone)
        found = [decoder.mentions(passage, one) for passage, one in zip(passages, scores, strict=True)]
        ends = {
            n: e for n, (passage, m) in enumerate(zip(passages, found, strict=True)) if (e := decoder.ends(passage, m))
        }
        logits = self._backend.roles([scores[n] for n in ends], list(ends.values())) if ends else []
        for (n, e), one in zip(ends.items(), logits, strict=True):
            found[n] = decoder.linked(passages[n], found[n], e, one)
        return found


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load_tokenizer(path: Path) -> Tokenizer:
    """Read a ``tokenizer.json``.

    Raises:
        ModelError: it is damaged.
    """
    from tokenizers import Tokenizer  # slow to import, needed only here

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as problem:
        raise ModelError(f"{path} cannot be read as a tokenizer ({problem}); copy or export the model again") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def check_text(text: object, item: str, max_characters: int) -> None:
    """Raise :class:`TextError` unless ``text`` can be read as an article; ``item`` names it."""
    if not isinstance(text, str):
        raise TextError(f"{item}: expected a text (str), got {type(text).__name__}; decode bytes as UTF-8 first")
    if len(text) > max_characters:
        raise TextError(
            f"{item}: the text has {len(text):,} characters, the limit is {max_characters:,}; "
            "split it into articles, or raise max_characters (--max-characters)"
        )
    if (position := text.find("\0")) >= 0:
        raise TextError(
            f"{item}: the text has a NUL (U+0000) at character {position}; it is probably a binary file, or UTF-16 "
            "read as UTF-8: convert it, or remove the NUL"
        )
    if match := _SURROGATE.search(text):
        raise TextError(
            f"{item}: the text has a lone surrogate (U+{ord(match[0]):04X}) at character {match.start()}, which is no "
            "Unicode text; decode the source with errors='replace', or remove it"
        )
    if not _VISIBLE.search(text):
        raise TextError(f"{item}: the text is empty or only white space; leave it out, or look where its text went")


def _checked(document: Document, max_characters: int) -> Document:
    if document.error is None:
        try:
            check_text(document.text, f"document {document.id!r}", max_characters)
        except TextError as problem:
            text = document.text if isinstance(document.text, str) else ""
            return replace(document, text=text, error=str(problem))
    return document


def _documents(texts: Iterable[str]) -> Iterator[Document]:
    for number, text in enumerate(texts, 1):
        yield Document(str(number), text)


def _chunks(documents: Iterable[Document], characters: int) -> Iterator[list[Document]]:
    """Consecutive documents in lists of about this many characters."""
    chunk: list[Document] = []
    size = 0
    for document in documents:
        chunk.append(document)
        size += len(document.text) if isinstance(document.text, str) else 0
        if size >= characters:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _groups(sizes: Sequence[int], budget: int) -> Iterator[list[int]]:
    """Numbers of items in groups of like size whose padded size keeps to the budget; at least one in each.

    The largest come first, so that at the end no worker is left alone with one of them.
    """
    group: list[int] = []
    for number in sorted(range(len(sizes)), key=lambda n: -sizes[n]):
        if group and sizes[group[0]] * (len(group) + 1) > budget:
            yield group
            group = []
        group.append(number)
    if group:
        yield group
