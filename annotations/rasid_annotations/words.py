"""Words and paragraphs: where a mention may begin and end (guidelines, section 1).

All offsets count Unicode code points; ``end`` is exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

# Arabic vowel signs, superscript alef and Quranic marks: parts of a word, though not \w for `re`.
_MARKS = r"\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed"
_TATWEEL = r"\u0640"
_DECORATION = re.compile(rf"[{_MARKS}{_TATWEEL}]")
_WORD_CHAR = re.compile(rf"[\w{_MARKS}]")
_WORD = re.compile(rf"[\w{_MARKS}]+")
_ARABIC = re.compile(r"[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufefc]")
_PROCLITICS = re.compile(r"[وف]?[بلك]?")


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
    """Spans ``(start, end)`` of the written words: runs of letters, digits and marks."""
    return (match.span() for match in _WORD.finditer(text) if any(c.isalnum() for c in match.group()))


def is_word_char(char: str) -> bool:
    """Whether ``char`` is part of a word: a letter, a digit, a vowel sign, tatweel or an underscore."""
    return _WORD_CHAR.match(char) is not None


def _joined(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word. A change of script ends a word (``140عنصرًا``)."""
    return is_word_char(left) and is_word_char(right) and _is_arabic_letter(left) == _is_arabic_letter(right)


def _is_arabic_letter(char: str) -> bool:
    return _ARABIC.match(char) is not None and not char.isdigit()


def letters_before(text: str, start: int) -> str:
    """What stands before ``start`` in the same word, back to the word's beginning; empty at a beginning."""
    head = start
    while 0 < head < len(text) and _joined(text[head - 1], text[head]):
        head -= 1
    return text[head:start]


def begins_word(text: str, start: int) -> bool:
    """Whether a mention may begin at ``start``: at the beginning of a word, proclitics (و ف ب ل ك) apart.

    Vowel signs and tatweel on a proclitic do not count (``وَقتل``, ``لـداعش``). A mention cannot begin with the
    vowel sign of a letter that is left outside.
    """
    before = letters_before(text, start)
    if before and _DECORATION.match(text[start]):
        return False
    return _PROCLITICS.fullmatch(_DECORATION.sub("", before)) is not None


def ends_word(text: str, end: int) -> bool:
    """Whether a mention may end at ``end``: no letter, digit or mark of the same word follows."""
    return not 0 < end < len(text) or not _joined(text[end - 1], text[end])
