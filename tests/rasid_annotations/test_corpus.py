"""Reading corpora and schemas; fingerprints."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import SCHEMA, corpora, document, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Document, write_documents
from rasid.errors import DocumentError, InputError, SchemaError
from rasid.schema import Schema
from rasid_annotations.checks import check
from rasid_annotations.corpus import fingerprint, load_corpus, load_schema, schema_of


def test_files_and_folders_are_read_in_order(tmp_path: Path) -> None:
    write_documents(tmp_path / "folder" / "b.jsonl", [document(name="2")])
    write_documents(tmp_path / "folder" / "a.jsonl", [document(name="1")])
    write_documents(tmp_path / "single.jsonl", [sample()])
    (tmp_path / "folder" / "notes.txt").write_text("no corpus")
    found = load_corpus([tmp_path / "single.jsonl", tmp_path / "folder"])
    assert [d.id for d in found] == ["zahra", "1", "2"]
    assert found[0] == sample()


def test_one_id_in_two_files_names_both(tmp_path: Path) -> None:
    write_documents(tmp_path / "a.jsonl", [document(name="twin")])
    write_documents(tmp_path / "b.jsonl", [document(name="twin")])
    with pytest.raises(DocumentError, match=r"'twin' stands in .*a\.jsonl and in .*b\.jsonl"):
        load_corpus([tmp_path])


def test_one_id_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    write_documents(tmp_path / "a.jsonl", [document(name="twin"), document(name="twin")])
    with pytest.raises(DocumentError, match="twin"):
        load_corpus([tmp_path / "a.jsonl"])


def test_paths_that_hold_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl does not exist"):
        load_corpus([tmp_path / "nowhere.jsonl"])
    with pytest.raises(InputError, match=r"holds no \*\.jsonl"):
        load_corpus([tmp_path])


def test_a_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "cp1256.jsonl").write_bytes('{"id": "قتل"}'.encode("cp1256"))
    with pytest.raises(InputError, match=r"cp1256\.jsonl.*UTF-8"):
        load_corpus([tmp_path])


def test_files_of_other_names_are_column_files(tmp_path: Path) -> None:
    write_documents(tmp_path / "a.jsonl", [document(name="1")])
    (tmp_path / "b.conll").write_text("زار O\nحلب B-LOC\n\nعاد O\n\n", encoding="utf-8")
    assert [d.id for d in load_corpus([tmp_path / "b.conll", tmp_path])] == ["b-00001", "b-00002", "1"]
    (one,) = load_corpus([tmp_path / "b.conll"], sentences=2)
    assert (one.text, one.mention(one.entities[0])) == ("زار حلب\nعاد", "حلب")
    (tmp_path / "article.txt").write_text("زار وفد حلب.", encoding="utf-8")
    with pytest.raises(InputError, match=r"article\.txt:1: the last column is 'حلب\.'"):
        load_corpus([tmp_path / "article.txt"])


def test_a_schema_from_the_data_allows_what_occurs() -> None:
    schema = schema_of([sample(), document(entity("t1", "NAME", 0, 1), name="other")], "news")
    assert (schema.name, schema.language) == ("news", "ar")
    assert schema.entity_types == tuple(sorted({e.type for e in sample().entities} | {"NAME"}))
    assert schema.event_types == tuple(sorted({e.type for e in sample().events}))
    assert schema.modalities == ("actual", "negated")
    assert schema.role_names == ("AGENT", "COUNT", "PATIENT", "PLACE", "SOURCE", "TIME")
    assert schema.allows("KILL", "COUNT", "QUANTITY")
    assert not schema.allows("STRIKE", "COUNT", "QUANTITY")
    assert not schema.allows("KILL", "COUNT", "NAME")
    assert check(sample(), schema) == []
    assert Schema.from_dict(schema.to_dict()) == schema


def test_a_schema_without_events_and_one_whose_default_modality_never_occurs() -> None:
    plain = schema_of([document(entity("t1", "LOC", 0, 1))], "plain")
    assert (plain.entity_types, plain.event_types, plain.modalities, plain.roles) == (("LOC",), (), (), ())
    negated = schema_of([document(event("e1", "KILL", 0, 1, modality="negated"))], "negated")
    assert negated.modalities == ("actual", "negated")


def test_no_schema_comes_from_data_that_contradict_themselves() -> None:
    with pytest.raises(DocumentError, match="AGENT points to 't9', which is no entity"):
        schema_of([document(event("e1", "KILL", 0, 1, ("AGENT", "t9")))], "loose")
    with pytest.raises(SchemaError, match="schema of both: KILL is an entity type and an event type"):
        schema_of([document(entity("t1", "KILL", 0, 1), event("e1", "KILL", 0, 1))], "both")


def test_the_default_schema_is_the_checkouts() -> None:
    assert "KILL" in SCHEMA.event_types
    assert load_schema(Path(__file__).parents[2] / "annotations" / "schema.yaml") == SCHEMA


def test_a_models_configuration_gives_its_schema(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"window": 512, "schema": SCHEMA.to_dict()}))
    assert load_schema(config) == SCHEMA
    assert load_schema(defaults=[tmp_path / "schema.yaml", config]) == SCHEMA
    config.write_text(json.dumps({"window": 512}))
    with pytest.raises(SchemaError, match="'schema'; it is missing"):
        load_schema(config)


def test_no_schema_anywhere_names_the_option(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--schema"):
        load_schema(defaults=[tmp_path / "schema.yaml"])
    with pytest.raises(InputError, match=r"other\.yaml cannot be read"):
        load_schema(tmp_path / "other.yaml")


@pytest.mark.parametrize("name", ["schema.yaml", "config.json"])
def test_a_damaged_schema_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{name: [")
    with pytest.raises(SchemaError, match=name):
        load_schema(tmp_path / name)


@given(corpora(), st.randoms())
def test_fingerprint_does_not_depend_on_order(docs: list[Document], random: object) -> None:
    def shuffled(items: tuple) -> tuple:
        return tuple(random.sample(items, len(items)))  # type: ignore[attr-defined]

    mixed = [
        replace(
            d,
            entities=shuffled(d.entities),
            events=shuffled(tuple(replace(e, arguments=shuffled(e.arguments)) for e in d.events)),
        )
        for d in docs
    ]
    assert fingerprint(shuffled(tuple(mixed))) == fingerprint(docs)


def test_fingerprint_tells_every_difference_apart() -> None:
    base = document(entity("t1", "LOC", 0, 3), event("e1", "KILL", 4, 5, ("PLACE", "t1")))
    others = [
        base,
        replace(base, id="other"),
        replace(base, text=base.text + "."),
        replace(base, published="2020-01-01"),
        replace(base, extra={"outlet": "x"}),
        replace(base, entities=(entity("t1", "LOC", 0, 4),)),
        replace(base, events=()),
        replace(base, text="\ud800"),
    ]
    assert len({fingerprint([d]) for d in others}) == len(others)
    assert fingerprint([base]) != fingerprint([base, replace(base, id="other")])
    assert len(fingerprint([])) == 64
