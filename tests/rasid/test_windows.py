"""Windows: every word is read, no window is too long, paragraphs and mentions stay whole where they can."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.tokenizer import Reading, read
from rasid.windows import Window, WindowSize, divide, owners
from tests.rasid.strategies import articles, texts


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    """Words of one to nine pieces, now and then a giant one, in paragraphs of any length."""
    sizes = draw(st.lists(st.integers(1, 9) | st.sampled_from([1, 1, 2, 70]), min_size=1, max_size=80))
    lines = sorted(draw(st.lists(st.integers(0, 6), min_size=len(sizes), max_size=len(sizes))))
    ends = np.cumsum(sizes)
    spans = np.stack([np.arange(len(sizes)) * 2, np.arange(len(sizes)) * 2 + 1], axis=1)
    return Reading("x " * len(sizes), spans, np.array(lines), np.arange(ends[-1]), ends - np.array(sizes), ends - 1)


@st.composite
def sizes(draw: st.DrawFn) -> WindowSize:
    longest = draw(st.integers(6, 64))
    return WindowSize(longest, draw(st.integers(3, longest)), draw(st.integers(0, (longest - 2) // 2)))


def pieces(reading: Reading, first: int, last: int) -> int:
    return int(reading.last[last] - reading.first[first] + 1)


@given(readings(), sizes())
def test_every_word_is_read_in_order(reading: Reading, size: WindowSize) -> None:
    windows = divide(reading, size)
    assert windows[0].start == 0
    assert windows[-1].stop == len(reading.words)
    for before, after in itertools.pairwise(windows):
        # The stops are equal only before a word that is longer than the encoder.
        assert before.start < after.start <= before.stop <= after.stop


@given(readings(), sizes())
def test_no_window_is_longer_than_the_encoder(reading: Reading, size: WindowSize) -> None:
    for window in divide(reading, size):
        assert len(window) >= 1
        assert len(window) == 1 or pieces(reading, window.start, window.stop - 1) <= size.longest - 2


@given(readings(), sizes())
def test_a_paragraph_that_fits_stays_whole(reading: Reading, size: WindowSize) -> None:
    windows = divide(reading, size)
    for line in np.unique(reading.paragraphs):
        inside = np.flatnonzero(reading.paragraphs == line)
        first, last = int(inside[0]), int(inside[-1])
        holding = [w for w in windows if w.start <= first and last < w.stop]
        if pieces(reading, first, last) <= size.longest - 2:
            assert len(holding) == 1
            touching = [w for w in windows if w.start <= last and first < w.stop]
            assert touching == holding
            window = holding[0]
            if (window.start, window.stop) != (first, last + 1):  # packed with others: within the target
                assert pieces(reading, window.start, window.stop - 1) <= size.target - 2


@given(readings(), sizes(), st.data())
def test_a_mention_shorter_than_the_overlap_is_whole_somewhere(
    reading: Reading, size: WindowSize, data: st.DataObject
) -> None:
    first = data.draw(st.integers(0, len(reading.words) - 1))
    last = first
    while last + 1 < len(reading.words) and reading.paragraphs[last + 1] == reading.paragraphs[first]:
        if pieces(reading, first, last + 1) > size.overlap:
            break
        last += 1
    windows = divide(reading, size)
    owner = int(owners(windows, np.array([first]), np.array([last]))[0])
    assert owner >= 0
    assert windows[owner].start <= first
    assert last < windows[owner].stop


@given(readings(), sizes(), st.data())
def test_the_owner_holds_the_mention_with_most_context(reading: Reading, size: WindowSize, data: st.DataObject) -> None:
    windows = divide(reading, size)
    first = data.draw(st.integers(0, len(reading.words) - 1))
    last = data.draw(st.integers(first, len(reading.words) - 1))
    owner = int(owners(windows, np.array([first]), np.array([last]))[0])
    space = {n: min(first - w.start, w.stop - 1 - last) for n, w in enumerate(windows)}
    holding = {n: room for n, room in space.items() if room >= 0}
    if not holding:
        assert owner == -1
    else:
        assert holding[owner] == max(holding.values())


@given(text=articles | texts, size=sizes())
def test_real_readings(tokenizer: Tokenizer, text: str, size: WindowSize) -> None:
    reading = read(text, tokenizer)
    windows = divide(reading, size)
    held = {word for window in windows for word in range(window.start, window.stop)}
    assert held == set(range(len(reading.words)))


def test_overlap_within_a_long_paragraph() -> None:
    count = np.arange(100)
    reading = Reading("", np.stack([count, count + 1], axis=1), count * 0, count, count, count)
    assert divide(reading, WindowSize(42, 42, 10)) == [Window(0, 40), Window(30, 70), Window(60, 100)]


def test_nothing_gives_no_windows(tokenizer: Tokenizer) -> None:
    assert divide(read("", tokenizer), WindowSize()) == []


@pytest.mark.parametrize("wrong", [(512, 600, 10), (512, 2, 10), (100, 50, 50), (100, 50, -1)])
def test_sizes_that_make_no_sense(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="window"):
        WindowSize(*wrong)
