"""The commands that speak with a Label Studio, from the corpus to the gold."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import SCHEMA, sample
from test_label_studio import SEEDS, hard, plain, submit, tasks
from tests.label_studio_server import EMAIL, LabelStudioServer

from rasid.document import read_documents, write_documents
from rasid.predictor import Predictor
from rasid_annotations.label_studio.commands import model_version
from rasid_annotations.label_studio.guidelines import guidelines_html
from rasid_annotations.label_studio.interface import labelling_interface
from rasid_annotations.label_studio.pushing import prepare
from rasid_annotations.label_studio.regions import regions
from rasid_annotations.label_studio.server import Server

Cli = Callable[..., int]


def test_commands(cli: Cli, title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus.jsonl"
    write_documents(corpus, [sample(), hard()])
    assert cli("push", corpus, "--project", title, "--as", "annotations") == 0
    assert "2 article(s): 2 created" in capsys.readouterr().out
    assert cli("pull", "--project", title, "--output", tmp_path / "out") == 0
    assert [plain(d) for d in read_documents(tmp_path / "out" / f"{EMAIL}.jsonl")] == [sample(), hard()]
    manifest = json.loads((tmp_path / "out" / "pull.json").read_text(encoding="utf-8"))
    assert manifest["files"] == {f"{EMAIL}.jsonl": 2}
    capsys.readouterr()
    assert cli("pull", "--project", "no such project", "--output", tmp_path / "out") == 2
    assert "no such project" in capsys.readouterr().err
    assert cli("push", corpus, "--project", "12345678") == 2
    assert "no project 12345678" in capsys.readouterr().err
    assert cli("push", corpus, "--project", title, "--as", "annotations", "--annotator", "x@y.z") == 2
    assert "no annotator 'x@y.z'" in capsys.readouterr().err


def test_a_command_that_makes_no_sense(cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = tmp_path / "corpus.jsonl"
    write_documents(corpus, [sample()])
    assert cli("push", corpus, "--project", "p", "--model", "some/where") == 2
    assert "add --predict" in capsys.readouterr().err
    assert cli("push", corpus, "--project", "p", "--token-file", tmp_path / "none") == 2
    assert "cannot be read" in capsys.readouterr().err
    assert cli("push", corpus, "--project", "p", "--guidelines", tmp_path / "none.md") == 2
    assert "guidelines" in capsys.readouterr().err
    assert cli("suggest", corpus, "--annotated", corpus) == 2
    assert "no article is left" in capsys.readouterr().err
    assert cli("reconcile", corpus, corpus, "--output", tmp_path / "gold.jsonl") == 2
    assert "two files are called" in capsys.readouterr().err


def test_two_trainings_over_one_vocabulary_are_two_versions() -> None:
    predictor = Predictor.load()
    versions = set()
    for weights in ("1" * 64, "2" * 64, "f" * 64):
        predictor.config = replace(predictor.config, files={"tokenizer.json": "0" * 64, "model.onnx": weights})
        versions.add(model_version(predictor, "runs/a/model"))
    assert len(versions) == 3


def test_without_a_token(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", " ")
    assert cli("pull", "--project", "p", "--output", tmp_path) == 2
    assert "LABEL_STUDIO_API_KEY" in capsys.readouterr().err


def test_the_interface_is_printed(cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli("interface") == 0
    assert capsys.readouterr().out == labelling_interface(SCHEMA)
    assert cli("interface", "--output", tmp_path / "i.xml") == 0
    assert (tmp_path / "i.xml").read_text(encoding="utf-8") == labelling_interface(SCHEMA)


def test_guidelines_stand_behind_the_button(server: Server, title: str, tmp_path: Path) -> None:
    file = tmp_path / "guidelines.md"
    file.write_text("# عنوان\n\n| a | b |\n| --- | --- |\n| <script>x</script> | 2 |\n", encoding="utf-8")
    html = guidelines_html(SCHEMA, str(file))
    assert "<h1>عنوان</h1>" in html
    assert "<table>" in html
    assert "<script>" not in html
    assert 'href="https://example.com/g?a=1&amp;b=2"' in guidelines_html(SCHEMA, "https://example.com/g?a=1&b=2")
    prepare(server, title, SCHEMA, html)
    renewed = prepare(server, title, SCHEMA, "<p>newer</p>", renew=True)
    assert server._api.projects.get(renewed.id).expert_instruction == "<p>newer</p>"


def test_what_a_model_finds_is_sent_as_suggestions(cli: Cli, title: str, tmp_path: Path) -> None:
    articles = tmp_path / "articles.jsonl"
    write_documents(articles, [replace(document, entities=(), events=()) for document in SEEDS[:2]])
    assert cli("push", articles, "--project", title, "--predict") == 0
    assert cli("pull", "--project", title, "--output", tmp_path / "out", "--suggestions") == 0
    (file,) = (tmp_path / "out" / "suggestions").iterdir()
    assert file.name.startswith("rasid-")
    assert all(document.entities[0].score for document in read_documents(file))


def test_two_annotators_an_adjudicator_and_the_gold(
    cli: Cli, label_studio: LabelStudioServer, title: str, tmp_path: Path
) -> None:
    label_studio.add_user("fourth@example.com")
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    write_documents(one, [sample(), hard()])
    write_documents(two, [replace(sample(), events=sample().events[1:]), hard()])
    assert cli("push", one, "--project", title, "--as", "annotations") == 0
    assert cli("push", two, "--project", title, "--as", "annotations", "--annotator", "fourth@example.com") == 0
    assert cli("pull", "--project", title, "--output", tmp_path / "out") == 0
    files = [tmp_path / "out" / f"{EMAIL}.jsonl", tmp_path / "out" / "fourth@example.com.jsonl"]
    assert cli("agreement", *files) == 0
    gold, adjudication = tmp_path / "gold.jsonl", f"{title}, adjudication"
    assert cli("reconcile", *files, "--output", gold, "--project", adjudication, "--list") == 0
    assert [document.id for document in read_documents(gold)] == ["hard"]

    assert cli("pull", "--project", adjudication, "--output", tmp_path / "open", "--suggestions") == 0
    (suggested,) = read_documents(tmp_path / "open" / "suggestions" / "open.jsonl")
    assert "open" not in suggested.extra
    assert {item.score for item in suggested.events} == {0.5, 1.0}
    with Server(label_studio.url, label_studio.token) as server:
        project = server.project(adjudication)
        assert project is not None
        (task,) = tasks(server, project)
        assert "trigger KILL «قُتل»: only" in task["data"]["open"]
        submit(server, task["id"], regions(sample(), SCHEMA))
    assert cli("pull", "--project", adjudication, "--output", tmp_path / "open") == 0
    (tmp_path / "open" / f"{EMAIL}.jsonl").rename(tmp_path / "adjudicator.jsonl")
    assert (
        cli("reconcile", *files, tmp_path / "adjudicator.jsonl", "--adjudicator", "adjudicator", "--output", gold) == 0
    )
    assert sorted(document.id for document in read_documents(gold)) == ["hard", "zahra"]


def test_suggest_sends_what_is_worth_most(
    cli: Cli, title: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pool, done = tmp_path / "pool.jsonl", tmp_path / "done.jsonl"
    write_documents(pool, [replace(document, entities=(), events=()) for document in SEEDS])
    write_documents(done, SEEDS[:1])
    out = tmp_path / "next.jsonl"
    assert cli("suggest", pool, "--annotated", done, "--count", "2", "--output", out, "--project", title) == 0
    names = [document.id for document in read_documents(out)]
    assert len(names) == 2
    assert SEEDS[0].id not in names
    assert "2 article(s): 2 created" in capsys.readouterr().out
