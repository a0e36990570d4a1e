"""Leaving one article out, calibration, and the model card."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest

import rasid_training.commands as commands
from rasid.decoding import Calibration
from rasid.document import Argument, Document, Entity, Event, read_documents, write_documents
from rasid.errors import InputError
from rasid.schema import Schema
from rasid_annotations.corpus import load_schema
from rasid_training import calibration as calibrating
from rasid_training.card import model_card
from rasid_training.evaluation import ResultError, calibration_of, load_result
from rasid_training.run import TrainingError

from .conftest import SCHEMA, WriteConfig


@pytest.fixture(scope="module")
def schema() -> Schema:
    return load_schema(SCHEMA)


def _candidates(count: int) -> tuple[list[Document], list[Document]]:
    """Gold and candidates whose raw score 0.9 is right half of the time, and 0.1 one time in ten."""
    text = " ".join(["جندي"] * (2 * count))
    gold, found = [], []
    for n in range(2 * count):
        raw = 0.9 if n < count else 0.1
        right = n % 2 == 0 if n < count else n % 10 == 0
        span = (5 * n, 5 * n + 4)
        found.append(Entity(f"t{n}", "PEOPLE", *span, raw))
        if right:
            gold.append(Entity(f"t{n}", "PEOPLE", *span))
    return [Document("d", text, entities=tuple(gold))], [Document("d", text, entities=tuple(found))]


def test_scores_become_the_share_that_is_right(schema: Schema) -> None:
    gold, candidates = _candidates(200)
    calibration = calibrating.fit(gold, candidates, schema)
    assert calibration.thresholds["PEOPLE"] <= 0.5
    (served,) = (calibrating.apply(d, calibration) for d in candidates)
    scores = {round(e.score or 0, 2) for e in served.entities}
    assert max(scores) == pytest.approx(0.5, abs=0.03)
    # The same by the decoder's own arithmetic.
    scale, offset = calibration.scales["entities"]
    assert 1 / (1 + math.exp(-(scale * math.log(9) + offset))) == pytest.approx(max(scores), abs=0.01)


def test_few_candidates_are_left_as_they_are(schema: Schema) -> None:
    gold, candidates = _candidates(5)
    assert calibrating.fit(gold, candidates, schema).scales["entities"] == (1.0, 0.0)


def test_a_mention_that_is_dropped_takes_its_links_along() -> None:
    text = "قتل جنود"
    document = Document(
        "d",
        text,
        entities=(Entity("t1", "PEOPLE", 4, 8, 0.2),),
        events=(Event("e1", "KILL", 0, 3, "actual", (Argument("PATIENT", "t1", 0.9),), 0.9),),
    )
    served = calibrating.apply(document, Calibration())
    assert served.entities == ()
    assert served.events[0].arguments == ()
    kept = calibrating.apply(document, Calibration(thresholds={"PEOPLE": 0.1}))
    assert kept.events[0].arguments[0].score == pytest.approx(0.9)


@pytest.fixture
def small(write_config: WriteConfig, tmp_path: Path, corpus: Sequence[Document]) -> Path:
    write_documents(tmp_path / "corpus.jsonl", corpus[:3])
    return write_config(data={"schema": str(SCHEMA), "train": ["corpus.jsonl"]}, epochs=1)


def test_each_article_is_predicted_by_a_model_without_it(
    small: Path, tmp_path: Path, corpus: Sequence[Document], capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "cv"
    assert commands.crossvalidate([str(small), "--output", str(output), "--seeds", "2"]) == 0
    printed = capsys.readouterr().out
    assert "strict F1 over 2 seed(s)" in printed
    assert "seqeval strict" in printed
    data = load_result(output / "crossvalidation.json")
    assert set(data["reports"]) == {"0", "1"}
    assert data["reports"]["0"]["documents"] == 3
    predicted = list(read_documents(output / "predictions-seed-1.jsonl"))
    assert [d.id for d in predicted] == [d.id for d in corpus[:3]]
    assert [d.text for d in predicted] == [d.text for d in corpus[:3]]
    assert set(data["curves"]["0"]) == {d.id for d in corpus[:3]}

    # An interrupted run: one fold is missing, the others are not computed again.
    (lost,) = output.glob("seed-1/002*")
    (lost / "fold.json").unlink()
    kept = next(iter(output.glob("seed-1/001*"))) / "candidates.jsonl"
    before = kept.stat().st_mtime_ns
    with pytest.raises(TrainingError, match="continue it with --resume"):
        commands.crossvalidate([str(small), "--output", str(output), "--seeds", "2"])
    assert commands.crossvalidate([str(small), "--output", str(output), "--seeds", "2", "--resume"]) == 0
    assert kept.stat().st_mtime_ns == before
    again = load_result(output / "crossvalidation.json")
    assert again["reports"] == data["reports"]

    # A configuration that names the result serves its calibration, and its card shows the tables.
    config = small.with_name("with.yaml")
    config.write_text(small.read_text() + f"crossvalidation: {output / 'crossvalidation.json'}\n", encoding="utf-8")
    assert commands.train([str(config)]) == 0
    model = tmp_path / "run" / "model"
    served = json.loads((model / "config.json").read_text(encoding="utf-8"))["calibration"]
    assert served == data["calibration"]
    assert set(data["calibration_without"]) == {d.id for d in corpus[:3]}
    assert calibration_of(data, [corpus[0].id]).to_dict() == data["calibration_without"][corpus[0].id]
    with pytest.raises(ResultError, match="hold out one article"):
        calibration_of(data, [corpus[0].id, corpus[1].id])
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "Leaving one article out (3 articles, 2 seed(s))" in card
    assert f"{data['reports']['0']['entities']['strict']['f1']:.3f}" in card


def test_only_the_articles_that_are_asked_for_are_left_out(
    small: Path, tmp_path: Path, corpus: Sequence[Document]
) -> None:
    left_out, output = tmp_path / "some.jsonl", tmp_path / "cv"
    write_documents(left_out, corpus[1:2])
    assert commands.crossvalidate([str(small), "--output", str(output), "--leave-out", str(left_out)]) == 0
    assert load_result(output / "crossvalidation.json")["documents"] == [corpus[1].id]
    write_documents(left_out, corpus[2:4])
    with pytest.raises(InputError, match=f"--leave-out: {corpus[3].id} is not among the articles"):
        commands.crossvalidate([str(small), "--output", str(output), "--leave-out", str(left_out)])


def test_a_result_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match="make it with `rasid crossvalidate`"):
        load_result(tmp_path / "nothing.json")
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ResultError, match="was not written by"):
        load_result(tmp_path / "other.json")


def test_the_card_of_an_unmeasured_model_says_so(schema: Schema) -> None:
    recipe = {
        "encoder": {"name": "compact", "weights": "fresh"},
        "optimization": {"seed": 0, "epochs": 3},
    }
    provenance = {"documents": ["a"], "development": [], "corpus": "0" * 64, "versions": {"rasid": "1"}}
    card = model_card(name="m", recipe=recipe, provenance=provenance, schema=schema, parameters=1000, result=None)
    assert "Not measured" in card
    assert "not fitted" in card
    assert "was not pretrained" in card
    assert "on 1 article(s) only" in card
    assert "10 entity types, 13 event types, 10 roles" in card
