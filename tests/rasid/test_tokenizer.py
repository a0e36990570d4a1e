"""Words, proclitics and pieces: properties over arbitrary Unicode, and a table of what a word is."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from rasid.tokenizer import MAX_PROCLITICS, cut, cut_letters, paragraphs, proclitics, read, words
from tests.rasid.strategies import CONTROLS, arabic_words, articles, texts, texts_with_surrogates


def surfaces(text: str) -> list[str]:
    return [text[start:end] for start, end in words(text).tolist()]


@given(texts | texts_with_surrogates)
def test_words_are_ordered_disjoint_and_inside(text: str) -> None:
    spans = words(text)
    assert spans.shape == (len(spans), 2)
    position = 0
    for start, end in spans.tolist():
        assert position <= start < end <= len(text)
        position = end


@given(texts | texts_with_surrogates)
def test_no_word_begins_or_ends_invisibly(text: str) -> None:
    for word in surfaces(text):
        for edge in (word[0], word[-1]):
            assert not edge.isspace()
            assert edge not in CONTROLS
        assert not any(character.isspace() for character in word)


@given(texts | texts_with_surrogates)
def test_every_visible_character_is_in_one_word(text: str) -> None:
    covered = np.zeros(len(text), dtype=int)
    for start, end in words(text).tolist():
        covered[start:end] += 1
    assert covered.max(initial=0) <= 1
    for character, times in zip(text, covered.tolist(), strict=True):
        small_signs = "\u0640\u06e5\u06e6\u08c9"  # category Lm, but they belong to the letter before them
        if unicodedata.category(character)[0] in "LNPS" and character not in small_signs:
            assert times == 1, f"U+{ord(character):04X} is in no word"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قتل 12 عنصرًا", ["قتل", "12", "عنصرًا"]),
        ("حـــي القَدَم،", ["حـــي", "القَدَم", "،"]),
        ("لـ “مجموعة”", ["لـ", "“", "مجموعة", "”"]),
        ("يوم٢٠آذار2018م", ["يوم", "٢٠", "آذار", "2018", "م"]),
        ("عنب\u200cبلدي\u200f.", ["عنب\u200cبلدي", "."]),
        ("\ufeffقال", ["قال"]),
        ("camera iconعناصر", ["camera", "icon", "عناصر"]),
        ("a_b", ["a", "_", "b"]),
        ("😀👍", ["😀", "👍"]),
        ("é e\u0301", ["é", "e\u0301"]),
        ("ﷺ ﻻ", ["ﷺ", "ﻻ"]),
        (" \u064e\u0640 ", []),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert surfaces(text) == expected


@given(texts)
def test_a_line_ends_at_a_line_feed_a_carriage_return_or_a_separator(text: str) -> None:
    spans = words(text)
    lines = paragraphs(text, spans[:, 0]).tolist()
    for (_, end), (start, _), here, there in zip(spans, spans[1:], lines, lines[1:], strict=False):
        breaks = sum(character in "\n\r\u2029" for character in text[end:start])
        assert there - here == breaks


@given(texts | arabic_words)
def test_cutting_and_counting_are_inverse(text: str) -> None:
    for start, end in words(text).tolist():
        most = proclitics(text, start, end)
        assert 0 <= most <= MAX_PROCLITICS
        positions = [cut(text, start, end, letters) for letters in range(MAX_PROCLITICS + 1)]
        assert positions[0] == start
        assert positions == sorted(positions)
        assert all(position < end for position in positions)
        assert positions[most:] == [positions[most]] * (MAX_PROCLITICS + 1 - most)
        assert len(set(positions)) == most + 1
        for letters in range(most + 1):
            assert cut_letters(text, start, end, positions[letters]) == letters
        for position in set(range(start, end + 1)) - set(positions):
            assert cut_letters(text, start, end, position) is None


@pytest.mark.parametrize(
    ("word", "letters", "rest"),
    [
        ("لعنب", 1, "عنب"),
        ("وَبِدِمَشْق", 2, "دِمَشْق"),
        ("وَبِدِمَشْق", 1, "بِدِمَشْق"),
        ("وـالقتل", 1, "القتل"),
        ("قتل", 2, "قتل"),
        ("بو", 2, "و"),
        ("و", 1, "و"),
        ("فل\u200cدمشق", 2, "دمشق"),
        ("بوادي", 2, "وادي"),  # a conjunction does not follow a preposition
        ("Twitter", 2, "Twitter"),
    ],
)
def test_cut(word: str, letters: int, rest: str) -> None:
    assert word[cut(word, 0, len(word), letters) :] == rest


@given(text=texts)
def test_reading_arbitrary_text(tokenizer: Tokenizer, text: str) -> None:
    reading = read(text, tokenizer)
    assert reading.text == text
    count = len(reading.words)
    assert {len(reading.paragraphs), len(reading.first), len(reading.last)} == {count}
    known = {tuple(span) for span in words(text).tolist()}
    assert all(tuple(span) in known for span in reading.words.tolist())
    assert (reading.first <= reading.last).all()
    assert (np.diff(reading.first) >= 0).all()
    assert (np.diff(reading.last) >= 0).all()
    assert (np.diff(reading.paragraphs) >= 0).all()
    if count:
        assert reading.first[0] >= 0
        assert reading.last[-1] < len(reading.pieces)


@given(text=articles)
def test_no_word_of_an_article_is_lost(tokenizer: Tokenizer, text: str) -> None:
    reading = read(text, tokenizer)
    assert reading.words.tolist() == words(text).tolist()
    offsets = tokenizer.encode(text, add_special_tokens=False).offsets
    for (start, end), first, last in zip(reading.words, reading.first, reading.last, strict=True):
        # The word's pieces touch the word, its neighbours do not.
        assert offsets[first][0] < end
        assert offsets[first][1] > start
        assert offsets[last][0] < end
        assert first == 0 or offsets[first - 1][1] <= start
        assert last == len(offsets) - 1 or offsets[last + 1][0] >= end


@given(text=articles, data=st.data())
def test_the_words_of_a_mention(tokenizer: Tokenizer, text: str, data: st.DataObject) -> None:
    reading = read(text, tokenizer)
    first = data.draw(st.integers(0, len(reading.words) - 1))
    last = data.draw(st.integers(first, len(reading.words) - 1))
    start, end = int(reading.words[first][0]), int(reading.words[last][1])
    letters = data.draw(st.integers(0, MAX_PROCLITICS))
    start = cut(text, start, int(reading.words[first][1]), letters)
    assert reading.word_at(start, end) == (first, last)


def test_a_stretch_without_a_word(tokenizer: Tokenizer) -> None:
    assert read("قتل   جرح", tokenizer).word_at(4, 5) is None


def test_a_mark_makes_no_word_unknown(tokenizer: Tokenizer) -> None:
    plain, marked = read("قتل حي", tokenizer), read("قَتَلَ حـــي", tokenizer)
    assert plain.pieces.tolist() == marked.pieces.tolist()
    assert tokenizer.token_to_id("[UNK]") not in marked.pieces
