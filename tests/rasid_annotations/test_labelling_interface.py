"""The labelling interface: derived from the schema, and held against what a project has."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from annotation_samples import SCHEMA

from rasid.errors import SchemaError
from rasid.schema import Schema
from rasid_annotations.label_studio.interface import hotkeys, labelling_interface, missing

FILE = Path(__file__).parent.parent.parent / "annotations" / "label-studio.xml"


def other_schema(**changes: object) -> Schema:
    return Schema.from_dict(SCHEMA.to_dict() | changes)


def test_the_file_is_what_the_schema_gives() -> None:
    assert FILE.read_text(encoding="utf-8") == labelling_interface(SCHEMA), (
        "the schema has changed: rasid annotations interface --output annotations/label-studio.xml"
    )


def test_every_type_role_and_modality_can_be_given() -> None:
    view = ElementTree.fromstring(labelling_interface(SCHEMA))
    assert [label.get("value") for label in view.findall(".//Labels[@name='entity']/Label")] == [*SCHEMA.entity_types]
    assert [label.get("value") for label in view.findall(".//Labels[@name='trigger']/Label")] == [*SCHEMA.event_types]
    assert [relation.get("value") for relation in view.findall(".//Relations/Relation")] == [*SCHEMA.role_names]
    choices = view.find(".//Choices")
    assert choices is not None
    assert (choices.get("perRegion"), choices.get("whenTagName")) == ("true", "trigger")
    assert [choice.get("value") for choice in choices] == [*SCHEMA.modalities]
    assert missing(labelling_interface(SCHEMA), SCHEMA) == []


def test_text_runs_from_the_right_where_the_language_does() -> None:
    assert "direction: rtl" in labelling_interface(SCHEMA)
    assert "direction: ltr" in labelling_interface(other_schema(language="en"))


def test_keys_are_one_each_and_none_that_label_studio_takes() -> None:
    keys = hotkeys(SCHEMA)
    assert set(keys) == {*SCHEMA.entity_types, *SCHEMA.event_types, *SCHEMA.modalities}
    assert len(set(keys.values())) == len(keys)
    assert "u" not in keys.values()
    assert keys["KILL"] == "k"


def test_more_types_than_keys() -> None:
    with pytest.raises(SchemaError, match="no key is left"):
        labelling_interface(other_schema(entities={f"T{n}": "" for n in range(36)}, events={}, roles={}, modalities=[]))


def test_descriptions_with_markup_are_text() -> None:
    schema = other_schema(entities={"LOC": 'a <b>place</b> & "more"'}, events={}, roles={}, modalities=[])
    label = ElementTree.fromstring(labelling_interface(schema)).find(".//Label")
    assert label is not None
    assert label.get("hint") == 'a <b>place</b> & "more"'


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('value="PERSON"', 'value="Person"', "no Label 'PERSON' in <Labels name='entity'>"),
        ('value="KILL"', 'value="kill"', "no Label 'KILL' in <Labels name='trigger'>"),
        ('<Relation value="AGENT" />', "", "no Relation 'AGENT'"),
        ('value="negated"', 'value="denied"', "no Choice 'negated'"),
        ('name="entity"', 'name="label"', "no <Labels name='entity' toName='text'>"),
        ('value="$text"', 'value="$body"', "no <Text name='text' value='$text'>"),
        ("</View>", "", "not well-formed"),
    ],
)
def test_what_was_edited_by_hand_is_told(before: str, after: str, told: str) -> None:
    whole = labelling_interface(SCHEMA)
    assert before in whole
    assert told in "; ".join(missing(whole.replace(before, after), SCHEMA))


def test_what_was_added_by_hand_does_no_harm() -> None:
    added = '<Label value="VEHICLE" /></Labels>'
    edited = labelling_interface(SCHEMA).replace("</Labels>", added, 1).replace("</View>", '<Rating name="r" /></View>')
    assert missing(edited, SCHEMA) == []
