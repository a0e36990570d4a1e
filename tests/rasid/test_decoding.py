"""Decoding: scores that say exactly the gold give exactly the gold back, across nesting, crossing and seams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.decoding import Calibration, Decoder
from rasid.document import Document
from rasid.errors import ModelError
from rasid.schema import Schema
from rasid.tokenizer import Reading, cut, proclitics, read
from rasid.windows import Window, WindowSize, divide, owners
from tests.rasid.strategies import articles
from tests.rasid.tables import Tables, mentions

SIZE = WindowSize(longest=24, target=16, overlap=10)
NO, YES = -9.0, 9.0

Span = tuple[int, int]
Link = tuple[int, int, Span]
"""First word of a trigger, role, words of the filler."""


@dataclass(frozen=True)
class Gold:
    """What the scores shall say: mentions as (type, words), links, and what each first word tells."""

    mentions: frozenset[tuple[int, Span]]
    links: frozenset[Link]
    letters: Sequence[int]
    modality: Sequence[int]


@st.composite
def golds(draw: st.DrawFn, reading: Reading, windows: Sequence[Window], schema: Schema) -> Gold:
    """Mentions that are whole in some window: nested, crossing, several types on one span."""
    count = len(reading.words)
    types = len(schema.entity_types) + len(schema.event_types)

    def span(first: int) -> Span:
        last = min(first + draw(st.integers(0, 4)), count - 1)
        while not whole(reading, windows, first, last):
            last -= 1
        return first, last

    spans = [span(draw(st.integers(0, count - 1))) for _ in range(draw(st.integers(0, 14)))]
    mentions = frozenset((draw(st.integers(0, types - 1)), s) for s in spans for _ in range(draw(st.integers(1, 3))))
    # A role's logit is a sum over the filler's ends, so that each trigger's first word has one filler a role here.
    links = {}
    for first in sorted({s[0] for _, s in mentions}):
        for role in range(len(schema.roles)):
            if spans and draw(st.booleans()):
                links[first, role] = draw(st.sampled_from(spans))
    return Gold(
        mentions,
        frozenset((first, role, filler) for (first, role), filler in links.items()),
        [draw(st.integers(0, proclitics(reading.text, *word))) for word in reading.words.tolist()],
        [draw(st.integers(0, len(schema.modalities) - 1)) for _ in range(count)],
    )


def whole(reading: Reading, windows: Sequence[Window], first: int, last: int) -> bool:
    """Whether the words stand in one line and one window holds them all."""
    held = owners(windows, np.array([first]), np.array([last]))[0] >= 0
    return bool(held and reading.paragraphs[first] == reading.paragraphs[last])


def ideal(gold: Gold, window: Window, schema: Schema) -> Tables:
    """The scores of one window that say the gold in it, and nothing else."""
    size, roles = len(window), len(schema.roles)
    types = len(schema.entity_types) + len(schema.event_types)

    def empty(*shape: int) -> np.ndarray:
        return np.full(shape, NO, dtype=np.float32)

    scores = Tables(
        empty(types, size, size),
        empty(size, 3),
        empty(size, len(schema.modalities)),
        empty(roles, size, size),
        np.zeros((roles, size, size), dtype=np.float32),
    )
    for type_, (first, last) in gold.mentions:
        if window.start <= first and last < window.stop:
            scores.spans[type_, first - window.start, last - window.start] = YES
    for word in range(size):
        scores.proclitics[word, gold.letters[window.start + word]] = YES
        scores.modality[word, gold.modality[window.start + word]] = YES
    for trigger, role, (first, last) in gold.links:
        inside = range(window.start, window.stop)
        if trigger in inside and first in inside:
            scores.roles_first[role, trigger - window.start, first - window.start] += 6
        if trigger in inside and last in inside:
            scores.roles_last[role, trigger - window.start, last - window.start] += 6
    return scores


def expected(gold: Gold, reading: Reading, windows: Sequence[Window], schema: Schema) -> tuple[Counter, Counter]:
    """Entities, and events with their arguments, as they shall come out."""
    names = schema.entity_types + schema.event_types

    def shown(type_: int, span: Span) -> tuple[str, int, int]:
        start, end = reading.words[span[0]].tolist()
        return names[type_], cut(reading.text, start, end, gold.letters[span[0]]), int(reading.words[span[1]][1])

    fillers = [(t, s) for t, s in gold.mentions if t < len(schema.entity_types)]
    events: Counter = Counter()
    for type_, span in gold.mentions:
        if type_ < len(schema.entity_types):
            continue
        arguments = frozenset(
            (schema.role_names[role], *shown(filler_type, filler))
            for first, role, words in gold.links
            for filler_type, filler in fillers
            if first == span[0]
            and words == filler
            and schema.allows(names[type_], schema.role_names[role], names[filler_type])
            and whole(reading, windows, min(first, filler[0]), max(span[1], filler[1]))
        )
        events[(*shown(type_, span), schema.modalities[gold.modality[span[0]]], arguments)] += 1
    return Counter(shown(t, s) for t, s in fillers), events


def found(document: Document) -> tuple[Counter, Counter]:
    entities = {entity.id: (entity.type, entity.start, entity.end) for entity in document.entities}
    assert len(entities) == len(document.entities)
    events: Counter = Counter()
    for event in document.events:
        arguments = [(argument.role, *entities[argument.entity]) for argument in event.arguments]
        assert len(arguments) == len(set(arguments)), "an argument is given twice"
        events[event.type, event.start, event.end, event.modality, frozenset(arguments)] += 1
    return Counter(entities.values()), events


def decode(schema: Schema, reading: Reading, windows: Sequence[Window], scores: Sequence[Tables]) -> Document:
    decoder = Decoder(schema, Calibration())
    entities, events = decoder.document(reading, windows, mentions(decoder, reading, windows, scores))
    return Document("a", reading.text, None, entities, events)


@settings(max_examples=150, deadline=None)
@given(text=articles, data=st.data())
def test_ideal_scores_give_the_gold_back(schema: Schema, tokenizer: Tokenizer, text: str, data: st.DataObject) -> None:
    reading = read(text, tokenizer)
    windows = divide(reading, SIZE)
    gold = data.draw(golds(reading, windows, schema))
    document = decode(schema, reading, windows, [ideal(gold, window, schema) for window in windows])
    assert found(document) == expected(gold, reading, windows, schema)
    for item in (*document.entities, *document.events):
        assert item.score is not None
        assert item.score > 0.99
    for items in (document.entities, document.events):
        places = [reading.word_at(item.start, item.end) for item in items]
        assert places == sorted(places, key=lambda place: (place[0], -place[1]))  # outer before inner


@pytest.fixture
def long_reading(tokenizer: Tokenizer) -> Reading:
    """One paragraph over several windows."""
    return read(" ".join(f"{word} {number}" for number in range(40) for word in ("دمشق", "حي")), tokenizer)


def test_a_mention_in_two_windows_is_given_once(schema: Schema, long_reading: Reading) -> None:
    windows = divide(long_reading, SIZE)
    shared = range(windows[1].start, windows[0].stop)
    assert len(shared) >= 2
    gold = Gold(
        frozenset({(4, (shared[0], shared[1])), (4, (shared[1], shared[1])), (10, (shared[0], shared[0]))}),
        frozenset({(shared[0], 4, (shared[1], shared[1]))}),
        [0] * len(long_reading.words),
        [1] * len(long_reading.words),
    )
    document = decode(schema, long_reading, windows, [ideal(gold, window, schema) for window in windows])
    assert len(document.entities) == 2
    assert [event.modality for event in document.events] == ["negated"]
    assert [argument.role for argument in document.events[0].arguments] == ["PLACE"]


def test_the_window_with_more_context_decides(schema: Schema, long_reading: Reading) -> None:
    windows = divide(long_reading, SIZE)
    edge = windows[0].stop - 1  # at the end of the first window, inside the second
    words = len(long_reading.words)
    said = Gold(frozenset({(4, (edge, edge))}), frozenset(), [0] * words, [0] * words)
    nothing = Gold(frozenset(), frozenset(), [0] * words, [0] * words)
    for speaker, number in ((0, 0), (1, 1)):
        scores = [ideal(said if n == speaker else nothing, window, schema) for n, window in enumerate(windows)]
        assert len(decode(schema, long_reading, windows, scores).entities) == number


def test_no_mention_crosses_a_line(schema: Schema, tokenizer: Tokenizer) -> None:
    reading = read("قتل دمشق\nحي القدم", tokenizer)
    windows = divide(reading, SIZE)
    assert len(windows) == 1
    words = [0] * 4
    gold = Gold(frozenset({(4, (1, 2)), (4, (3, 3)), (12, (0, 0))}), frozenset({(0, 4, (3, 3))}), words, words)
    document = decode(schema, reading, windows, [ideal(gold, windows[0], schema)])
    assert [document.mention(entity) for entity in document.entities] == ["القدم"]
    assert document.events[0].arguments == ()


def test_no_windows_give_nothing(schema: Schema, tokenizer: Tokenizer) -> None:
    assert Decoder(schema, Calibration()).document(read("", tokenizer), [], []) == ((), ())


def test_thresholds_are_probabilities_after_calibration() -> None:
    calibration = Calibration({"entities": (2.0, -1.0)}, {"LOC": 0.9})
    logit = calibration.cutoffs("entities", ["LOC", "PERSON"])
    assert calibration.probability("entities", logit) == pytest.approx([0.9, 0.5], abs=1e-6)
    assert calibration.cutoffs("roles", ["AGENT"]) == pytest.approx([0.0])
    assert Calibration.from_dict(calibration.to_dict()) == calibration
    extreme = np.array([-1e6, 1e6], dtype=np.float32)
    assert calibration.probability("entities", extreme) == pytest.approx([0, 1], abs=1e-6)


@pytest.mark.parametrize("wrong", [{"scales": {"roles": "x"}}, {"thresholds": {"LOC": "high"}}, {"scales": []}, 5])
def test_a_damaged_calibration(wrong: object) -> None:
    with pytest.raises(ModelError, match=r"calibration .* is damaged"):
        Calibration.from_dict(wrong)  # type: ignore[arg-type]
