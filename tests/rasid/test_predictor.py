"""The predictor: the same answer in any company, exact offsets at any length, bad texts answered in their place."""

from __future__ import annotations

import os
import random
import re
import threading
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from tokenizers import Tokenizer

from rasid.document import Document
from rasid.errors import ModelError, TextError
from rasid.predictor import Predictor
from rasid.tokenizer import cut_letters, read, words
from tests.rasid.processes import run_python
from tests.rasid.strategies import articles as arabic_articles
from tests.rasid.strategies import texts

TOLERANCE = 1e-4


def assert_same(one: Document, other: Document) -> None:
    """The same spans, types, modalities and links; scores within the tolerance."""

    def bare(document: Document) -> Document:
        return replace(
            document,
            entities=tuple(replace(e, score=None) for e in document.entities),
            events=tuple(
                replace(e, score=None, arguments=tuple(replace(a, score=None) for a in e.arguments))
                for e in document.events
            ),
        )

    def scores(document: Document) -> list[float | None]:
        linked = [argument.score for event in document.events for argument in event.arguments]
        return [item.score for item in (*document.entities, *document.events)] + linked

    assert bare(one) == bare(other)
    assert scores(one) == pytest.approx(scores(other), abs=TOLERANCE)


@pytest.fixture(scope="module")
def many(articles: Sequence[str]) -> list[str]:
    """Texts of very different lengths, one of many windows."""
    return [*articles, articles[0] * 9, "قتل", "،", "\n\n".join(articles), articles[2][:40], "abc 12 😀"]


@pytest.fixture(scope="module")
def alone(predictor: Predictor, many: list[str]) -> list[Document]:
    return [predictor(text, id=str(number)) for number, text in enumerate(many, 1)]


def test_something_is_found(alone: list[Document]) -> None:
    assert sum(len(document.entities) for document in alone) > 50
    assert sum(len(event.arguments) for document in alone for event in document.events) > 50
    assert {event.modality for document in alone for event in document.events} > {"actual"}


def test_streamed_together(predictor: Predictor, many: list[str], alone: list[Document]) -> None:
    for one, other in zip(alone, predictor.stream(many), strict=True):
        assert_same(one, other)


def test_in_another_order(predictor: Predictor, alone: list[Document]) -> None:
    documents = list(alone)
    random.Random(3).shuffle(documents)
    for one, other in zip(documents, predictor.stream_documents(documents), strict=True):
        assert_same(one, other)


def test_padded_by_a_long_neighbour(predictor: Predictor, many: list[str], alone: list[Document]) -> None:
    for number, (text, one) in enumerate(zip(many, alone, strict=True), 1):
        other = list(predictor.stream([many[5], text, many[5]]))[1]
        assert_same(one, replace(other, id=str(number)))


def test_one_window_at_a_time(twin_model: Path, many: list[str], alone: list[Document]) -> None:
    for precision in ("fp32", "int8"):
        predictor = Predictor.load(twin_model, precision=precision, threads=2)  # type: ignore[arg-type]
        for one, other in zip(alone, predictor.stream(many), strict=True):
            assert_same(one, other)


def test_a_threshold_of_one_s_own(tiny_model: Path, many: list[str], alone: list[Document]) -> None:
    low, high = (list(Predictor.load(tiny_model, threshold=threshold).stream(many)) for threshold in (0.2, 0.9))
    for wide, own, narrow in zip(low, alone, high, strict=True):
        found = [{(item.type, item.start, item.end) for item in (*d.entities, *d.events)} for d in (wide, own, narrow)]
        assert found[0] >= found[1] >= found[2]
        assert all((item.score or 0) >= 0.2 for item in (*wide.entities, *wide.events))
        assert all((item.score or 0) >= 0.9 for item in (*narrow.entities, *narrow.events))
    assert sum(len(document.entities) for document in low) > sum(len(document.entities) for document in high)


