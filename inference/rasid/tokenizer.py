"""Text to words and pieces, both aligned with the characters of the text as it was given.

Words are Rasid's own: they depend on the text alone, not on an encoder's tokenizer, so spans mean the same
whatever model is used. Pieces are the encoder's: its ``tokenizer.json`` holds the normalisation that it was
pretrained with, as normalisers that keep the alignment to the original characters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Ints = npt.NDArray[np.int64]

# Arabic letters with their presentation forms; marks (harakat, Quranic signs, tatweel) belong to the letter
# before them; controls (zero-width and bidirectional) are invisible and never begin or end a word.
_LETTERS = (
    r"\u0620-\u063F\u0641-\u064A\u066E-\u066F\u0671-\u06D3\u06D5\u06EE-\u06EF\u06FA-\u06FF\u0750-\u077F"
    r"\u0870-\u0887\u08A0-\u08C9\uFB50-\uFBB1\uFBD3-\uFDFF\uFE70-\uFEFC"
)
_MARKS = (
    r"\u0610-\u061A\u0640\u064B-\u065F\u0670\u06D6-\u06DC\u06DF-\u06E8\u06EA-\u06ED"
    r"\u0898-\u089F\u08CA-\u08E1\u08E3-\u08FF"
)
_COMBINING = (
    r"\u0300-\u036F\u0483-\u0489\u0591-\u05BD\u05BF\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF"
    r"\uFE00-\uFE0F\uFE20-\uFE2F"
)
_CONTROLS = r"\u00AD\u061C\u180E\u200B-\u200F\u202A-\u202E\u2060-\u2064\u2066-\u206F\uFEFF"
_WORD = re.compile(
    rf"[{_LETTERS}](?:[{_MARKS}{_COMBINING}]|[{_CONTROLS}]*[{_LETTERS}])*"  # a run of Arabic letters
    r"|\d+"  # a run of digits, of any script
    rf"|(?:(?![{_LETTERS}{_MARKS}{_COMBINING}{_CONTROLS}])[^\W\d_][{_COMBINING}]*)+"  # a run of other letters
    rf"|[^\s{_MARKS}{_COMBINING}{_CONTROLS}]"  # any other visible character alone
)
_PARAGRAPH_END = re.compile(r"[\n\r\u2029]")
_LETTER = re.compile(rf"[{_LETTERS}]")
_LETTER_WITH_MARKS = re.compile(rf"[{_LETTERS}][{_MARKS}{_COMBINING}{_CONTROLS}]*")
_PROCLITICS = re.compile(r"([وف]?)([بلك]?)")

MAX_PROCLITICS = 2
"""The most letters that are cut from a word: a conjunction (و ف) and a preposition (ب ل ك)."""


def words(text: str) -> Ints:
    """The words of a text, in order.

    A word is a run of Arabic letters with their marks, a run of digits, a run of other letters, or one other
    visible character; a change of script ends a word. White space, invisible controls and stray marks belong
    to none.

    Returns:
        ``[n, 2]`` start and end of each word, in code points of ``text``.
    """
    spans = [match.span() for match in _WORD.finditer(text)]
    return np.array(spans, dtype=np.int64).reshape(-1, 2)


def paragraphs(text: str, starts: Ints) -> Ints:
    """The number of the line that each position in ``starts`` (ascending) stands in, counted from 0."""
    breaks = np.array([match.start() for match in _PARAGRAPH_END.finditer(text)], dtype=np.int64)
    return np.searchsorted(breaks, starts).astype(np.int64)


def cut(text: str, start: int, end: int, letters: int) -> int:
    """Where the word ``text[start:end]`` begins when its first ``letters`` letters are proclitics.

    A proclitic's marks go with it. At least one letter of the word is left: a cut that would leave none, or
    letters that are no proclitics, give the nearest possible smaller cut.
    """
    position = start
    for _ in range(min(letters, proclitics(text, start, end))):
        match = _LETTER_WITH_MARKS.match(text, position, end)
        if match is None:  # proclitics() has counted them: there is always one
            break
        position = match.end()
    return position


def proclitics(text: str, start: int, end: int) -> int:
    """How many leading letters of the word ``text[start:end]`` can be proclitics: 0, 1 or 2."""
    letters = _LETTER.findall(text, start, end)
    match = _PROCLITICS.match("".join(letters[: MAX_PROCLITICS + 1]))
    return min(match.end(), len(letters) - 1) if match and letters else 0


def cut_letters(text: str, start: int, end: int, position: int) -> int | None:
    """How many letters lie between the word's ``start`` and ``position``, where a mention begins.

    The inverse of :func:`cut`. None where no cut of the word ``text[start:end]`` gives ``position``.
    """
    for letters in range(MAX_PROCLITICS + 1):
        if cut(text, start, end, letters) == position:
            return letters
    return None


@dataclass(frozen=True, slots=True)
class Reading:
    """A text as words and pieces.

    Attributes:
        text: the text as given.
        words: ``[n, 2]`` code point span of each word that has a piece.
        paragraphs: ``[n]`` the line of each word; an event and its arguments stand in one.
        pieces: ``[m]`` the encoder's piece ids, without special ones.
        first: ``[n]`` index in ``pieces`` of each word's first piece.
        last: ``[n]`` index of its last piece, inclusive.
    """

    text: str
    words: Ints
    paragraphs: Ints
    pieces: Ints
    first: Ints
    last: Ints

    def word_at(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last word (inclusive) of the mention ``text[start:end]``; None where it holds no word."""
        first = int(np.searchsorted(self.words[:, 1], start, side="right"))
        last = int(np.searchsorted(self.words[:, 0], end, side="left")) - 1
        return (first, last) if first <= last else None


def read(text: str, tokenizer: Tokenizer) -> Reading:
    """Divide a text into words and pieces.

    Words of which the encoder's normalisation leaves nothing are left out; no other word is lost, and a
    piece that covers several words serves each.
    """
    spans = words(text)
    encoding = tokenizer.encode(text, add_special_tokens=False)
    offsets = np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2)
    # Pieces come in order; running maxima keep the searches right where an offset steps back by a letter.
    starts = np.maximum.accumulate(offsets[:, 0]) if len(offsets) else offsets[:, 0]
    ends = np.maximum.accumulate(offsets[:, 1]) if len(offsets) else offsets[:, 1]
    first = np.searchsorted(ends, spans[:, 0], side="right").astype(np.int64)
    last = np.searchsorted(starts, spans[:, 1], side="left").astype(np.int64) - 1
    kept = first <= last
    spans = spans[kept]
    return Reading(
        text=text,
        words=spans,
        paragraphs=paragraphs(text, spans[:, 0]),
        pieces=np.array(encoding.ids, dtype=np.int64),
        first=first[kept],
        last=last[kept],
    )
