"""Passages as padded arrays."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.passages import Passage
from rasid.tokenizer import read
from rasid.windows import WindowSize, divide
from rasid_training.batches import Batch

SIZE = WindowSize(longest=24, target=16, overlap=8)


@given(st.lists(st.text("قتل في دمشق.12\n", min_size=1, max_size=80), min_size=1, max_size=4))
def test_each_passage_stands_in_its_row(compact_tokenizer: Tokenizer, texts: list[str]) -> None:
    readings = [read(text, compact_tokenizer) for text in texts]
    passages = [
        Passage.of(reading, window, begin=1, end=2, longest=SIZE.longest)
        for reading in readings
        for window in divide(reading, SIZE)
    ]
    if not passages:
        return
    batch = Batch.of(passages, pad=0)
    for row, passage in enumerate(passages):
        count, words = len(passage.pieces), len(passage.window)
        assert batch.input_ids[row, :count].tolist() == passage.pieces.tolist()
        assert not batch.input_ids[row, count:].any()
        assert batch.attention_mask[row].tolist() == [1] * count + [0] * (batch.input_ids.shape[1] - count)
        for padded, one in ((batch.first, passage.first), (batch.last, passage.last)):
            assert padded[row, :words].tolist() == one.tolist()
            assert not padded[row, words:].any()