def test_a_threshold_that_is_no_probability(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"threshold 1\.5 is no probability"):
        Predictor.load(tiny_model, threshold=1.5)


def test_the_document_is_kept(predictor: Predictor) -> None:
    given_ = Document("x", "قتل 12 عنصرًا", "2018-03-20", extra={"outlet": "عنب بلدي"})
    (answer,) = predictor.stream_documents([given_])
    assert (answer.id, answer.text, answer.published, answer.extra) == ("x", given_.text, "2018-03-20", given_.extra)
    (again,) = predictor.stream_documents([answer])
    assert_same(answer, again)


@settings(max_examples=60, deadline=None)
@given(text=texts | arabic_articles)
def test_arbitrary_text(predictor: Predictor, text: str) -> None:
    (document,) = predictor.stream([text])
    assert document.text == text
    if document.error is not None:
        assert not text.strip() or "\0" in text or not re.search(r"\w", text)
        assert document.entities == document.events == ()
        return
    spans = words(text).tolist()
    ends = {end for _, end in spans}
    for item in (*document.entities, *document.events):
        assert 0 <= item.start < item.end <= len(text)
        assert item.end in ends
        assert any(cut_letters(text, start, end, item.start) is not None for start, end in spans)
        assert item.score is not None
        assert 0 <= item.score <= 1
        assert not re.search(r"[\r\n]", document.mention(item))
    ids = {entity.id for entity in document.entities}
    assert all(argument.entity in ids for event in document.events for argument in event.arguments)
    assert Document.from_dict(document.to_dict()) == document


def test_a_text_of_400_000_characters(predictor: Predictor, tokenizer: Tokenizer, articles: Sequence[str]) -> None:
    # More than half a window's target: each line is a window of its own, and its answer is the line's alone.
    line = " ".join(articles[2].split()[:14]) + "\r\n"
    assert 24 <= len(read(line, tokenizer).pieces) <= 46
    alone = predictor(line)
    assert alone.entities
    copies = 400_000 // len(line) + 1
    document = predictor(line * copies)
    expected = [
        (entity.type, entity.start + copy * len(line), entity.end + copy * len(line))
        for copy in range(copies)
        for entity in alone.entities
    ]
    assert [(entity.type, entity.start, entity.end) for entity in document.entities] == expected
    assert len(document.events) == copies * len(alone.events)


BAD = {
    "": "the text is empty or only white space",
    " \n\u200f\u00a0 ": "the text is empty or only white space",
    "قتل\0": r"NUL \(U\+0000\) at character 3; it is probably a binary file",
    "قتل \ud83d": r"lone surrogate \(U\+D83D\) at character 4",
    "ب" * 3001: r"has 3,001 characters, the limit is 3,000; split it into articles, or raise max_characters",
}


@pytest.fixture(scope="module")
def strict(tiny_model: Path) -> Predictor:
    return Predictor.load(tiny_model, threads=1, max_characters=3000)


