"""Training examples: annotated articles as windows with labels, computed once and cached."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset, Features, Value, load_from_disk
from datasets import Sequence as Values
from tokenizers import Tokenizer

from rasid.document import Document, Entity, Event
from rasid.errors import SchemaError
from rasid.passages import Passage
from rasid.schema import Schema
from rasid.tokenizer import Reading, cut_letters, read
from rasid.windows import Window, WindowSize, divide
from rasid_training.batches import INPUTS, Batch

_LOST = "lost.json"
_FORM = 1  # raise it when the columns change, so that caches of an older form are not read

_INTEGER = Value("int32")
_FEATURES = Features(
    {
        "document": Value("string"),
        "input_ids": Values(_INTEGER),
        "first": Values(_INTEGER),
        "last": Values(_INTEGER),
        "paragraphs": Values(_INTEGER),
        "spans": Values(Values(_INTEGER)),  # type, first word, last word
        "proclitics": Values(Values(_INTEGER)),  # word, letters
        "modality": Values(Values(_INTEGER)),  # trigger's first word, modality
        "pairs": Values(Values(_INTEGER)),  # event type, trigger's first word, filler type, first and last word
        "roles": Values(Values(_INTEGER)),  # for each pair the roles it has
    }
)


@dataclass(slots=True)
class Labels:
    """Gold annotations in words of a reading.

    Attributes:
        mentions: ``(type, first, last)`` of each entity and trigger by its id.
        letters: proclitic letters before the mentions that begin at a word.
        modality: by the trigger's first word.
        links: ``(event id, entity id)`` to role indices.
        lost: what the encoding cannot represent, one readable line each.
    """

    mentions: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    letters: dict[int, int] = field(default_factory=dict)
    modality: dict[int, int] = field(default_factory=dict)
    links: dict[tuple[str, str], set[int]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def require_types(documents: Sequence[Document], schema: Schema) -> None:
    """Check that a schema has every type, role and modality that annotated documents use.

    Raises:
        SchemaError: it does not; the message names document, item and remedy.
    """
    for document in documents:
        used = [("entity", e.id, "entity type", e.type, schema.entity_types) for e in document.entities]
        for event in document.events:
            used.append(("event", event.id, "event type", event.type, schema.event_types))
            used.append(("event", event.id, "modality", event.modality, schema.modalities))
            used += [("event", event.id, "role", a.role, schema.role_names) for a in event.arguments]
        for kind, name, what, value, known in used:
            if value not in known:
                raise SchemaError(
                    f"document {document.id!r}, {kind} {name!r}: schema {schema.name!r} has no {what} {value!r} "
                    f"(it has {', '.join(known)}); train with the schema of this corpus, or mend the corpus"
                )


def label(document: Document, reading: Reading, schema: Schema) -> Labels:
    """The model's labels of an annotated document: the inverse of ``rasid.decoding``."""
    labels = Labels()
    names = {name: number for number, name in enumerate(schema.entity_types + schema.event_types)}
    mentions: list[Entity | Event] = [*document.entities, *document.events]
    for mention in mentions:
        words = reading.word_at(mention.start, mention.end)
        place = f"document {document.id!r}, {mention.type} {mention.id!r} {document.mention(mention)!r}"
        if words is None or reading.words[words[1]][1] != mention.end:
            labels.lost.append(f"{place}: it does not end where a word ends")
            continue
        first, last = words
        start, end = (int(x) for x in reading.words[first])
        letters = cut_letters(reading.text, start, end, mention.start)
        if letters is None:
            labels.lost.append(f"{place}: what stands before it in its first word is no proclitic")
            continue
        if labels.letters.setdefault(first, letters) != letters:
            labels.lost.append(f"{place}: another mention cuts {labels.letters[first]} letters from the same word")
            continue
        labels.mentions[mention.id] = (names[mention.type], first, last)
    modalities = {name: number for number, name in enumerate(schema.modalities)}
    roles = {name: number for number, name in enumerate(schema.role_names)}
    for event in document.events:
        if event.id not in labels.mentions:
            continue
        trigger = labels.mentions[event.id][1]
        if labels.modality.setdefault(trigger, modalities[event.modality]) != modalities[event.modality]:
            labels.lost.append(f"document {document.id!r}, event {event.id!r}: another modality on the same word")
        for argument in event.arguments:
            if argument.entity in labels.mentions:
                labels.links.setdefault((event.id, argument.entity), set()).add(roles[argument.role])
    return labels


