"""The document contract: round trip, immutability, clear errors, files written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Argument, Document, Entity, Event, dumps, read_documents, write_documents
from rasid.errors import DocumentError, RasidError

TAKEN = {"id", "text", "type", "start", "end", "score", "role", "entity", "entities", "events", "arguments"}
TAKEN |= {"modality", "published", "error"}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
EXTRA = st.dictionaries(st.text(max_size=8).filter(lambda key: key not in TAKEN), ANYTHING, max_size=2)
SCORE = st.fixed_dictionaries({}, optional={"score": st.floats(0, 1)})
SPAN = st.fixed_dictionaries({"start": st.integers(0, 9), "end": st.integers(0, 9)})
NAME = st.text(max_size=6)


def form(required: dict[str, st.SearchStrategy[Any]], *more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda *parts: {key: value for part in parts for key, value in part.items()},
        EXTRA,
        *more,
        st.fixed_dictionaries(required),
    )


ARGUMENTS = form({"role": NAME, "entity": NAME}, SCORE)
ENTITIES = form({"id": NAME, "type": NAME}, SPAN, SCORE)
EVENTS = form(
    {"id": NAME, "type": NAME, "modality": NAME, "arguments": st.lists(ARGUMENTS, max_size=2)},
    SPAN,
    SCORE,
)
DOCUMENTS = form(
    {
        "id": NAME,
        "text": st.text(max_size=20),
        "published": st.none() | st.just("2018-03-20"),
        "entities": st.lists(ENTITIES, max_size=2),
        "events": st.lists(EVENTS, max_size=2),
    },
    st.fixed_dictionaries({}, optional={"error": NAME}),
)

GOLD: dict[str, Any] = {
    "id": "a",
    "text": "قتل 12 عنصرًا",
    "published": "2018-03-20",
    "entities": [{"id": "t1", "type": "QUANTITY", "start": 4, "end": 6}],
    "events": [
        {
            "id": "e1",
            "type": "KILL",
            "start": 0,
            "end": 3,
            "modality": "actual",
            "arguments": [{"role": "COUNT", "entity": "t1"}],
        }
    ],
}


@given(DOCUMENTS)
def test_dictionary_to_document_and_back_is_identity(data: dict[str, Any]) -> None:
    assert Document.from_dict(data).to_dict() == data


@given(DOCUMENTS)
def test_a_line_gives_the_document_back(data: dict[str, Any]) -> None:
    document = Document.from_dict(data)
    line = dumps(document)
    assert "\n" not in line
    line.encode("utf-8")
    assert Document.from_dict(json.loads(line)) == document


def test_unknown_keys_travel_at_every_level() -> None:
    data = json.loads(json.dumps(GOLD))
    data["outlet"] = {"name": "عنب بلدي"}
    data["extra"] = 5
    data["entities"][0]["note"] = "x"
    data["events"][0]["seen"] = True
    data["events"][0]["arguments"][0]["by"] = ["m"]
    document = Document.from_dict(data)
    assert document.to_dict() == data
    assert document.extra == {"outlet": {"name": "عنب بلدي"}, "extra": 5}


def test_gold_is_written_without_scores() -> None:
    line = dumps(Document.from_dict(GOLD))
    assert "score" not in line
    assert "قتل" in line


def test_a_lone_surrogate_is_escaped() -> None:
    line = dumps(Document("a", "x\ud800y"))
    assert "\\ud800" in line
    assert json.loads(line)["text"] == "x\ud800y"


def test_mentions() -> None:
    document = Document.from_dict(GOLD)
    assert document.mention(document.entities[0]) == "12"
    assert document.mention(document.events[0]) == "قتل"
    assert document.mention(document.events[0].arguments[0]) == "12"
    with pytest.raises(KeyError, match="t9"):
        document.entity("t9")


@pytest.mark.parametrize("item", [Document("a", "b"), Entity("t", "LOC", 0, 1), Argument("AGENT", "t")])
def test_immutable(item: Any) -> None:
    with pytest.raises(FrozenInstanceError):
        item.extra = {}
    with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
        item.other = 1.0


def test_events_are_immutable_and_hold_tuples() -> None:
    event = Document.from_dict(GOLD).events[0]
    assert isinstance(event, Event)
    assert isinstance(event.arguments, tuple)
    with pytest.raises(FrozenInstanceError):
        event.modality = "negated"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("text",), None, "document 'a': key 'text' must hold str; got NoneType"),
        (("text",), 5, "document 'a': key 'text' must hold str; got int 5"),
        (("id",), 7, "document: key 'id' must hold str; got int 7"),
        (("published",), 2018, "key 'published' must hold str"),
        (("entities",), {}, "key 'entities' must hold list"),
        (("entities", 0), "t1", "entity 1: expected a JSON object, got str"),
        (("entities", 0, "start"), "4", "entity 1 't1': key 'start' must hold int; got str '4'"),
        (("entities", 0, "start"), True, "key 'start' must hold int; got bool"),
        (("entities", 0, "score"), "0.5", "key 'score' must hold int or float"),
        (("events", 0, "modality"), None, "event 1 'e1': key 'modality' must hold str"),
        (("events", 0, "arguments", 0, "role"), 1, "event 1 'e1', argument 1: key 'role' must hold str"),
    ],
)
def test_errors_name_the_item_and_the_key(path: tuple[Any, ...], value: Any, message: str) -> None:
    data = json.loads(json.dumps(GOLD))
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(DocumentError) as caught:
        Document.from_dict(data)
    assert message in str(caught.value)


@pytest.mark.parametrize("key", ["id", "text"])
def test_a_missing_key_is_named(key: str) -> None:
    data = {name: value for name, value in GOLD.items() if name != key}
    with pytest.raises(DocumentError, match=f"key '{key}' must hold str; it is missing"):
        Document.from_dict(data)


def test_files_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "made" / "a.jsonl"
    documents = [Document.from_dict(GOLD), Document("b", "سطر\r\nآخر\u2028و\x85")]
    write_documents(path, documents)
    assert list(read_documents(path)) == documents
    assert path.read_bytes().count(b"\n") == 2


def test_a_line_that_is_no_json_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "a", "text": "b"}\n\n{"id"\n', encoding="utf-8")
    with pytest.raises(DocumentError, match=r"a\.jsonl:3: not JSON"):
        list(read_documents(path))


def test_writing_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("old\n", encoding="utf-8")

    def documents() -> Iterator[Document]:
        yield Document("a", "b")
        raise RasidError("stop")

    with pytest.raises(RasidError, match="stop"):
        write_documents(path, documents())
    assert path.read_text(encoding="utf-8") == "old\n"
    assert [file.name for file in tmp_path.iterdir()] == ["a.jsonl"]
