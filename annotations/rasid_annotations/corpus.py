"""The corpus: reading its schema and its files, and telling one state of it from another."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from rasid import errors
from rasid.document import Document, read_documents
from rasid.errors import DocumentError, InputError, SchemaError
from rasid.schema import Schema
from rasid_annotations.columns import is_column_file, read_columns
from rasid_annotations.facts import dangling

_DEFAULT_MODALITY = "actual"


def default_schema_files() -> tuple[Path, ...]:
    """Where the schema is looked for when none is named: the checkout's, then the shipped model's."""
    checkout = Path(__file__).parent.parent / "schema.yaml"
    shipped = Path(errors.__file__).parent / "model" / "config.json"
    return checkout, shipped


def load_schema(path: Path | None = None, *, defaults: Sequence[Path] | None = None) -> Schema:
    """Read a schema from ``schema.yaml``, or from the ``config.json`` of a model.

    Args:
        path: the file; None takes the first of ``defaults`` that exists.
        defaults: files to look for; None stands for :func:`default_schema_files`.

    Raises:
        InputError: the file cannot be read, or there is none.
        SchemaError: the file holds no well-formed schema.
    """
    if path is None:
        candidates = default_schema_files() if defaults is None else defaults
        path = next((file for file in candidates if file.is_file()), None)
        if path is None:
            names = " and ".join(map(str, candidates))
            raise InputError(f"no schema found (looked for {names}); name one with --schema FILE")
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix != ".json":
            return Schema.from_dict(yaml.safe_load(text), str(path))
        config = json.loads(text)
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"schema {path} cannot be read ({problem}); name another with --schema FILE") from None
    except (yaml.YAMLError, json.JSONDecodeError) as problem:
        reason = " ".join(str(problem).split())
        raise SchemaError(f"schema {path} is not well-formed ({reason}); mend that line") from None
    if not isinstance(config, Mapping) or "schema" not in config:
        raise SchemaError(f"{path}: a model's configuration holds its schema under the key 'schema'; it is missing")
    return Schema.from_dict(config["schema"], f"{path}, schema")


def load_corpus(paths: Sequence[Path], *, sentences: int = 1) -> list[Document]:
    """Read the documents of files, and of the ``*.jsonl`` files in folders, in that order.

    A file whose name ends in ``.jsonl`` or ``.json`` is read as JSON Lines, any other as a column file
    (:mod:`rasid_annotations.columns`).

    Args:
        paths: files and folders.
        sentences: how many sentences of a column file make a document.

    Raises:
        InputError: a path does not exist, cannot be read, or is a folder without ``*.jsonl`` files; a line of a
            column file is not a word and a tag.
        DocumentError: a line is not a document, or two documents have one id; the files are named.
    """
    documents: list[Document] = []
    homes: dict[str, Path] = {}
    for file in _files(paths):
        found = read_columns(file, sentences=sentences) if is_column_file(file) else _json_lines(file)
        for document in found:
            if document.id in homes:
                raise DocumentError(
                    f"document {document.id!r} stands in {homes[document.id]} and in {file}; "
                    "an id may stand once in a corpus: remove or rename one of them"
                )
            homes[document.id] = file
        documents += found
    return documents


def _json_lines(file: Path) -> list[Document]:
    try:
        return list(read_documents(file))
    except DocumentError as problem:
        if _is_detached(file):
            raise DocumentError(f"{problem}; put the text back with 'rasid annotations hydrate'") from None
        raise
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{file}: cannot be read as UTF-8 JSON Lines ({problem})") from None


def _is_detached(file: Path) -> bool:
    """Whether the file begins like those of :mod:`rasid_annotations.publishing`, without the text."""
    with file.open(encoding="utf-8") as lines:
        try:
            first = json.loads(lines.readline())
        except ValueError:
            return False
    return isinstance(first, dict) and "sha256" in first and "text" not in first


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            inside = sorted(path.glob("*.jsonl"))
            if not inside:
                raise InputError(f"folder {path} holds no *.jsonl file; name a folder that does, or the file itself")
            yield from inside
        elif path.is_file():
            yield path
        else:
            raise InputError(
                f"{path} does not exist; expected a JSON Lines file, a column file, or a folder of *.jsonl files"
            )


def schema_of(documents: Iterable[Document], name: str) -> Schema:
    """The schema that the annotations of ``documents`` imply: what occurs is allowed, nothing else is.

    Args:
        documents: with annotations; all that the schema is to cover.
        name: of the schema.

    Returns:
        Types and roles in alphabetical order, without descriptions. Where there are events, ``actual`` is the first
        modality, which stands for all that say nothing else, whether or not it occurs.

    Raises:
        DocumentError: an argument points to an entity that its document does not have.
        SchemaError: one name is an entity type and an event type.
    """
    entities: set[str] = set()
    events: set[str] = set()
    modalities: set[str] = set()
    fillers: dict[str, set[str]] = defaultdict(set)
    bearers: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        types = {entity.id: entity.type for entity in document.entities}
        entities.update(types.values())
        for event in document.events:
            events.add(event.type)
            modalities.add(event.modality)
            for argument in event.arguments:
                if argument.entity not in types:
                    raise DocumentError(dangling(document, event, argument))
                fillers[argument.role].add(types[argument.entity])
                bearers[argument.role].add(event.type)
    return Schema.from_dict(
        {
            "name": name,
            "language": "ar",
            "entities": dict.fromkeys(sorted(entities)),
            "events": dict.fromkeys(sorted(events)),
            "modalities": [_DEFAULT_MODALITY, *sorted(modalities - {_DEFAULT_MODALITY})] if events else [],
            "roles": {
                role: {"fillers": sorted(fillers[role]), "events": sorted(bearers[role])} for role in sorted(fillers)
            },
        },
        f"schema of {name}",
    )


def fingerprint(documents: Iterable[Document]) -> str:
    """SHA-256, in 64 hexadecimal digits, over the canonical JSON of all documents.

    The order of documents, and of entities, events and arguments inside them, does not change it; any other
    difference, in text, offsets, types or extra keys, does.
    """
    lines = sorted(_canonical(document.to_dict()) for document in documents)
    return hashlib.sha256("".join(line + "\n" for line in lines).encode("ascii")).hexdigest()


def _canonical(document: dict[str, Any]) -> str:
    events = [event | {"arguments": sorted(event["arguments"], key=_dump)} for event in document["events"]]
    return _dump(document | {"entities": sorted(document["entities"], key=_dump), "events": sorted(events, key=_dump)})


def _dump(value: Any) -> str:
    # ASCII escapes, so that a text with lone surrogates has a fingerprint too.
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
