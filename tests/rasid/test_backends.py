"""Windows as padded arrays of the model's inputs."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.backends import Batch
from rasid.tokenizer import Reading, read
from rasid.windows import Window, WindowSize, divide

SPECIAL = {"begin": 1, "end": 2, "pad": 0}


def test_a_word_longer_than_the_encoder_is_read_as_far_as_it_goes() -> None:
    places = np.array([[0, 100]], dtype=np.int64)
    reading = Reading("x" * 100, places, places[:, 0], np.arange(100) + 10, places[:, 0], np.array([99]))
    batch = Batch.of([(reading, Window(0, 1))], longest=16, **SPECIAL)
    assert batch.input_ids.tolist() == [[1, *range(10, 24), 2]]
    assert batch.first.tolist() == [[1]]
    assert batch.last.tolist() == [[14]]


@given(st.lists(st.text("قتل في دمشق.12\n", min_size=1, max_size=80), min_size=1, max_size=4))
def test_each_window_stands_in_its_row(tokenizer: Tokenizer, texts: list[str]) -> None:
    size = WindowSize(longest=24, target=16, overlap=8)
    readings = [read(text, tokenizer) for text in texts]
    windows = [(reading, window) for reading in readings for window in divide(reading, size)]
    if not windows:
        return
    batch = Batch.of(windows, longest=size.longest, **SPECIAL)
    assert batch.input_ids.shape[1] <= size.longest
    for row, (reading, window) in enumerate(windows):
        count = int(batch.attention_mask[row].sum())
        assert batch.lengths[row] == len(window)
        assert batch.input_ids[row, 0] == SPECIAL["begin"]
        assert batch.input_ids[row, count - 1] == SPECIAL["end"]
        assert (batch.input_ids[row, count:] == SPECIAL["pad"]).all()
        for place, word in enumerate(range(window.start, window.stop)):
            pieces = batch.input_ids[row, batch.first[row, place] : batch.last[row, place] + 1]
            assert pieces.tolist() == reading.pieces[reading.first[word] : reading.last[word] + 1].tolist()
