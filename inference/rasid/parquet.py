"""Parquet: documents as rows of a columnar file. Needs the extra ``rasid[parquet]``.

Columns: ``id``, ``text``, ``published``, ``error``, ``entities`` and ``events`` as lists of structures with the keys of
the JSON form, and ``extra``, the unknown keys of a document as one JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from rasid.document import Document
from rasid.errors import InputError, RasidError
from rasid.files import replacing

_ROWS_AT_ONCE = 256  # of a file that is read or written: what is held in memory
_OWN = ("id", "text", "published", "error", "entities", "events", "extra")


def rows(path: Path) -> int:
    """How many rows a file has.

    Raises:
        InputError: it is no Parquet file, or has no column ``text``.
    """
    return int(_open(path).metadata.num_rows)


def read(path: Path, start: int = 0, count: int | None = None) -> Iterator[dict[str, Any]]:
    """Rows of a file in the JSON form of documents, ``count`` of them from the row ``start``.

    What an earlier prediction found is left out. Values that JSON does not know, as dates, are written out.

    Raises:
        InputError: it is no Parquet file, or has no column ``text``.
    """
    file = _open(path)
    columns = [name for name in file.schema_arrow.names if name not in ("entities", "events")]
    stop = file.metadata.num_rows if count is None else start + count
    first = 0
    groups = []
    for group in range(file.num_row_groups):
        size = file.metadata.row_group(group).num_rows
        if first < stop and first + size > start:
            groups.append((group, first))
        first += size
    if not groups:
        return
    place = groups[0][1]
    for batch in file.iter_batches(_ROWS_AT_ONCE, row_groups=[group for group, _ in groups], columns=columns):
        low, high = max(start - place, 0), min(stop - place, len(batch))
        place += len(batch)
        yield from map(_data, batch.slice(low, max(high - low, 0)).to_pylist())
        if place >= stop:
            return


def read_predicted(path: Path) -> Iterator[Document]:
    """The documents that :func:`write` wrote, with their entities and events.

    Raises:
        InputError: it is no Parquet file, or has no column ``text``.
        DocumentError: a row is no document.
    """
    for batch in _open(path).iter_batches(_ROWS_AT_ONCE):
        for row in batch.to_pylist():
            found = {key: _without_none(row.pop(key, None) or []) for key in ("entities", "events")}
            yield Document.from_dict(_data(row) | found)


def _without_none(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_none(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def write(path: Path, documents: Iterable[Document]) -> None:
    """Write documents as one file, whole or not at all.

    A lone surrogate, which only a document with an ``error`` can hold, is written as U+FFFD.

    Raises:
        OutputError: the file cannot be written.
    """
    _, parquet = _library()
    schema = _schema()
    source = iter(documents)
    with replacing(path) as partial, parquet.ParquetWriter(partial, schema, compression="zstd") as writer:
        while part := list(islice(source, _ROWS_AT_ONCE)):
            writer.write_table(_table(part, schema))


def _table(documents: Iterable[Document], schema: Any) -> Any:
    arrow, _ = _library()
    return arrow.Table.from_pylist([_row(document) for document in documents], schema=schema)


def _row(document: Document) -> dict[str, Any]:
    data = document.to_dict()
    extra = {key: data.pop(key) for key in document.extra}
    text = {key: _sound(data.get(key)) for key in ("id", "text", "published", "error")}
    return data | text | {"extra": json.dumps(extra) if extra else None}


def _sound(text: str | None) -> str | None:
    return None if text is None else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _data(row: dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a row; missing values are left out."""
    extra = row.pop("extra", None)
    data = {key: _plain(value) for key, value in row.items() if value is not None}
    for key in ("id", "published", "error"):
        if key in data:
            data[key] = str(data[key])
    if isinstance(extra, str):
        try:
            unpacked = json.loads(extra)
        except ValueError:
            unpacked = extra
        extra = unpacked
    if isinstance(extra, Mapping):
        return {key: value for key, value in extra.items() if key not in _OWN} | data
    return data if extra is None else data | {"extra": _plain(extra)}


def _plain(value: Any) -> Any:
    """A value of a column as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _open(path: Path) -> Any:
    arrow, parquet = _library()
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowException, OSError) as problem:
        raise InputError(f"{path}: cannot be read as Parquet ({problem}); check the file") from None
    if "text" not in file.schema_arrow.names:
        raise InputError(
            f"{path}: has no column 'text' (it has {', '.join(file.schema_arrow.names)}); name the column of the "
            "articles so"
        )
    return file


def _schema() -> Any:
    arrow, _ = _library()
    text, number, score = arrow.string(), arrow.int32(), arrow.float32()
    span = [("id", text), ("type", text), ("start", number), ("end", number)]
    argument = arrow.struct([("role", text), ("entity", text), ("score", score)])
    entity = arrow.struct([*span, ("score", score)])
    event = arrow.struct([*span, ("modality", text), ("score", score), ("arguments", arrow.list_(argument))])
    types = (text, text, text, text, arrow.list_(entity), arrow.list_(event), text)
    return arrow.schema(list(zip(_OWN, types, strict=True)))


def _library() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise RasidError(
            "Parquet needs more than the predictor; install it with: pip install 'rasid[parquet]'"
        ) from None
    return pyarrow, pyarrow.parquet