def examples(
    document: Document, reading: Reading, labels: Labels, schema: Schema, size: WindowSize
) -> list[dict[str, Any]]:
    """One row of the data set for each window of the document. Adds to ``labels.lost`` what no window holds."""
    windows = divide(reading, size)
    whole: set[str] = set()
    rows = []
    for window in windows:
        inside = {
            name: (kind, first - window.start, last - window.start)
            for name, (kind, first, last) in labels.mentions.items()
            if window.start <= first and last < window.stop
        }
        whole |= inside.keys()
        rows.append(_row(document, reading, window, inside, labels, schema))
    for name in sorted(labels.mentions.keys() - whole):
        labels.lost.append(f"document {document.id!r}, {name!r}: longer than the overlap of windows")
    return rows


def _row(
    document: Document,
    reading: Reading,
    window: Window,
    mentions: Mapping[str, tuple[int, int, int]],
    labels: Labels,
    schema: Schema,
) -> dict[str, Any]:
    low = int(reading.first[window.start])
    words = slice(window.start, window.stop)
    starts = {first for _, first, _ in mentions.values()}
    lines = reading.paragraphs[words]
    entity_count = len(schema.entity_types)
    pairs, roles = [], []
    for event, (event_type, trigger, _) in mentions.items():
        if event_type < entity_count:
            continue
        for entity, (entity_type, first, last) in mentions.items():
            if entity_type < entity_count and lines[first] == lines[trigger]:
                pairs.append([event_type - entity_count, trigger, entity_type, first, last])
                roles.append(sorted(labels.links.get((event, entity), ())))
    return {
        "document": document.id,
        "input_ids": reading.pieces[low : int(reading.last[window.stop - 1]) + 1],
        "first": reading.first[words] - low,
        "last": reading.last[words] - low,
        "paragraphs": lines,
        "spans": sorted([kind, first, last] for kind, first, last in mentions.values()),
        "proclitics": [[w - window.start, n] for w, n in sorted(labels.letters.items()) if w - window.start in starts],
        "modality": [
            [w - window.start, m] for w, m in sorted(labels.modality.items()) if window.start <= w < window.stop
        ],
        "pairs": pairs,
        "roles": roles,
    }


def dataset(
    documents: Sequence[Document], tokenizer: Tokenizer, schema: Schema, size: WindowSize, cache: Path
) -> tuple[Dataset, list[str]]:
    """The training set of annotated documents, read from the cache where it has been made before.

    The cache's key is a fingerprint of everything that decides the rows: documents, tokenizer, schema, windows.

    Returns:
        The data set, a row a window, and what the encoding cannot represent.
    """
    key = hashlib.sha256()
    for part in (_FORM, schema.to_dict(), asdict(size), tokenizer.to_str(), [d.to_dict() for d in documents]):
        key.update(json.dumps(part, ensure_ascii=True, sort_keys=True).encode())
    place = cache / key.hexdigest()[:32]
    if not place.is_dir():
        _build(documents, tokenizer, schema, size, place)
    return load_from_disk(str(place)), json.loads((place / _LOST).read_text(encoding="utf-8"))


