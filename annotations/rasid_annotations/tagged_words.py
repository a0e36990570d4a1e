"""Tagged words: what stands in a column file, sentence by sentence (:mod:`rasid_annotations.columns`)."""

from __future__ import annotations

import lzma
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rasid.errors import InputError

_NO_BREAK = "\u00a0\u2007\u202f"
WORD = re.compile(rf"[\S{_NO_BREAK}]+")
"""A column word in a text: a no-break space is inside a word, all other white space between two."""

_BREAKING = re.compile(rf"[^\S{_NO_BREAK}]")
_EMPTY = "\u200b"
_SPACES = re.compile(" +")
_TAG = re.compile(r"O|([BIESLU])-(\S+)")
_SENTENCE_ENDS = frozenset(".!?؟")
_LONGEST_SENTENCE = 100  # words, where a file separates no sentences
_BETWEEN_DOCUMENTS = "-DOCSTART-"


@dataclass(frozen=True, slots=True)
class TaggedWord:
    """A column word; ``type`` is that of the entity it is in, or empty."""

    text: str
    type: str
    begins: bool
    ends: bool


Sentence = list[TaggedWord]


def read_sections(path: Path) -> list[list[Sentence]]:
    """The sentences of a column file, in one list for all that stand between two lines ``-DOCSTART-``.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or a line does not hold a word and a tag.
    """
    sections: list[list[Sentence]] = [[]]
    sentence: Sentence = []
    separated = False
    # Only a line feed ends a line: other line ends of Unicode occur inside words.
    for number, line in enumerate(_read(path).removesuffix("\n").split("\n"), 1):
        columns = _columns(line, f"{path}:{number}")
        if not columns:
            separated = separated or bool(sentence)
            sentence = []
        elif columns[0] == _BETWEEN_DOCUMENTS:
            sections.append([])
            sentence = []
        else:
            if not sentence:
                sections[-1].append(sentence)
            sentence.append(_word(columns, sentence[-1] if sentence else None, f"{path}:{number}"))
    return sections if separated else [[part for run in section for part in _cut(run)] for section in sections]


def _read(path: Path) -> str:
    try:
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
            data = file.read()
    except (OSError, lzma.LZMAError, EOFError) as problem:
        raise InputError(f"{path}: cannot be read ({problem}); check the file") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise InputError(f"{path}:{line}: not UTF-8 ({problem.reason}); save the file as UTF-8") from None


def _columns(line: str, item: str) -> list[str]:
    line = line.rstrip()
    if not line:
        return []
    if "\t" in line:
        return line.split("\t")
    columns = _SPACES.split(line)
    if not columns[0] and len(columns) > 2:
        raise InputError(f"{item}: a space stands before {len(columns) - 1} columns; remove it, or separate by tabs")
    return columns


def _word(columns: Sequence[str], before: TaggedWord | None, item: str) -> TaggedWord:
    if len(columns) < 2:
        raise InputError(
            f"{item}: only {columns[0]!r:.60}; expected a word and its tag a line, a tab or a space between "
            "them (JSON Lines are read from files named *.jsonl)"
        )
    text, tag = columns[0].strip(" "), columns[-1].strip()
    match = _TAG.fullmatch(tag)
    if match is None:
        raise InputError(
            f"{item}: the last column is {tag!r:.60}; expected O, or one of B I E S L U with a hyphen and a type, "
            "like B-LOC: put the tag there"
        )
    prefix, kind = match[1] or "O", match[2] or ""
    continues = prefix in "IEL" and before is not None and before.type == kind and not before.ends
    return TaggedWord(
        text=_BREAKING.sub(_NO_BREAK[0], text) or _EMPTY,
        type=kind,
        begins=kind != "" and not continues,
        ends=prefix in "ESLU",
    )


def _cut(run: Sentence) -> Iterator[Sentence]:
    """Sentences out of a run of words in which none are marked."""
    first = 0
    for end, word in enumerate(run, 1):
        inside = end < len(run) and run[end].type and not run[end].begins
        if not inside and (word.text in _SENTENCE_ENDS or end - first >= _LONGEST_SENTENCE or end == len(run)):
            yield run[first:end]
            first = end