@pytest.mark.parametrize(("text", "message"), BAD.items(), ids=["empty", "space", "nul", "surrogate", "long"])
def test_a_bad_text(strict: Predictor, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        strict(text, id="seeds-3")
    assert str(caught.value).startswith("seeds-3: ")


def test_bytes_are_refused(strict: Predictor) -> None:
    with pytest.raises(TextError, match=r"expected a text \(str\), got bytes; decode bytes as UTF-8 first"):
        strict("قتل".encode())  # type: ignore[arg-type]
    first, second = strict.stream([b"x", "قتل"])  # type: ignore[list-item]
    assert first.error is not None
    assert second.error is None


def test_five_million_characters(predictor: Predictor) -> None:
    with pytest.raises(TextError, match=r"5,000,000 characters, the limit is 1,000,000"):
        predictor("قتل " * 1_250_000)


def test_bad_texts_do_not_stop_the_stream(strict: Predictor, articles: Sequence[str]) -> None:
    mixed = [text for bad in BAD for text in (bad, articles[0])]
    answers = list(strict.stream(mixed))
    assert [answer.id for answer in answers] == [str(number) for number in range(1, len(mixed) + 1)]
    assert [answer.text for answer in answers] == mixed
    alone = strict(articles[0])
    for bad, good, message in zip(answers[::2], answers[1::2], BAD.values(), strict=True):
        assert bad.error is not None
        assert re.search(message, bad.error)
        assert bad.error.startswith(f"document '{bad.id}'")
        assert bad.entities == bad.events == ()
        assert_same(replace(good, id=alone.id), alone)


def test_a_document_with_an_error_comes_back_with_it(predictor: Predictor) -> None:
    (answer,) = predictor.stream_documents([Document("a", "قتل 12 عنصرًا", error="not UTF-8")])
    assert answer.error == "not UTF-8"
    assert answer.entities == answer.events == ()


def test_only_furniture_or_marks(predictor: Predictor) -> None:
    for text in ("tag icon ع ع ع", "…", "\u064e", "<br/>&nbsp;"):
        assert predictor(text).error is None


def test_a_stream_of_nothing(predictor: Predictor) -> None:
    assert list(predictor.stream([])) == []


def test_a_stream_takes_constant_memory(predictor: Predictor, articles: Sequence[str]) -> None:
    ahead = 0

    def source(count: int) -> Iterator[str]:
        nonlocal ahead
        for number in range(count):
            ahead += 1
            yield f"{number} {articles[number % 5][:60]}" + " " * 940  # few windows, many characters

    def peak(count: int) -> int:
        nonlocal ahead
        ahead = 0
        most_ahead = 0
        tracemalloc.start()
        for _ in predictor.stream(source(count)):
            most_ahead = max(most_ahead, ahead)
            ahead -= 1
        high = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most_ahead < 60
        return high

    assert peak(600) < peak(120) * 1.2 + 100_000


CODE = """
import sys
import rasid
assert "numpy" not in sys.modules, "import rasid loads numpy"
assert "onnxruntime" not in sys.modules, "import rasid loads ONNX Runtime"
document = rasid.Predictor.load(sys.argv[1])("قتل 12 عنصرًا من قوات النظام في حي القدم")
assert document.entities or document.events
heavy = {"torch", "transformers", "yaml", "rasid_annotations", "rasid_training", "datasets", "huggingface_hub"}
print(*sorted(heavy & set(sys.modules)))
"""


def test_predicting_loads_nothing_heavy(tiny_model: Path) -> None:
    assert run_python(CODE, str(tiny_model)).strip() == ""


def test_a_single_window_of_a_large_model_is_divided_among_threads(
    tiny_model: Path, many: list[str], alone: list[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasid.backends._LARGE", 0)  # the tiny model is none
    predictor = Predictor.load(tiny_model, threads=3)
    for number, (text, one) in enumerate(zip(many, alone, strict=True), 1):
        assert_same(one, predictor(text, id=str(number)))


def test_several_threads_may_ask_one_predictor(tiny_model: Path, many: list[str], alone: list[Document]) -> None:
    shared = Predictor.load(tiny_model, threads=3)
    found: dict[int, list[Document]] = {}

    def ask(number: int) -> None:
        found[number] = [shared(text, id=str(n)) for n, text in enumerate(many, 1)]

    callers = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 4
    for answers in found.values():
        for one, other in zip(alone, answers, strict=True):
            assert_same(one, other)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_process_that_was_forked_goes_on(tiny_model: Path, many: list[str]) -> None:
    # As users of multiprocessing do; the threads of the predictor do not come along.
    code = (
        "import os, sys; from rasid import Predictor; p = Predictor.load(sys.argv[1], threads=2); "
        "texts = sys.argv[2:]; before = list(p.stream(texts)); child = os.fork()\n"
        "if not child: os._exit(0 if list(p.stream(texts)) == before else 1)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))"
    )
    assert run_python(code, str(tiny_model), *many).strip() == "0"
