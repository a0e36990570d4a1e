"""Words and paragraphs: where a mention may begin and end (guidelines, section 1).

What a word is, and which of its letters can be proclitics, is decided by ``rasid.tokenizer`` alone. All offsets
count Unicode code points; ``end`` is exclusive.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from rasid import tokenizer


class Paragraph(NamedTuple):
    """A line of an article's text that is not blank, without its line feed; ``start`` is its offset."""

    start: int
    text: str


def paragraphs(text: str) -> list[Paragraph]:
    """The paragraphs of ``text`` in order; paragraph n of the guidelines is item n - 1."""
    found, offset = [], 0
    for line in text.split("\n"):
        if line.strip():
            found.append(Paragraph(offset, line))
        offset += len(line) + 1
    return found


def words(text: str) -> Iterator[tuple[int, int]]:
    """Spans ``(start, end)`` of the written words: those of ``rasid.tokenizer.words`` that are letters or digits."""
    return (span for span in _spans(text) if text[span[0]].isalnum())


@lru_cache(maxsize=16)  # checks ask for the words of one text once for each of its mentions
def _spans(text: str) -> list[tuple[int, int]]:
    return [(start, end) for start, end in tokenizer.words(text).tolist()]


def _word_at(text: str, position: int) -> tuple[int, int] | None:
    """The word that the character at ``position`` belongs to, if any."""
    spans = _spans(text)
    number = bisect_right(spans, (position, len(text) + 1)) - 1
    return spans[number] if number >= 0 and spans[number][1] > position else None


def letters_before(text: str, start: int) -> str:
    """What stands before ``start`` in the same word, back to the word's beginning; empty at a beginning."""
    word = _word_at(text, start)
    return text[word[0] : start] if word else ""


def begins_word(text: str, start: int) -> bool:
    """Whether a mention may begin at ``start``: not inside a word, unless after its proclitics (و ف ب ل ك).

    Vowel signs and tatweel on a proclitic go with it (``وَقتل``, ``لـداعش``).
    """
    word = _word_at(text, start)
    return word is None or tokenizer.cut_letters(text, *word, start) is not None


def ends_word(text: str, end: int) -> bool:
    """Whether a mention may end at ``end``: no letter, digit or mark of the same word follows."""
    word = _word_at(text, end - 1)
    return word is None or word[1] == end
