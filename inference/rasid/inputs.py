"""Inputs: files, folders and standard input as documents that wait to be read.

Bytes are decoded as they stand: no line end is translated and a byte-order mark stays in the text, because
offsets count the text as it was given. What cannot be read becomes a document with an ``error``, in its place.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

from rasid.document import Document
from rasid.errors import DocumentError, InputError

Kind = Literal["text", "jsonl", "parquet"]

MOST_BYTES = 1 << 26
"""The most bytes of one text, or of one line of JSON Lines, that are taken into memory."""

_SUFFIXES: Mapping[str, Kind] = {".txt": "text", ".jsonl": "jsonl", ".parquet": "parquet"}
_OUTPUT_ENDINGS = ("", ".parts", ".before")  # of an output and of what is beside it while it is made
_LINE_FORM = 'expected a JSON object like {"id": "…", "text": "…"} a line'
_REPLACED = ("entities", "events")  # what an earlier prediction or an annotator found is not read
_KNOWN = frozenset(f.name for f in fields(Document)) - {"extra"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file, or standard input.

    Attributes:
        path: the file; None is standard input.
        id: the document's id, or for JSON Lines how the id of a line that has none begins.
        kind: ``text`` is one article, ``jsonl`` one a line, ``parquet`` one a row.
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
        names: files, folders (their ``*.txt``, ``*.jsonl`` and ``*.parquet``, however deep, sorted; hidden ones are
            left out), or ``-`` for standard input.
        kind: how all are read; None judges by the name's ending, and takes what has none of these for text.
        leave_out: a file or folder that is not taken from a folder, nor the parts of it that stand beside it: the
            output of an earlier run, and what one that was interrupted has made.

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


@dataclass(frozen=True, slots=True)
class Slice:
    """Some of the documents of a source that can be read more than once.

    Attributes:
        source: where they are.
        first: the number of the first one's line or row, from 1.
        count: how many lines or rows.
        offset: where the first line begins, in bytes.
    """

    source: Source
    first: int = 1
    count: int = 1
    offset: int = 0


def slices(source: Source, *, most_bytes: int, most_rows: int) -> Iterator[Slice]:
    """Divide a source into slices of about so many bytes (JSON Lines) or rows (Parquet); a text is one slice.

    Raises:
        InputError: the file cannot be read.
    """
    if source.path is None:
        raise InputError("standard input (-) can be read once only and by one process; give a file")
    if source.kind == "parquet":
        from rasid import parquet  # its library is slow to import

        total = parquet.rows(source.path)
        for first in range(0, total, most_rows):
            yield Slice(source, first + 1, min(most_rows, total - first))
    elif source.kind == "text":
        yield Slice(source)
    else:
        try:
            with source.path.open("rb") as file:
                yield from _line_slices(file, source, most_bytes)
        except OSError as problem:
            raise InputError(_unreadable(source, problem)) from None


def _line_slices(file: BinaryIO, source: Source, most_bytes: int) -> Iterator[Slice]:
    offset, first, count = 0, 1, 0
    while _raw_line(file) is not None:
        count += 1
        if file.tell() - offset >= most_bytes:
            yield Slice(source, first, count, offset)
            offset, first, count = file.tell(), first + count, 0
    if count:
        yield Slice(source, first, count, offset)


def read_slice(part: Slice, *, published: str | None = None) -> Iterator[Document]:
    """The documents of a slice, in order; as :func:`read_sources` gives them."""
    for document in _read(part.source, part):
        yield document if document.published else replace(document, published=published)


def _belongs(place: Path, output: Path) -> bool:
    return place.parent == output.parent and place.name in {f"{output.name}{ending}" for ending in _OUTPUT_ENDINGS}


def _folder(folder: Path, kind: Kind | None, leave_out: Path | None) -> Iterator[Source]:
    omitted = leave_out.resolve() if leave_out else None
    resolved = folder.resolve()
    found = 0
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inner.parts)
        if hidden or path.suffix.lower() not in _SUFFIXES or not path.is_file():
            continue
        if omitted and any(_belongs(place, omitted) for place in (resolved / inner, *(resolved / inner).parents)):
            continue
        found += 1
        yield Source(path, inner.with_suffix("").as_posix(), kind or _SUFFIXES[path.suffix.lower()])
    if not found:
        raise InputError(
            f"{folder}: the folder has no *.txt, *.jsonl or *.parquet to read; name the files, or another folder"
        )


def _read(source: Source, part: Slice | None = None) -> Iterator[Document]:
    try:
        if source.kind == "parquet":
            yield from _rows(source, part)
            return
        with nullcontext(sys.stdin.buffer) if source.path is None else source.path.open("rb") as file:
            if source.kind == "jsonl":
                yield from _lines(file, source, part)
            else:
                yield _text(file, source)
    except OSError as problem:
        yield _failed(source.id, _unreadable(source, problem))


def _unreadable(source: Source, problem: OSError) -> str:
    return f"{source.name}: cannot be read ({problem.strerror}); check the file and its permissions"


def _text(file: BinaryIO, source: Source) -> Document:
    data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        return _failed(source.id, _too_large(source.name))
    try:
        return Document(source.id, data.decode("utf-8"))
    except UnicodeDecodeError as problem:
        return _failed(source.id, _not_utf8(source.name, data, problem))


def _rows(source: Source, part: Slice | None) -> Iterator[Document]:
    from rasid import parquet  # its library is slow to import

    if source.path is None:
        raise InputError("standard input (-) cannot be read as Parquet; give a file")
    first, count = (part.first, part.count) if part else (1, None)
    try:
        for number, data in enumerate(parquet.read(source.path, first - 1, count), first):
            yield _document(data, f"{source.name}:{number}", f"{source.id}:{number}")
    except InputError as problem:
        yield _failed(source.id, str(problem))


def _lines(file: BinaryIO, source: Source, part: Slice | None) -> Iterator[Document]:
    first = part.first if part else 1
    if part:
        file.seek(part.offset)
    numbers = itertools.count(first) if part is None else range(first, first + part.count)
    for number in numbers:
        line = _raw_line(file)
        if line is None:
            return
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")  # the mark of the file, part of no text
        item, id = f"{source.name}:{number}", f"{source.id}:{number}"
        if len(line) > MOST_BYTES:
            yield _failed(id, _too_large(item))
        elif line.strip():
            yield _line(line, item, id)


def _raw_line(file: BinaryIO) -> bytes | None:
    """The next line; of one that is longer than ``MOST_BYTES`` only its beginning. None at the end of the file."""
    line = rest = file.readline(MOST_BYTES + 1)
    while len(line) > MOST_BYTES and rest and not rest.endswith(b"\n"):
        rest = file.readline(MOST_BYTES)
    return line or None


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
    return _document(data, item, id)


def _document(data: dict[str, Any], item: str, id: str) -> Document:
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
