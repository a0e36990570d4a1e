"""Gold to the model's labels and back: nothing of the corpus is lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.decoding import Calibration, Decoder
from rasid.document import Argument, Document, Entity, Event
from rasid.schema import Schema
from rasid.tokenizer import MAX_PROCLITICS, Reading, cut, proclitics, read
from rasid.windows import Window, WindowSize, divide
from rasid_annotations.corpus import load_schema
from rasid_training.encoders import load_encoder
from rasid_training.examples import Collator, Labels, dataset, label
from rasid_training.normalization import normalized
from tests.rasid.tables import Tables, mentions

from .conftest import COMPACT, SCHEMA

SIZES = (WindowSize(), WindowSize(longest=128, target=96, overlap=60))


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(SCHEMA)


def ideal(labels: Labels, window: Window, schema: Schema) -> Tables:
    """The scores of a model that has learned the labels by heart."""
    count, types = len(window), len(schema.entity_types) + len(schema.event_types)
    spans = np.full((types, count, count), -9.0, dtype=np.float32)
    letters = np.zeros((count, MAX_PROCLITICS + 1), dtype=np.float32)
    modality = np.zeros((count, len(schema.modalities)), dtype=np.float32)
    first = np.full((len(schema.roles), count, count), -9.0, dtype=np.float32)
    last = np.zeros_like(first)
    inside = {
        name: (kind, begin - window.start, end - window.start)
        for name, (kind, begin, end) in labels.mentions.items()
        if window.start <= begin and end < window.stop
    }
    for kind, begin, end in inside.values():
        spans[kind, begin, end] = 9.0
    for word, number in labels.letters.items():
        if window.start <= word < window.stop:
            letters[word - window.start, number] = 1.0
    for word, number in labels.modality.items():
        if window.start <= word < window.stop:
            modality[word - window.start, number] = 1.0
    for (event, entity), roles in labels.links.items():
        if event in inside and entity in inside:
            for role in roles:
                first[role, inside[event][1], inside[entity][1]] = 3.0
                last[role, inside[event][1], inside[entity][2]] = 6.0
    return Tables(spans, letters, modality, first, last)


def decoded(document: Document, reading: Reading, labels: Labels, schema: Schema, size: WindowSize) -> Document:
    decoder = Decoder(schema, Calibration())
    windows = divide(reading, size)
    found = mentions(decoder, reading, windows, [ideal(labels, window, schema) for window in windows])
    entities, events = decoder.document(reading, windows, found)
    return replace(document, entities=entities, events=events)


def facts(document: Document) -> tuple[set[object], set[object], set[object]]:
    spans = {e.id: (e.type, e.start, e.end) for e in document.entities}
    entities = set(spans.values())
    events = {(e.type, e.start, e.end, e.modality) for e in document.events}
    arguments = {(e.type, e.start, e.end, a.role, spans[a.entity]) for e in document.events for a in e.arguments}
    return entities, events, arguments  # type: ignore[return-value]


@pytest.mark.parametrize("size", SIZES)
def test_every_mention_of_the_corpus_comes_back(
    corpus: Sequence[Document], compact_tokenizer: Tokenizer, schema: Schema, size: WindowSize
) -> None:
    for document in corpus:
        reading = read(document.text, compact_tokenizer)
        labels = label(document, reading, schema)
        assert labels.lost == []
        entities, events, arguments = facts(document)
        found = facts(decoded(document, reading, labels, schema, size))
        assert found[0] == entities
        assert found[1] == events
        # A link is lost only where no window holds both of its ends: never with windows of the usual size.
        if size == SIZES[0]:
            assert arguments <= found[2]
        # The ideal table links by the trigger's first word: what it adds stands on the same words as gold.
        assert len(found[2] - arguments) <= 0.02 * len(arguments)


def test_arabert_normalisation_loses_no_mention(
    corpus: Sequence[Document], compact_tokenizer: Tokenizer, schema: Schema
) -> None:
    tokenizer = normalized(compact_tokenizer, "arabert")
    for document in corpus:
        labels = label(document, read(document.text, tokenizer), schema)
        assert labels.lost == []
        assert len(labels.mentions) == len(document.entities) + len(document.events)


@st.composite
def annotated(draw: st.DrawFn, schema: Schema, tokenizer: Tokenizer) -> Document:
    """A text of arbitrary words and lines with arbitrary mentions on them, nested and crossing too."""
    alphabet = st.sampled_from("وفبلكاتمنرسدحقعيةىأ\u064e\u0651ـ\u200f ٣5a.،“”\n😀")
    text = draw(st.text(alphabet, min_size=1, max_size=120))
    reading = read(text, tokenizer)
    count = len(reading.words)
    letters = [draw(st.integers(0, proclitics(text, *map(int, span)))) for span in reading.words]

    def span() -> tuple[int, int]:
        first = draw(st.integers(0, count - 1))
        line = reading.paragraphs[first]
        last = draw(st.integers(first, int(np.flatnonzero(reading.paragraphs == line).max())))
        begin, end = (int(x) for x in reading.words[first])
        return cut(text, begin, end, letters[first]), int(reading.words[last][1])

    entities: dict[tuple[str, int, int], Entity] = {}
    events: dict[tuple[int, int], Event] = {}
    starts: set[int] = set()
    for n in range(draw(st.integers(0, 8)) if count else 0):
        kind = draw(st.sampled_from(schema.entity_types))
        entities.setdefault((kind, *span()), Entity(f"t{n}", kind, 0, 0))
    for n in range(draw(st.integers(0, 4)) if count else 0):
        place = span()
        if place[0] in starts:  # one modality and one row of links for each first word
            continue
        starts.add(place[0])
        kind = draw(st.sampled_from(schema.event_types))
        events[place] = Event(f"e{n}", kind, *place, draw(st.sampled_from(schema.modalities)))
    made = tuple(replace(e, start=a, end=b) for (_, a, b), e in entities.items())
    linked = []
    for event in events.values():
        line = text.count("\n", 0, event.start)
        may = [
            Argument(role, e.id)
            for e in made
            if text.count("\n", 0, e.start) == line
            for role in schema.role_names
            if schema.allows(event.type, role, e.type)
        ]
        linked.append(replace(event, arguments=tuple(draw(st.lists(st.sampled_from(may), unique=True)) if may else ())))
    return Document("d", text, entities=made, events=tuple(linked))


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_arbitrary_mentions_come_back(data: st.DataObject, compact_tokenizer: Tokenizer, schema: Schema) -> None:
    document = data.draw(annotated(schema, compact_tokenizer))
    reading = read(document.text, compact_tokenizer)
    labels = label(document, reading, schema)
    assert labels.lost == []
    found = facts(decoded(document, reading, labels, schema, SIZES[0]))
    assert found[:2] == facts(document)[:2]
    assert facts(document)[2] <= found[2]


def test_what_cannot_be_represented_is_reported(compact_tokenizer: Tokenizer, schema: Schema) -> None:
    text = "وقتل جنود"
    document = Document(
        "d",
        text,
        entities=(Entity("t1", "PEOPLE", 5, 8), Entity("t2", "PEOPLE", 6, 9)),
        events=(Event("e1", "KILL", 1, 4, "actual"), Event("e2", "INJURE", 0, 4, "actual")),
    )
    lost = label(document, read(text, compact_tokenizer), schema).lost
    assert len(lost) == 3
    assert "'t1'" in lost[0]
    assert "does not end where a word ends" in lost[0]
    assert "'t2'" in lost[1]
    assert "no proclitic" in lost[1]
    assert "'e2'" in lost[2]


def test_features_are_computed_once(
    corpus: Sequence[Document], compact_tokenizer: Tokenizer, schema: Schema, tmp_path: Path
) -> None:
    rows, lost = dataset(corpus, compact_tokenizer, schema, WindowSize(), tmp_path)
    assert lost == []
    (folder,) = tmp_path.iterdir()
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    again, _ = dataset(corpus, compact_tokenizer, schema, WindowSize(), tmp_path)
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    assert again.to_list() == rows.to_list()
    dataset(corpus[:4], compact_tokenizer, schema, WindowSize(), tmp_path)
    assert len(list(tmp_path.iterdir())) == 2  # another corpus has other features


def test_batches_hold_each_label_where_it_belongs(
    corpus: Sequence[Document], compact_tokenizer: Tokenizer, schema: Schema, tmp_path: Path
) -> None:
    rows, _ = dataset(corpus, compact_tokenizer, schema, WindowSize(), tmp_path)
    batch = Collator(schema, begin=2, end=3, pad=0, longest=512)(list(rows))
    assert int(batch["span_labels"].sum()) == sum(len(d.entities) + len(d.events) for d in corpus)
    assert bool((batch["span_labels"].any(dim=1) <= batch["valid"]).all())
    assert int((batch["role_labels"] & batch["role_mask"]).sum()) == int(batch["role_labels"].sum())
    assert int(batch["role_labels"].sum()) == sum(len(e.arguments) for d in corpus for e in d.events)
    assert int((batch["modality_labels"] >= 0).sum()) <= sum(len(d.events) for d in corpus)
    places = batch["first"][batch["valid"].diagonal(dim1=1, dim2=2)]
    assert int(places.min()) >= 1  # position 0 is the special piece
    assert torch.equal(batch["attention_mask"].sum(1) - 2, torch.tensor([len(row["input_ids"]) for row in rows]))


def test_the_compact_encoder_is_read_with_its_normalisation() -> None:
    from rasid_training.config import Encoder

    encoder = load_encoder(Encoder(str(COMPACT), weights="fresh", normalization="compact"), WindowSize())
    assert (
        encoder.tokenizer.encode("قَصْفٌ", add_special_tokens=False).tokens
        == encoder.tokenizer.encode("قصف", add_special_tokens=False).tokens
    )
    assert (encoder.begin, encoder.end, encoder.pad) == (2, 3, 0)
