"""Annotations without their text, and the text put back."""

from __future__ import annotations

import json
import lzma
import unicodedata
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Document, read_documents, write_documents
from rasid.errors import DocumentError, InputError
from rasid_annotations.commands import annotations
from rasid_annotations.pool import cleaned, read_pool
from rasid_annotations.publishing import HydrationError, detached, hydrated, read_detached, write_detached

ANT = "SK-middleEast-1-20210503"
DAY = "2015-07-21"


@pytest.fixture
def detached_file(tmp_path: Path) -> Path:
    """Two annotated articles, without their text."""
    first = replace(sample(), id=ANT, text=cleaned(sample().text), extra={"source": "antcorpus-multisource"})
    second = Document(f"{DAY}-1", "قتل جندي.", DAY, extra={"source": "saudinewsnet", "title": "قتل"})
    path = tmp_path / "part.jsonl"
    write_detached(path, [first, second])
    return path


@pytest.fixture
def clones(tmp_path: Path) -> list[Path]:
    """Clones of the public corpora that hold the two articles as they are published, and others."""
    ant, saudi = tmp_path / "ant" / "Skynews" / "middleEast", tmp_path / "saudi" / "dataset"
    ant.mkdir(parents=True)
    saudi.mkdir(parents=True)
    text = sample().text.replace("\n", "\r\n").replace("قُتل", "\u200fقُتل\u00a0").replace("أ", "ا\u0654")
    (ant / f"{ANT}.txt").write_text(f"<DOC>\n<TITLE>خبر</TITLE>\n<TEXT>\n{text}\n</TEXT>\n</DOC>\n", encoding="utf-8")
    (ant / "SK-middleEast-2-20210504.txt").write_text("<TEXT>خبر آخر</TEXT>", encoding="utf-8")
    with zipfile.ZipFile(saudi / f"{DAY}.zip", "w") as archive:
        archive.writestr(f"{DAY}.json", json.dumps([{"content": "خبر"}, {"content": " قتل  جندي.\n\n"}]))
    return [tmp_path / "ant", tmp_path / "saudi"]


def test_no_word_of_the_article_is_published(detached_file: Path) -> None:
    written = detached_file.read_text(encoding="utf-8")
    assert not any(unicodedata.name(c, "").startswith("ARABIC") for c in written)
    assert [data["characters"] for data in read_detached(detached_file)] == [len(cleaned(sample().text)), 9]


def test_text_is_put_back_from_clones(detached_file: Path, clones: list[Path], tmp_path: Path) -> None:
    output = tmp_path / "hydrated"
    command = ["hydrate", str(detached_file), "--pool", *map(str, clones), "--output", str(output)]
    assert annotations(command) == 0
    first, second = read_documents(output / "part.jsonl")
    assert first.text == cleaned(sample().text)
    assert (first.entities, first.events) == (sample().entities, sample().events)
    assert second == Document(f"{DAY}-1", "قتل جندي.", DAY, extra={"source": "saudinewsnet"})


def test_text_is_put_back_from_a_pool_file(detached_file: Path, clones: list[Path], tmp_path: Path) -> None:
    pool = tmp_path / "pool.jsonl.xz"
    with lzma.open(pool, "wt", encoding="utf-8") as out:
        for article in read_pool(clones).values():
            out.write(json.dumps({"id": article.id, "text": article.text, "date": article.published}) + "\n")
    assert {a.published for a in read_pool([pool]).values()} == {"2021-05-03", "2021-05-04", DAY}
    command = ["hydrate", str(detached_file), "--pool", str(pool), "--output", str(tmp_path / "out")]
    assert annotations(command) == 0
    assert len(list(read_documents(tmp_path / "out" / "part.jsonl"))) == 2


def test_all_that_is_missing_or_differs_is_told_and_nothing_written(
    detached_file: Path, clones: list[Path], tmp_path: Path
) -> None:
    article = clones[0] / "Skynews" / "middleEast" / f"{ANT}.txt"
    article.write_text(article.read_text(encoding="utf-8").replace("سوق", "السوق"), encoding="utf-8")
    output = tmp_path / "hydrated"
    with pytest.raises(HydrationError) as error:
        annotations(["hydrate", str(detached_file), "--pool", str(clones[0]), "--output", str(output)])
    differs, missing = error.value.problems
    assert f"article '{ANT}' differs from what was annotated" in differs
    assert missing == f"part.jsonl: article '{DAY}-1' is missing; give a copy of saudinewsnet that holds it"
    assert not output.exists()


def test_the_command_detaches(tmp_path: Path) -> None:
    write_documents(tmp_path / "corpus.jsonl", [sample()])
    output = tmp_path / "detached.jsonl"
    assert annotations(["detach", str(tmp_path / "corpus.jsonl"), "--output", str(output)]) == 0
    (data,) = read_detached(output)
    assert list(hydrated([data], {"zahra": sample()}, "x")) == [sample()]


@given(text=st.text(st.characters(exclude_categories=[])))
def test_any_text_is_put_back_exactly(text: str) -> None:
    document = replace(sample(), text=text)
    data = json.loads(json.dumps(detached(document)))
    assert list(hydrated([data], {document.id: Document(document.id, text)}, "x")) == [document]
    with pytest.raises(HydrationError):
        list(hydrated([data], {document.id: Document(document.id, text + " ")}, "x"))


@given(text=st.text())
def test_cleaned_text_has_no_empty_line_and_stays_as_it_is(text: str) -> None:
    found = cleaned(text)
    assert cleaned(found) == found
    assert all(line.strip(" \t\u00a0") == line != "" for line in found.split("\n") if found)


def test_what_is_no_pool_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no article of a known corpus"):
        read_pool([tmp_path / "empty"])
    with pytest.raises(InputError, match="cannot be read"):
        read_pool([tmp_path / "nowhere.jsonl"])
    write_documents(tmp_path / "twice.jsonl", [Document("a", "قتل"), Document("a", "جرح")])
    with pytest.raises(DocumentError, match="two articles have the id 'a'"):
        read_pool([tmp_path / "twice.jsonl"])
    with pytest.raises(DocumentError, match=r"twice\.jsonl:1: expected a detached document"):
        read_detached(tmp_path / "twice.jsonl")
    bad = tmp_path / "saudi"
    bad.mkdir()
    (bad / f"{DAY}.zip").write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        read_pool([bad])


def test_read_as_a_corpus_it_says_how_to_put_the_text_back(detached_file: Path, tmp_path: Path) -> None:
    with pytest.raises(
        DocumentError, match=r"key 'text' must hold str.*put the text back with 'rasid annotations hydrate'"
    ):
        annotations(["check", str(detached_file)])
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "a"}\n', encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        annotations(["check", str(broken)])
    assert "hydrate" not in str(caught.value)
