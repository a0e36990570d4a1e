"""Inputs: files, folders and standard input as documents that wait to be read.

Bytes are decoded as they stand: no line end is translated and a byte-order mark stays in the text, because
offsets count the text as it was given. What cannot be read becomes a document with an ``error``, in its place.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from rasid.document import Document
from rasid.errors import DocumentError, InputError

Kind = Literal["text", "jsonl"]

MOST_BYTES = 1 << 26
"""The most bytes of one text, or of one line of JSON Lines, that are taken into memory."""

_SUFFIXES: Mapping[str, Kind] = {".txt": "text", ".jsonl": "jsonl"}
_LINE_FORM = 'expected a JSON object like {"id": "…", "text": "…"} a line'
_REPLACED = ("entities", "events")  # what an earlier prediction or an annotator found is not read
_KNOWN = frozenset(f.name for f in fields(Document)) - {"extra"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        path: the file; None is standard input.
        id: the document's id, or for JSON Lines how the id of a line that has none begins.
        kind: ``text`` is one article, ``jsonl`` one a line.
    """

    path: Path | None
    id: str
    kind: Kind

    @property
    def name(self) -> str:
        """How errors name it."""
        return "standard input" if self.path is None else str(self.path)


def find_sources(names: Sequence[str], *, kind: Kind | None = None, leave_out: Path | None = None) -> list[Source]:
    """Find what the arguments of a command line name.

    Args:
        names: files, folders (their ``*.txt`` and ``*.jsonl``, however deep, sorted; hidden ones are left out),
            or ``-`` for standard input.
        kind: how all are read; None judges by the name: JSON Lines where it ends in ``.jsonl``, else text.
        leave_out: a file that is not taken from a folder: the output of an earlier run.

    Raises:
        InputError: a path does not exist, a folder holds nothing to read, or standard input is named twice.
    """
    if names.count("-") > 1:
        raise InputError("standard input (-) is named twice; it can be read once only")
    sources: list[Source] = []
    for name in names:
        path = Path(name)
        if name == "-":
            sources.append(Source(None, "stdin", kind or "text"))
        elif path.is_dir():
            sources.extend(_folder(path, kind, leave_out))
        elif path.exists():
            sources.append(Source(path, path.stem, kind or _SUFFIXES.get(path.suffix.lower(), "text")))
        else:
            raise InputError(f"{name}: no such file or folder; check the path")
    return sources


def read_sources(sources: Iterable[Source], *, published: str | None = None) -> Iterator[Document]:
    """The documents of all sources, in order; one text or one line is in memory at a time.

    Args:
        sources: what to read.
        published: the date (ISO 8601) of the documents that carry none of their own.
    """
    for source in sources:
        for document in _read(source):
            yield document if document.published else replace(document, published=published)


def _folder(folder: Path, kind: Kind | None, leave_out: Path | None) -> Iterator[Source]:
    omitted = leave_out.resolve() if leave_out else None
    found = 0
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inner.parts)
        if hidden or path.suffix.lower() not in _SUFFIXES or not path.is_file() or path.resolve() == omitted:
            continue
        found += 1
        yield Source(path, inner.with_suffix("").as_posix(), kind or _SUFFIXES[path.suffix.lower()])
    if not found:
        raise InputError(f"{folder}: the folder has no *.txt or *.jsonl to read; name the files, or another folder")


def _read(source: Source) -> Iterator[Document]:
    try:
        with nullcontext(sys.stdin.buffer) if source.path is None else source.path.open("rb") as file:
            if source.kind == "jsonl":
                yield from _lines(file, source)
            else:
                yield _text(file, source)
    except OSError as problem:
        yield _failed(
            source.id, f"{source.name}: cannot be read ({problem.strerror}); check the file and its permissions"
        )


def _text(file: BinaryIO, source: Source) -> Document:
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return _failed(source.id, _too_large(source.name))
    try:
        return Document(source.id, data.decode("utf-8"))
    except UnicodeDecodeError as problem:
        return _failed(source.id, _not_utf8(source.name, data, problem))


def _lines(file: BinaryIO, source: Source) -> Iterator[Document]:
    number = 0
    while line := file.readline(MOST_BYTES + 1):
        number += 1
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the mark of the file, part of no text
        item, id = f"{source.name}:{number}", f"{source.id}:{number}"
        if len(line) > MOST_BYTES:
            while line and not line.endswith(b"\n"):
                line = file.readline(MOST_BYTES)
            yield _failed(id, _too_large(item))
        elif line.strip():
            yield _line(line, item, id)


def _line(line: bytes, item: str, id: str) -> Document:
    """The document of one line; ``item`` names it in errors, ``id`` is its id where it has none."""
    try:
        data = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as problem:
        return _failed(id, _not_utf8(item, line, problem))
    except (ValueError, RecursionError) as problem:
        reason = "it is nested too deep" if isinstance(problem, RecursionError) else problem
        return _failed(id, f"{item}: not JSON ({reason}); {_LINE_FORM}")
    if not isinstance(data, dict):
        return _failed(id, f"{item}: not a JSON object but {type(data).__name__}; {_LINE_FORM}")
    data = {key: value for key, value in data.items() if key not in _REPLACED}
    if data.get("id") is None:
        data["id"] = id
    try:
        return Document.from_dict(data, f"{item}: document")
    except DocumentError as problem:
        own = data["id"] if isinstance(data["id"], str) else id
        return _failed(own, f"{problem}; {_LINE_FORM}", {k: v for k, v in data.items() if k not in _KNOWN})


def _failed(id: str, error: str, extra: Mapping[str, Any] | None = None) -> Document:
    return Document(id, "", error=error, extra=extra or {})


def _too_large(item: str) -> str:
    return f"{item}: larger than {MOST_BYTES >> 20} MiB, which no article is; split it into articles"


def _not_utf8(item: str, data: bytes, problem: UnicodeDecodeError) -> str:
    likely = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "WINDOWS-1256"
    return (
        f"{item}: not UTF-8: byte 0x{data[problem.start]:02X} at position {problem.start} ({problem.reason}); "
        f"convert it first, for example with `iconv -f {likely} -t UTF-8`"
    )
