"""Counts over a corpus."""

from __future__ import annotations

import json

from annotation_samples import SCHEMA, document, entity, event, sample

from rasid_annotations.statistics import statistics


def test_counts_of_the_sample() -> None:
    counted = statistics([sample()], SCHEMA)
    assert (counted.documents, counted.paragraphs) == (1, 3)
    assert counted.words == 13 + 26 + 4
    assert (counted.entities, counted.events, counted.arguments) == (18, 7, 23)
    assert counted.nested_entities == 3  # the town in its market, the government in its forces twice
    assert counted.events_without_arguments == 0
    assert counted.entity_types["ARMED"] == 4
    assert counted.entity_types["WEAPON"] == 0
    assert list(counted.entity_types) == list(SCHEMA.entity_types)
    assert counted.modalities == {"actual": 6, "negated": 1, "hypothetical": 0}
    assert counted.roles["AGENT"] == 6
    assert counted.role_events["AGENT"] == {"ATTACK": 2, "SEIZE": 1, "DETAIN": 1, "MOVE": 1, "BESIEGE": 1}
    assert counted.role_events["ORIGIN"] == {}


def test_totals_are_the_sums_of_their_parts() -> None:
    counted = statistics([sample()], SCHEMA)
    assert sum(counted.entity_types.values()) == counted.entities
    assert sum(counted.event_types.values()) == sum(counted.modalities.values()) == counted.events
    assert sum(counted.roles.values()) == counted.arguments
    assert {role: sum(row.values()) for role, row in counted.role_events.items()} == dict(counted.roles)


def test_events_without_arguments_and_names_outside_the_schema() -> None:
    odd = document(entity("t1", "SHIP", 0, 3), event("e1", "SINK", 4, 5), event("e2", "KILL", 6, 7, ("VICTIM", "t1")))
    counted = statistics([odd], SCHEMA)
    assert counted.events_without_arguments == 1
    assert (counted.entity_types["SHIP"], counted.event_types["SINK"], counted.roles["VICTIM"]) == (1, 1, 1)
    assert counted.role_events["VICTIM"] == {"KILL": 1}


def test_one_span_with_two_types_is_not_nested() -> None:
    pair = document(entity("t1", "PEOPLE", 0, 3), entity("t2", "QUANTITY", 0, 3), entity("t3", "LOC", 0, 2))
    assert statistics([pair], SCHEMA).nested_entities == 1


def test_table_and_json_hold_every_count() -> None:
    counted = statistics([sample()], SCHEMA)
    assert json.loads(json.dumps(counted.to_dict()))["role_events"]["COUNT"] == {"KILL": 1, "DETAIN": 1}
    lines = counted.table().splitlines()
    assert any(line.split() == ["nested", "entities", "3"] for line in lines)
    assert any(line.split()[:3] == ["AGENT", "6", "2"] for line in lines)
    for name in (*SCHEMA.entity_types, *SCHEMA.event_types, *SCHEMA.role_names, *SCHEMA.modalities):
        assert any(name in line.split() for line in lines)
    assert statistics([], SCHEMA).table()
