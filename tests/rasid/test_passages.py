"""Windows as the model's inputs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.passages import Passage, spans
from rasid.tokenizer import Reading, read
from rasid.windows import Window, WindowSize, divide

SPECIAL = {"begin": 1, "end": 2}


def test_a_word_longer_than_the_encoder_is_read_as_far_as_it_goes() -> None:
    places = np.array([[0, 100]], dtype=np.int64)
    reading = Reading("x" * 100, places, places[:, 0], np.arange(100) + 10, places[:, 0], np.array([99]))
    passage = Passage.of(reading, Window(0, 1), longest=16, **SPECIAL)
    assert passage.pieces.tolist() == [1, *range(10, 24), 2]
    assert (passage.first.tolist(), passage.last.tolist()) == ([1], [14])


@given(st.text("قتل في دمشق.12\n", min_size=1, max_size=200))
def test_each_word_stands_on_its_pieces(tokenizer: Tokenizer, text: str) -> None:
    size = WindowSize(longest=24, target=16, overlap=8)
    reading = read(text, tokenizer)
    for window in divide(reading, size):
        passage = Passage.of(reading, window, longest=size.longest, **SPECIAL)
        assert len(passage.pieces) <= size.longest
        assert (passage.pieces[0], passage.pieces[-1]) == (1, 2)
        for place, word in enumerate(range(window.start, window.stop)):
            pieces = passage.pieces[passage.first[place] : passage.last[place] + 1]
            assert pieces.tolist() == reading.pieces[reading.first[word] : reading.last[word] + 1].tolist()
            assert passage.lines[place] == reading.paragraphs[word]


@given(st.lists(st.integers(0, 3), max_size=12).map(sorted))
def test_spans_are_all_those_within_a_line(lines: list[int]) -> None:
    rows, columns = spans(np.array(lines, dtype=np.int64))
    found = list(zip(rows.tolist(), columns.tolist(), strict=True))
    words = range(len(lines))
    assert found == [(a, b) for a in words for b in words if a <= b and lines[a] == lines[b]]
