"""Publishing: annotations without the text they belong to, and putting the text back.

Where an article may not be copied, its annotations still may: a *detached* document has, in place of its ``text``, the
text's length in code points (``characters``) and its SHA-256 (``sha256``). To *hydrate* it is to find the article in a
copy of the corpus it was taken from and to check that not a character differs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rasid.document import Document
from rasid.errors import DocumentError, InputError, RasidError
from rasid.files import replacing

_KEYS = ("sha256", "characters")
_WORDS = ("title",)  # keys of a pool's articles that hold words of the article


class HydrationError(RasidError, ValueError):
    """Articles are missing or differ; ``problems`` lists every one, with the remedy."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def fingerprint(text: str) -> str:
    """SHA-256 of a text in UTF-8, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def detached(document: Document) -> dict[str, Any]:
    """The document without its text and its title."""
    data = {key: value for key, value in document.to_dict().items() if key not in _WORDS}
    text = data.pop("text")
    head = {"id": data.pop("id"), "sha256": fingerprint(text), "characters": len(text)}
    return head | data


def write_detached(path: Path, documents: Iterable[Document]) -> None:
    """Write detached documents as JSON Lines, whole or not at all.

    Nothing of the text stands in the file, so any characters in it are keys' values and written as themselves.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as out:
        for document in documents:
            out.write(json.dumps(detached(document), ensure_ascii=False) + "\n")


def read_detached(path: Path) -> list[dict[str, Any]]:
    """Read detached documents.

    Raises:
        InputError: the file cannot be read.
        DocumentError: a line is no detached document.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{path}: cannot be read as UTF-8 JSON Lines ({problem})") from None
    return [_detached(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def _detached(line: str, item: str) -> dict[str, Any]:
    try:
        data = json.loads(line)
    except json.JSONDecodeError as problem:
        raise DocumentError(f"{item}: not JSON ({problem}); expected one document a line") from None
    right = isinstance(data, dict) and isinstance(data.get("id"), str) and isinstance(data.get("sha256"), str)
    if not right or not isinstance(data.get("characters"), int):
        raise DocumentError(
            f"{item}: expected a detached document with the keys id, sha256 and characters; "
            "`rasid annotations detach` writes them"
        )
    return dict(data)


def hydrated(documents: Iterable[dict[str, Any]], pool: Mapping[str, Document], name: str) -> Iterator[Document]:
    """Put the texts back.

    Args:
        documents: detached.
        pool: articles by id.
        name: of the file, for the problems.

    Raises:
        HydrationError: after the last document, with every article that is missing or differs.
    """
    problems = []
    for data in documents:
        article = pool.get(data["id"])
        if article is None:
            source = data.get("source", "its corpus")
            problems.append(f"{name}: article {data['id']!r} is missing; give a copy of {source} that holds it")
        elif fingerprint(article.text) != data["sha256"]:
            problems.append(
                f"{name}: article {data['id']!r} differs from what was annotated ({len(article.text):,} characters, "
                f"{data['characters']:,} expected); take it from its source again"
            )
        else:
            kept = {key: value for key, value in data.items() if key not in _KEYS}
            yield Document.from_dict({**kept, "text": article.text}, f"{name}: document")
    if problems:
        raise HydrationError(problems)
