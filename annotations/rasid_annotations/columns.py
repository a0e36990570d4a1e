"""Column files: a word and its tag a line, as published NER corpora have them (the CoNLL shared tasks' form).

The first column is the word, the last its tag; what stands between them is left out. Columns are separated by tabs
or else by spaces, and a blank line ends a sentence. Tags may be IOB1, IOB2, IOBES or BILOU: an inside or end tag
that continues no entity of its type begins one, as the scorer of CoNLL and seqeval's default mode have it.

In a document's text every column word is one word: a run of characters without white space, where a no-break space
counts as a letter. So what white space a column word holds is read as no-break spaces, and a word that is empty (its
only character was an invisible mark that a clean-up removed) as a zero-width space: tags never shift.

Offsets count Unicode code points; ``end`` is exclusive.
"""

from __future__ import annotations

import lzma
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from rasid.document import Document, Entity
from rasid.errors import DocumentError, InputError
from rasid.files import replacing
from rasid_annotations.flat import outermost
from rasid_annotations.tagged_words import WORD, Sentence, read_sections

_JSON_LINES = (".jsonl", ".json")


def is_column_file(path: Path) -> bool:
    """Whether a file is taken for a column file: every name but ``*.jsonl`` and ``*.json``."""
    return Path(path.name.removesuffix(".xz")).suffix.lower() not in _JSON_LINES


def read_columns(path: Path, *, sentences: int = 1) -> list[Document]:
    """Read a column file as documents whose text is its words: a space between two, a sentence a line.

    Args:
        path: UTF-8; a name in ``.xz`` is decompressed.
        sentences: consecutive sentences that make a document. Published figures measure single sentences. A document
            never goes on past a line ``-DOCSTART-``. In a file without a blank line after any word, a sentence ends
            after ``.``, ``!``, ``?``, ``؟`` or 100 words, but never inside an entity.

    Returns:
        Documents ``NAME-00001`` and on, NAME being the file's without its suffixes, with entities ``t1`` and on.

    Raises:
        InputError: the file cannot be read, is not UTF-8, or a line does not hold a word and a tag.
    """
    if sentences < 1:
        raise InputError(f"sentences is {sentences}; expected how many make a document: 1 or more")
    stem = Path(path.name.removesuffix(".xz")).stem
    groups = [
        section[first : first + sentences]
        for section in read_sections(path)
        for first in range(0, len(section), sentences)
    ]
    return [_document(f"{stem}-{number:05d}", group) for number, group in enumerate(groups, 1)]


def write_columns(path: Path, documents: Iterable[Document]) -> None:
    """Write documents as ``word TAG`` lines in IOB2, a blank line after each line of text, whole or not at all.

    What is written is :func:`snapped`: nested entities and events have no place in one column, and an edge inside a
    word goes to the word's. An entity that goes over a line's end is written as one in each line.

    Args:
        path: a name in ``.xz`` is compressed; an existing file is replaced only at the end.
        documents: what to write.

    Raises:
        OutputError: the file cannot be written.
        DocumentError: an entity type is empty or holds white space, or a text holds a lone surrogate.
    """
    with replacing(path) as partial, lzma.open(partial, "wb") if path.suffix == ".xz" else partial.open("wb") as out:
        for document in documents:
            out.write(_block(document))


def snapped(document: Document) -> Document:
    """The document as a scorer of column files sees it: flat entities made of whole words.

    Each entity is extended to all of every word that it touches, and left out where it touches none; of those that
    then overlap the longest is kept (:func:`rasid_annotations.flat.outermost`), so nothing is stated twice. Only the
    entity layer has this form: events, their triggers and arguments are left out.
    """
    words = [match.span() for match in WORD.finditer(document.text)]
    starts, ends = [start for start, _ in words], [end for _, end in words]
    whole = []
    for entity in document.entities:
        first, last = bisect_right(ends, entity.start), bisect_left(starts, entity.end) - 1
        if first <= last and entity.start < entity.end:
            whole.append(replace(entity, start=starts[first], end=ends[last]))
    return replace(document, entities=tuple(outermost(whole)), events=())


def _document(name: str, sentences: Sequence[Sentence]) -> Document:
    entities: list[Entity] = []
    start = 0
    for word in (word for sentence in sentences for word in sentence):
        end = start + len(word.text)
        if word.begins:
            entities.append(Entity(f"t{len(entities) + 1}", word.type, start, end))
        elif word.type:
            entities[-1] = replace(entities[-1], end=end)
        start = end + 1  # after the space, or after the line feed
    text = "\n".join(" ".join(word.text for word in sentence) for sentence in sentences)
    return Document(name, text, entities=tuple(entities))


def _block(document: Document) -> bytes:
    """The lines of one document."""
    for entity in document.entities:
        if not entity.type or any(char.isspace() for char in entity.type):
            raise DocumentError(
                f"document {document.id!r}, entity {entity.id!r}: type {entity.type!r} cannot stand in a tag; "
                "name it without white space"
            )
    try:
        return "".join(_lines(snapped(document))).encode()
    except UnicodeEncodeError:
        raise DocumentError(
            f"document {document.id!r}: its text or a type holds a lone surrogate, which UTF-8 cannot carry; "
            "repair it, or keep the document as JSON Lines"
        ) from None


def _lines(document: Document) -> Iterator[str]:
    """``word TAG`` lines of a snapped document."""
    entities = iter(document.entities)
    entity = next(entities, None)
    offset = 0
    for paragraph in document.text.split("\n"):
        spans = [(offset + match.start(), offset + match.end()) for match in WORD.finditer(paragraph)]
        prefix = "B"
        for start, end in spans:
            while entity and entity.end <= start:
                entity, prefix = next(entities, None), "B"
            inside = entity is not None and entity.start <= start
            tag = f"{prefix}-{entity.type}" if entity and inside else "O"
            prefix = "I" if inside else prefix
            yield f"{document.text[start:end]} {tag}\n"
        if spans:
            yield "\n"
        offset += len(paragraph) + 1
