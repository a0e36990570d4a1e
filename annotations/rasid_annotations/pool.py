"""The pool: articles that are annotated, or may be, from a pool file or from clones of the public corpora.

Two corpora are known: ANT (antcorpus/antcorpus.multisource.data), a file an article, and SaudiNewsNet
(ParallelMazen/SaudiNewsNet), an archive a day with a JSON list of articles.
"""

from __future__ import annotations

import json
import lzma
import re
import unicodedata
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.document import Document
from rasid.errors import DocumentError, InputError

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_BLANKS = re.compile("[ \t\u00a0]+")
_ANT_TEXT = re.compile("<TEXT>(.*)</TEXT>", re.DOTALL)
_ANT_DATE = re.compile(r"-([0-9]{4})([0-9]{2})([0-9]{2})$")
_ARCHIVE = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})\.(?:zip|json)$")


def read_pool(paths: Sequence[Path], wanted: Collection[str] | None = None) -> dict[str, Document]:
    """Articles by their ids.

    Args:
        paths: pool files (JSON Lines, a document a line, a name in ``.xz`` is decompressed; where a line has no
            ``published``, its ``date`` stands for it), and folders with clones of the public corpora.
        wanted: ids of the articles to return; None stands for all.

    Raises:
        InputError: a path does not exist or cannot be read, or a folder holds no article of a known corpus.
        DocumentError: a line is no document, or two articles have one id and different texts.
    """
    found: dict[str, Document] = {}
    for path in paths:
        try:
            for article in _clone(path, wanted) if path.is_dir() else _lines(path):
                if wanted is not None and article.id not in wanted:
                    continue
                if found.setdefault(article.id, article).text != article.text:
                    raise DocumentError(
                        f"{path}: two articles have the id {article.id!r}; remove or rename one of them"
                    )
        except (OSError, UnicodeDecodeError, lzma.LZMAError, zipfile.BadZipFile) as problem:
            raise InputError(f"{path}: cannot be read ({problem}); give a pool file or a clone's folder") from None
    return found


def cleaned(text: str) -> str:
    """A published text as the pool has it.

    Line feeds for carriage returns, Unicode NFC, no invisible marks, one space for runs of blanks, no blank at the
    edges of lines and no empty line.
    """
    text = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = (_BLANKS.sub(" ", line).strip() for line in _INVISIBLE.sub("", text).split("\n"))
    return "\n".join(line for line in lines if line)


def _lines(path: Path) -> Iterator[Document]:
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _document(line, f"{path}:{number}: document")


def _document(line: str, item: str) -> Document:
    try:
        document = Document.from_dict(json.loads(line), item)
    except json.JSONDecodeError as problem:
        raise DocumentError(f"{item}: not JSON ({problem}); expected one document a line") from None
    date = document.extra.get("date")
    if document.published is not None or not isinstance(date, str):
        return document
    extra = {key: value for key, value in document.extra.items() if key != "date"}
    return replace(document, published=date, extra=extra)


def _clone(folder: Path, wanted: Collection[str] | None) -> Iterator[Document]:
    """The articles of a public corpus; only files that may hold a wanted one are opened."""
    days = None if wanted is None else {name.rsplit("-", 1)[0] for name in wanted}
    known = False
    for path in sorted(folder.rglob("*")):
        day = _ARCHIVE.search(path.name)
        if day:
            known = True
            if days is None or day[1] in days:
                yield from _saudi(path, day[1])
        elif path.suffix == ".txt" and _ANT_DATE.search(path.stem):
            known = True
            if wanted is None or path.stem in wanted:
                yield _ant(path)
    if not known:
        raise InputError(
            f"{folder} holds no article of a known corpus; clone antcorpus/antcorpus.multisource.data or "
            "ParallelMazen/SaudiNewsNet there, or give a pool file"
        )


def _ant(path: Path) -> Document:
    text = _ANT_TEXT.search(path.read_text(encoding="utf-8"))
    date = _ANT_DATE.search(path.stem)
    if text is None or date is None:
        raise InputError(f"{path}: no <TEXT> of an article of the ANT corpus; take the file from its source again")
    return Document(path.stem, cleaned(text[1]), "-".join(date.groups()), extra={"source": "antcorpus-multisource"})


def _saudi(path: Path, day: str) -> Iterator[Document]:
    for number, article in enumerate(_listed(path)):
        if isinstance(article, dict) and isinstance(article.get("content"), str):
            yield Document(f"{day}-{number}", cleaned(article["content"]), day, extra={"source": "saudinewsnet"})


def _listed(path: Path) -> list[Any]:
    try:
        if path.suffix != ".zip":
            listed = json.loads(path.read_text(encoding="utf-8"))
        else:
            with zipfile.ZipFile(path) as archive:
                name = next((name for name in archive.namelist() if name.endswith(".json")), None)
                listed = [] if name is None else json.loads(archive.read(name))
    except json.JSONDecodeError as problem:
        raise InputError(f"{path}: not JSON ({problem}); take the archive from its source again") from None
    return listed if isinstance(listed, list) else []