def _build(documents: Sequence[Document], tokenizer: Tokenizer, schema: Schema, size: WindowSize, place: Path) -> None:
    rows: list[dict[str, Any]] = []
    lost: list[str] = []
    for document in documents:
        reading = read(document.text, tokenizer)
        labels = label(document, reading, schema)
        rows.extend(examples(document, reading, labels, schema, size))
        lost.extend(labels.lost)
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        made = Path(folder) / "rows"
        Dataset.from_list(rows, features=_FEATURES).save_to_disk(str(made))
        (made / _LOST).write_text(json.dumps(lost, ensure_ascii=False), encoding="utf-8")
        try:
            made.rename(place)
        except OSError:
            if not place.is_dir():  # else another process has made the same meanwhile
                raise


@dataclass(frozen=True, slots=True)
class Collator:
    """Rows to a padded batch: the model's inputs as in ``rasid_training.batches.Batch``, and the labels.

    The labels, for ``b`` windows of up to ``w`` words with ``p`` pairs of a trigger and an entity in all:
    ``span_labels`` ``[b, types, w, w]`` bool; ``valid`` ``[b, w, w]`` bool, spans within a line;
    ``proclitic_labels``, ``modality_labels`` ``[b, w]``, -100 where there is none; ``pairs`` ``[p, 4]`` window,
    trigger's first word, filler's first and last; ``role_labels`` and ``role_mask`` ``[p, roles]`` bool, the roles
    that the pair has and those that the schema allows it.
    """

    schema: Schema
    begin: int
    end: int
    pad: int
    longest: int

    def __call__(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        inputs = self._inputs(rows)
        width = inputs["first"].shape[1]
        types = len(self.schema.entity_types) + len(self.schema.event_types)
        spans = torch.zeros(len(rows), types, width, width, dtype=torch.bool)
        lines = torch.full((len(rows), width), -1)
        proclitics = torch.full((len(rows), width), -100)
        modality = torch.full((len(rows), width), -100)
        pairs, has, may = [], [], []
        allowed = self._allowed()
        for number, row in enumerate(rows):
            for kind, first, last in row["spans"]:
                spans[number, kind, first, last] = True
            for word, letters in row["proclitics"]:
                proclitics[number, word] = letters
            for word, value in row["modality"]:
                modality[number, word] = value
            lines[number, : len(row["paragraphs"])] = torch.tensor(row["paragraphs"])
            for (event, trigger, entity, first, last), roles in zip(row["pairs"], row["roles"], strict=True):
                pairs.append([number, trigger, first, last])
                has.append([role in roles for role in range(len(self.schema.roles))])
                may.append(allowed[event][entity])
        same = (lines.unsqueeze(2) == lines.unsqueeze(1)) & (lines >= 0).unsqueeze(2)
        roles_shape = (len(pairs), max(len(self.schema.roles), 1))  # as the model's: a schema may have no role
        return {
            **inputs,
            "span_labels": spans,
            "valid": same.triu(),
            "proclitic_labels": proclitics,
            "modality_labels": modality,
            "pairs": torch.tensor(pairs, dtype=torch.long).reshape(-1, 4),
            "role_labels": torch.tensor(has, dtype=torch.bool).reshape(roles_shape),
            "role_mask": torch.tensor(may, dtype=torch.bool).reshape(roles_shape),
        }

    def _inputs(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, torch.Tensor]:
        special = {"begin": self.begin, "end": self.end, "longest": self.longest}
        passages = []
        for row in rows:
            pieces, first, last, lines = (
                np.array(row[name], dtype=np.int64) for name in ("input_ids", "first", "last", "paragraphs")
            )
            reading = Reading("", np.zeros((len(first), 2), dtype=np.int64), lines, pieces, first, last)
            passages.append(Passage.of(reading, Window(0, len(first)), **special))
        batch = Batch.of(passages, pad=self.pad)
        return {name: torch.from_numpy(getattr(batch, name)) for name in INPUTS}

    def _allowed(self) -> list[list[list[bool]]]:
        """``[event types][entity types][roles]`` whether the schema allows it."""
        return [
            [
                [self.schema.allows(event, role, entity) for role in self.schema.role_names]
                for entity in self.schema.entity_types
            ]
            for event in self.schema.event_types
        ]
