"""The schema: its form, its errors, what may fill what."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rasid.errors import SchemaError
from rasid.schema import Schema

SMALL: dict[str, Any] = {
    "name": "small",
    "language": "ar",
    "entities": {"PERSON": "a person", "LOC": None},
    "events": {"KILL": "", "MOVE": ""},
    "modalities": ["actual", "negated"],
    "roles": {
        "PATIENT": {"fillers": ["PERSON"], "events": ["KILL"]},
        "PLACE": {"fillers": ["LOC"], "events": "all"},
    },
}


def test_the_projects_schema_round_trips(schema: Schema) -> None:
    assert Schema.from_dict(schema.to_dict()) == schema
    assert schema.modalities[0] == "actual"


def test_order_is_kept_and_all_means_all() -> None:
    schema = Schema.from_dict(SMALL)
    assert schema.entity_types == ("PERSON", "LOC")
    assert schema.role_names == ("PATIENT", "PLACE")
    assert schema.allows("KILL", "PATIENT", "PERSON")
    assert schema.allows("MOVE", "PLACE", "LOC")
    assert not schema.allows("MOVE", "PATIENT", "PERSON")
    assert not schema.allows("KILL", "PATIENT", "LOC")
    assert not schema.allows("KILL", "NONE", "LOC")


def test_a_schema_without_events() -> None:
    data = {**SMALL, "events": {}, "roles": {}, "modalities": []}
    assert Schema.from_dict(data).event_types == ()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("entities",), ["PERSON"], "'entities' must map each name"),
        (("modalities",), [], "'modalities' must list at least one"),
        (("events", "LOC"), "", "LOC is an entity type and an event type"),
        (("roles", "PATIENT"), {"fillers": "all"}, "role 'PATIENT' must have the keys"),
        (("roles", "PATIENT", "fillers"), ["PERSN"], "role 'PATIENT', fillers: 'PERSN' is not defined"),
        (("roles", "PLACE", "events"), ["KIL"], "role 'PLACE', events: 'KIL' is not defined; expected one of KILL"),
        (("colour",), 1, "missing or unknown: colour"),
    ],
)
def test_errors(path: tuple[str, ...], value: Any, message: str) -> None:
    data = copy.deepcopy(SMALL)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(SchemaError) as caught:
        Schema.from_dict(data, "file.yaml")
    assert message in str(caught.value)
    assert "file.yaml" in str(caught.value)


def test_missing_key_and_no_mapping() -> None:
    with pytest.raises(SchemaError, match="missing or unknown: roles"):
        Schema.from_dict({key: value for key, value in SMALL.items() if key != "roles"})
    with pytest.raises(SchemaError, match="got NoneType"):
        Schema.from_dict(None)
