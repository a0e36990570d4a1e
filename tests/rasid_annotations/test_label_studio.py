"""Push and pull against a real Label Studio."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from annotation_samples import SCHEMA, sample
from test_regions import HARD, at
from tests.label_studio_server import EMAIL, LabelStudioServer

from rasid.document import Argument, Document, Entity, Event, read_documents
from rasid_annotations.corpus import load_corpus
from rasid_annotations.label_studio.guidelines import guidelines_html
from rasid_annotations.label_studio.interface import labelling_interface
from rasid_annotations.label_studio.pulling import Pulled, PullError, pull, write
from rasid_annotations.label_studio.pushing import PushError, prepare, push
from rasid_annotations.label_studio.regions import ANNOTATION, regions
from rasid_annotations.label_studio.server import Project, Server

SEEDS = load_corpus([Path(__file__).parent.parent.parent / "annotations" / "corpus" / "seeds.jsonl"])


def hard(name: str = "hard") -> Document:
    """All that an offset may stumble over, with nested and crossing mentions at the first and the last character."""
    entities = (
        Entity("t1", "QUANTITY", *at("12")),
        Entity("t2", "PEOPLE", *at("12 عنصرًا 😀 في")),
        Entity("t3", "ARMED", *at("😀 في  دمشق")),
        Entity("t4", "ARMED", *at("الجيش")),
        Entity("t5", "LOC", *at("إدلب")),
        Entity("t6", "LOC", *at("إدلب"), extra={"note": "twice"}),
        Entity("t7", "QUANTITY", len(HARD) - 3, len(HARD)),
        Entity("t8", "WEAPON", *at("&amp;")),
        Entity("t9", "LOC", HARD.index("👩"), HARD.index("إدلب") + 4),
        Entity("a#b", "ORG", *at("abc")),
    )
    arguments = (Argument("COUNT", "t1"), Argument("PLACE", "t5"), Argument("ORIGIN", "t5"), Argument("AGENT", "a#b"))
    events = (
        Event("e1", "KILL", *at("قُتِلَ"), "negated", arguments),
        Event("e2", "ATTACK", *at("قُتِلَ"), "hypothetical"),
        Event("e3", "STRIKE", *at("قصف"), "actual", (Argument("PLACE", "t9"),), extra={"x": [1]}),
    )
    return Document(name, HARD, "2018-03-20", entities, events, extra={"outlet": "tests", "deep": {"a": [None]}})


def project_of(server: Server, title: str) -> Project:
    return prepare(server, title, SCHEMA, guidelines_html(SCHEMA))


def plain(document: Document) -> Document:
    return replace(document, extra={key: value for key, value in document.extra.items() if key != ANNOTATION})


def pulled(server: Server, project: Project, **options: Any) -> list[Pulled]:
    found = list(pull(server, project, SCHEMA, **options))
    assert [problem for item in found for problem in item.problems] == []
    return found


def tasks(server: Server, project: Project) -> list[dict[str, Any]]:
    fields = ("data", "annotations", "predictions", "result", "completed_by", "model_version", "score")
    return list(server.tasks(project, server.task_numbers(project), fields))


def submit(server: Server, task: int, result: list[dict[str, Any]], **more: Any) -> None:
    """An annotation as the editor submits it."""
    server._api.annotations.create(task, result=result, **more)


def test_every_document_comes_back_as_it_was(server: Server, title: str) -> None:
    documents = [*SEEDS, sample(), hard(), Document("empty", "لا شيء هنا")]
    project = project_of(server, title)
    done = push(server, project, documents, SCHEMA, kind="annotations")
    assert done.created == len(documents)
    found = pulled(server, project)
    assert [plain(item.document) for item in found] == documents
    assert {item.source for item in found} == {EMAIL}


def test_suggestions_come_back_with_scores_and_version(server: Server, title: str) -> None:
    scored = hard()
    entities = tuple(replace(item, score=0.1 * place + 1 / 3) for place, item in enumerate(scored.entities, -3))
    arguments = tuple(replace(item, score=0.123456789) for item in scored.events[0].arguments)
    events = (replace(scored.events[0], score=0.75, arguments=arguments), *scored.events[1:])
    scored = replace(scored, entities=entities, events=events)
    project = project_of(server, title)
    push(server, project, [scored], SCHEMA, version="model-1")
    (found,) = pulled(server, project, suggestions=True)
    assert (found.document, found.source, found.kind) == (scored, "model-1", "suggestion")
    shown = server.project(title)
    assert shown is not None
    assert shown.model_version == "model-1"


def test_pushing_twice_changes_nothing(server: Server, title: str) -> None:
    project = project_of(server, title)
    push(server, project, SEEDS, SCHEMA)
    before = tasks(server, project)
    assert push(server, project_of(server, title), SEEDS, SCHEMA).unchanged == len(SEEDS)
    assert tasks(server, project) == before


def test_suggestions_are_brought_up_to_date_and_versions_stand_side_by_side(server: Server, title: str) -> None:
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA, version="one")
    fewer = replace(sample(), events=())
    assert push(server, project, [fewer], SCHEMA, version="one").updated == 1
    assert push(server, project, [sample()], SCHEMA, version="two").added == 1
    found = {item.source: item.document for item in pulled(server, project, suggestions=True)}
    assert found == {"one": fewer, "two": sample()}


def test_nobody_s_work_is_touched(server: Server, title: str) -> None:
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA)
    (task,) = tasks(server, project)
    mine = replace(sample(), events=sample().events[:1])
    submit(server, task["id"], regions(mine, SCHEMA))
    push(server, project, [replace(sample(), entities=sample().entities[:3], events=())], SCHEMA)
    assert push(server, project, [sample()], SCHEMA, kind="annotations").kept == 1
    (found,) = pulled(server, project)
    assert plain(found.document) == mine


def test_annotators_stand_apart_with_who_when_and_how_long(
    label_studio: LabelStudioServer, server: Server, title: str, tmp_path: Path
) -> None:
    second = label_studio.add_user("second@example.com")
    project = project_of(server, title)
    push(server, project, [sample(), hard()], SCHEMA, kind="nothing")
    one, two = (task["id"] for task in tasks(server, project))
    first = replace(sample(), events=())
    submit(server, one, regions(first, SCHEMA), lead_time=12.5)
    submit(server, one, regions(sample(), SCHEMA), completed_by=second)
    submit(server, one, regions(replace(sample(), entities=(), events=()), SCHEMA), completed_by=second)
    submit(server, one, regions(sample(), SCHEMA), completed_by=second, lead_time=3.0)
    submit(server, two, [], was_cancelled=True)
    files = write(iter(pulled(server, project)), tmp_path / "out", {})
    assert files.counts == {f"{EMAIL}.jsonl": 1, "second@example.com.jsonl": 1, f"skipped/{EMAIL}.jsonl": 1}
    (mine,) = read_documents(tmp_path / "out" / f"{EMAIL}.jsonl")
    assert plain(mine) == first
    told = mine.extra[ANNOTATION]
    assert (told["annotator"], told["lead_time"], told["skipped"], told["task"]) == (EMAIL, 12.5, False, one)
    assert told["created"] < told["updated"] or told["created"][:19] == told["updated"][:19]
    (theirs,) = read_documents(tmp_path / "out" / "second@example.com.jsonl")
    assert plain(theirs) == sample()  # of several by one annotator, the latest
    assert theirs.extra[ANNOTATION]["lead_time"] == 3.0
    (skipped,) = read_documents(tmp_path / "out" / "skipped" / f"{EMAIL}.jsonl")
    assert skipped.extra[ANNOTATION]["skipped"] is True


def test_annotations_may_be_sent_as_another_s_work(label_studio: LabelStudioServer, server: Server, title: str) -> None:
    third = label_studio.add_user("third@example.com")
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA, kind="annotations")
    done = push(server, project, [hard(), sample()], SCHEMA, kind="annotations", annotator=third)
    assert (done.created, done.annotated) == (1, 1)
    found = pulled(server, project)
    assert {(item.source, item.document.id) for item in found} == {
        (EMAIL, "zahra"),
        ("third@example.com", "zahra"),
        ("third@example.com", "hard"),
    }


def test_an_id_with_another_text_is_refused_before_anything_is_sent(server: Server, title: str) -> None:
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA)
    before = tasks(server, project)
    with pytest.raises(PushError, match=r"zahra: task \d+ holds another text"):
        push(server, project, [hard(), Document("zahra", "نص آخر")], SCHEMA)
    assert tasks(server, project) == before


def test_a_document_that_does_not_fit_the_schema_is_refused_before_anything_is_sent(server: Server, title: str) -> None:
    project = project_of(server, title)
    with pytest.raises(PushError, match="t1: no type 'TOWN'"):
        push(server, project, [hard(), replace(sample(), entities=(Entity("t1", "TOWN", 0, 3),), events=())], SCHEMA)
    with pytest.raises(PushError, match=r"(?s)one: .*two: "):  # all of them are told
        push(server, project, [Document("one", " "), hard(), Document("two", "\0")], SCHEMA)
    assert tasks(server, project) == []


def test_an_interface_that_was_edited_by_hand(server: Server, title: str) -> None:
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA)
    edited = labelling_interface(SCHEMA).replace('value="PERSON"', 'value="Person"')
    server.update_project(project, label_config=edited)
    with pytest.raises(PushError, match="no Label 'PERSON'"):
        project_of(server, title)
    changed = server.project(title)
    assert changed is not None
    with pytest.raises(PullError, match="no Label 'PERSON'"):
        list(pull(server, changed, SCHEMA))
    prepare(server, title, SCHEMA, "", renew=True)
    assert pulled(server, project_of(server, title)) == []


def test_a_label_that_was_added_by_hand_is_told_not_lost_in_silence(server: Server, title: str) -> None:
    project = project_of(server, title)
    edited = labelling_interface(SCHEMA).replace("</Labels>", '<Label value="TOWN" /></Labels>', 1)
    server.update_project(project, label_config=edited)
    push(server, project, [sample()], SCHEMA, kind="nothing")
    (task,) = tasks(server, project)
    result = regions(sample(), SCHEMA)
    result[0]["value"]["labels"] = ["TOWN"]
    submit(server, task["id"], result)
    changed = server.project(title)
    assert changed is not None
    (found,) = pull(server, changed, SCHEMA)
    assert len(found.document.entities) == len(sample().entities) - 1
    assert any("TOWN" in problem and "zahra" in problem for problem in found.problems)
    assert found.document.extra[ANNOTATION]["problems"]


def test_tasks_that_others_put_there_are_told(server: Server, title: str) -> None:
    project = project_of(server, title)
    (number,) = server.import_tasks(project, [{"data": {"text": "نص"}}])
    assert list(pull(server, project, SCHEMA)) == []
    submit(server, number, [])
    (found,) = pull(server, project, SCHEMA)
    assert f"task {number}" in found.problems[0]
    push(server, project, [sample()], SCHEMA)  # and they are in nobody's way


def test_a_project_set_up_by_nobody_gets_the_interface(server: Server, title: str) -> None:
    server._api.projects.create(title=title)
    project = project_of(server, title)
    assert push(server, project, [sample()], SCHEMA).created == 1


def test_files_of_an_earlier_pull_go_and_others_stay(server: Server, title: str, tmp_path: Path) -> None:
    project = project_of(server, title)
    push(server, project, [sample()], SCHEMA, kind="annotations", version="v")
    write(iter(pulled(server, project)), tmp_path, {})
    own = tmp_path / "notes.jsonl"
    own.write_text("mine", encoding="utf-8")
    (task,) = tasks(server, project)
    server.delete_task(task["id"])
    assert write(iter(pulled(server, project)), tmp_path, {}).counts == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.jsonl", "pull.json"]
