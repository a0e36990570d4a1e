"""``rasid annotations …`` and ``rasid evaluate …``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import ARTICLE, SCHEMA, WRITTEN, document, entity, event, sample

from rasid.document import Document, read_documents, write_documents
from rasid.errors import InputError, OutputError, RasidError
from rasid_annotations.commands import annotations
from rasid_annotations.evaluation import evaluate
from rasid_annotations.notation import NotationError

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.jsonl"
    write_documents(path, [sample()])
    return path


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    path = tmp_path / "articles.jsonl"
    write_documents(path, [ARTICLE, replace(ARTICLE, id="second")])
    return path


def written(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_of_a_right_corpus(corpus: Path, capsys: Capture) -> None:
    assert annotations(["check", str(corpus)]) == 0
    assert capsys.readouterr().out == "1 document(s) checked: 0 problem(s) in 0 of them\n"


def test_check_prints_every_problem_and_fails(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    events = tuple(replace(item, modality="maybe") for item in sample().events[:2])
    write_documents(tmp_path / "bad.jsonl", [replace(sample(), id="bad", events=events)])
    assert annotations(["check", str(corpus), str(tmp_path / "bad.jsonl")]) == 1
    *lines, summary = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["bad", "p1e1"], ["bad", "p1e2"]]
    assert summary == "2 document(s) checked: 2 problem(s) in 1 of them"


def test_check_against_another_schema(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    other = SCHEMA.to_dict() | {"modalities": ["actual"]}
    (tmp_path / "config.json").write_text(json.dumps({"schema": other}), encoding="utf-8")
    assert annotations(["check", str(corpus), "--schema", str(tmp_path / "config.json")]) == 1
    assert "p2e4: no modality 'negated'" in capsys.readouterr().out


def test_stats_as_table_and_as_json(corpus: Path, capsys: Capture) -> None:
    assert annotations(["stats", str(corpus)]) == 0
    assert "nested entities" in capsys.readouterr().out
    assert annotations(["stats", str(corpus), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entities"] == 18


def test_resolve_to_standard_output_and_to_a_file(articles: Path, tmp_path: Path, capsys: Capture) -> None:
    file = written(tmp_path, "zahra.ann", WRITTEN)
    assert annotations(["resolve", str(articles), file]) == 0
    assert Document.from_dict(json.loads(capsys.readouterr().out)) == sample()
    output = tmp_path / "new" / "corpus.jsonl"
    assert annotations(["resolve", str(articles), file, "--output", str(output)]) == 0
    assert list(read_documents(output)) == [sample()]
    assert capsys.readouterr().out == ""


def test_a_device_is_not_replaced(articles: Path, tmp_path: Path) -> None:
    file, pipe = written(tmp_path, "zahra.ann", WRITTEN), tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="not a regular file; name a file, or write to standard output"):
        annotations(["resolve", str(articles), file, "--output", str(pipe)])
    assert pipe.is_fifo()


def test_resolve_writes_all_or_nothing(articles: Path, tmp_path: Path, capsys: Capture) -> None:
    files = [
        written(tmp_path, "right.ann", WRITTEN),
        written(tmp_path, "wrong.ann", "# doc second\nP 1\nT 1 LOC حلب\n"),
        written(tmp_path, "lost.ann", "# doc third\n"),
    ]
    output = tmp_path / "corpus.jsonl"
    with pytest.raises(NotationError) as caught:
        annotations(["resolve", str(articles), *files, "--output", str(output)])
    assert [problem.split(":")[:2] for problem in caught.value.problems] == [[files[1], "3"], [files[2], "1"]]
    assert not output.exists()
    with pytest.raises(NotationError):
        annotations(["resolve", str(articles), *files])
    assert capsys.readouterr().out == ""


def test_resolve_refuses_two_files_for_one_article(articles: Path, tmp_path: Path) -> None:
    files = [written(tmp_path, name, WRITTEN) for name in ("a.ann", "b.ann")]
    with pytest.raises(NotationError, match=r"b\.ann: .*a\.ann annotates 'zahra' too"):
        annotations(["resolve", str(articles), *files])


def test_resolve_names_a_file_that_it_cannot_read(articles: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.ann: cannot be read"):
        annotations(["resolve", str(articles), str(tmp_path / "none.ann")])


def test_write_gives_files_that_resolve_again_and_overwrites_nobodys_work(
    corpus: Path, articles: Path, tmp_path: Path, capsys: Capture
) -> None:
    folder = tmp_path / "written"
    for _ in range(2):  # the same files again are no loss
        assert annotations(["write", str(corpus), "--output", str(folder)]) == 0
        assert capsys.readouterr().out == f"1 file(s) written to {folder}\n"
    (file,) = folder.iterdir()
    assert annotations(["resolve", str(articles), str(file)]) == 0
    again = Document.from_dict(json.loads(capsys.readouterr().out))
    assert [(e.type, e.start, e.end) for e in again.entities] == [(e.type, e.start, e.end) for e in sample().entities]
    file.write_text(corrected := file.read_text(encoding="utf-8").replace("negated", "actual"), encoding="utf-8")
    with pytest.raises(NotationError, match=r"zahra\.ann: exists with other annotations.*name another folder"):
        annotations(["write", str(corpus), "--output", str(folder)])
    assert file.read_text(encoding="utf-8") == corrected


def test_write_refuses_two_articles_for_one_file(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    write_documents(corpus, [document(name="a/b"), document(name="a:b")])
    with pytest.raises(NotationError, match=r"a:b: another article would be written to .*a_b\.ann too"):
        annotations(["write", str(corpus), "--output", str(tmp_path / "written")])
    assert not (tmp_path / "written").exists()


def test_agreement_prints_tables_kappa_and_where_asked_the_disagreements(
    corpus: Path, tmp_path: Path, capsys: Capture
) -> None:
    second, output = tmp_path / "second.jsonl", tmp_path / "agreement.json"
    write_documents(second, [replace(sample(), entities=sample().entities, events=sample().events[:-1])])
    assert annotations(["agreement", str(corpus), str(second), "--list", "--output", str(output)]) == 0
    out = capsys.readouterr().out
    assert "strict triggers        1.000" in out
    assert "Cohen's kappa by word: entities 1.000, triggers 0.9" in out
    assert "zahra P 3  triggers missed: BESIEGE «تحاصر» ≠ –" in out.splitlines()
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["kappa"]["entities"] == 1.0
    assert [row["kind"] for row in report["disagreements"]] == ["missed", "trigger", "trigger"]
    assert "تحاصر" not in output.read_text(encoding="utf-8")
    assert annotations(["agreement", str(corpus), str(second)]) == 0
    assert "zahra P 3" not in capsys.readouterr().out


def test_agreement_of_three_is_told_pair_by_pair(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    second, third, output = tmp_path / "second.jsonl", tmp_path / "third.jsonl", tmp_path / "agreement.json"
    write_documents(second, [replace(sample(), events=sample().events[1:]), document(name="only here")])
    write_documents(third, [document(name="only there")])
    files = [str(corpus), str(second), str(third)]
    assert annotations(["agreement", *files, "--list", "--output", str(output)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if line.endswith((", second", ", third"))] == ["1", "0", "0"]
    assert any("triggers missed: KILL" in line for line in lines)
    (pair,) = json.loads(output.read_text(encoding="utf-8"))["pairs"]
    assert pair["annotators"] == [corpus.stem, "second"]


@pytest.mark.parametrize("times", [1, 2])
def test_agreement_needs_two(corpus: Path, times: int) -> None:
    with pytest.raises(InputError, match="two or more, each once"):
        annotations(["agreement", *[str(corpus)] * times])


def test_agreement_of_the_articles_that_both_have(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    second = tmp_path / "second.jsonl"
    write_documents(second, [sample(), document(name="other")])
    with pytest.raises(RasidError, match="missing from the gold documents: 'other'"):
        annotations(["agreement", str(corpus), str(second)])
    assert annotations(["agreement", str(corpus), str(second), "--common"]) == 0
    assert capsys.readouterr().out.startswith("1 document(s); ")


def test_evaluate_lists_errors(corpus: Path, tmp_path: Path) -> None:
    predicted, errors = tmp_path / "predicted.jsonl", tmp_path / "errors.txt"
    write_documents(predicted, [replace(sample(), events=())])
    assert evaluate([str(corpus), str(predicted), "--errors", str(errors), "--resamples", "0"]) == 0
    assert "zahra P 1  triggers missed: STRIKE «قصف» ≠ –" in errors.read_text(encoding="utf-8").splitlines()


def test_evaluate_prints_a_table_and_writes_json(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    predicted, output = tmp_path / "predicted.jsonl", tmp_path / "new" / "report.json"
    write_documents(predicted, [replace(sample(), entities=sample().entities[:-1], events=sample().events[:-1])])
    assert evaluate([str(corpus), str(predicted), "--output", str(output), "--resamples", "10", "--seed", "5"]) == 0
    out = capsys.readouterr().out
    assert "strict entities" in out
    assert out.splitlines()[-1].startswith("flat entities (seqeval, strict IOB2): micro P 1.000 R 0.9")
    assert out.splitlines()[-1].endswith("nesting drops 3 of 18 gold entities")
    report = json.loads(output.read_text(encoding="utf-8"))
    assert (report["resamples"], report["seed"]) == (10, 5)
    assert report["triggers"]["strict"]["matched"] == 6
    assert report["seqeval"]["dropped_gold"] == 3
    assert [path.name for path in output.parent.iterdir()] == ["report.json"]


def test_evaluate_writes_nothing_when_it_fails(corpus: Path, tmp_path: Path) -> None:
    predicted, output = tmp_path / "predicted.jsonl", tmp_path / "report.json"
    write_documents(predicted, [document(name="other")])
    with pytest.raises(RasidError, match="missing from the predicted documents: 'zahra'"):
        evaluate([str(corpus), str(predicted), "--output", str(output)])
    assert not output.exists()


COLUMNS = "زار O\nوفد O\nحلب B-LOC\n. O\n\nثم O\nعنب B-ORG\nبلدي I-ORG\n\n"


def test_convert_columns_to_documents_and_back(tmp_path: Path, capsys: Capture) -> None:
    columns, documents, again = written(tmp_path, "news.txt", COLUMNS), tmp_path / "news.jsonl", tmp_path / "again.bio"
    assert annotations(["convert", columns, str(documents)]) == 0
    assert capsys.readouterr().out == f"2 document(s), 2 entities written to {documents}\n"
    assert [(d.id, d.text) for d in read_documents(documents)] == [
        ("news-00001", "زار وفد حلب ."),
        ("news-00002", "ثم عنب بلدي"),
    ]
    assert annotations(["convert", str(documents), str(again)]) == 0
    assert again.read_text(encoding="utf-8") == COLUMNS
    assert annotations(["convert", columns, str(documents), "--sentences", "2"]) == 0
    assert [d.text for d in read_documents(documents)] == ["زار وفد حلب .\nثم عنب بلدي"]


def test_convert_reads_several_and_says_what_columns_leave_out(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "all.txt"
    assert annotations(["convert", str(corpus), written(tmp_path, "news.txt", COLUMNS), str(output)]) == 0
    assert capsys.readouterr().out == (
        f"3 document(s), 16 entities written to {output}, 5 of them extended to whole words; "
        "left out: 4 nested or overlapping entities, 7 events\n"
    )
    assert output.read_text(encoding="utf-8").endswith(COLUMNS)


def test_evaluate_against_columns_scores_whole_words(tmp_path: Path, capsys: Capture) -> None:
    gold, output = written(tmp_path, "news.txt", COLUMNS), tmp_path / "report.json"
    found = [
        document(entity("t1", "LOC", 9, 11), entity("t2", "LOC", 8, 10), name="news-00001", text="زار وفد حلب ."),
        document(entity("t1", "ORG", 3, 6), event("e1", "KILL", 0, 2), name="news-00002", text="ثم عنب بلدي"),
    ]
    write_documents(tmp_path / "found.jsonl", found)
    assert evaluate([gold, str(tmp_path / "found.jsonl"), "--output", str(output), "--resamples", "0"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("gold is tagged word by word: predictions are snapped to whole words")
    assert last.startswith("flat entities (seqeval, strict IOB2): micro P 0.500 R 0.500")
    report = json.loads(output.read_text(encoding="utf-8"))
    assert report["snapped"] is True
    assert report["entities"]["strict"]["matched"] == 1
    with pytest.raises(RasidError, match="missing from the gold documents: 'news-00002'"):
        evaluate([gold, gold.replace("news.txt", "found.jsonl"), "--sentences", "2"])


def test_evaluate_against_documents_snaps_nothing(corpus: Path, tmp_path: Path, capsys: Capture) -> None:
    output = tmp_path / "report.json"
    assert evaluate([str(corpus), str(corpus), "--output", str(output), "--resamples", "0"]) == 0
    assert "word by word" not in capsys.readouterr().out
    assert json.loads(output.read_text(encoding="utf-8"))["snapped"] is False


def test_an_output_that_cannot_be_written_is_named(corpus: Path, articles: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "articles.jsonl" / "report.json"  # its folder is a file
    with pytest.raises(RasidError, match=r"report\.json: cannot be written"):
        evaluate([str(corpus), str(corpus), "--output", str(blocked)])
    with pytest.raises(RasidError, match=r"report\.json: cannot be written"):
        annotations(["resolve", str(articles), written(tmp_path, "a.ann", WRITTEN), "--output", str(blocked)])


@pytest.mark.parametrize("argv", [[], ["compare", "a", "b"], ["check"]])
def test_a_wrong_command_line_ends_with_usage(argv: list[str], capsys: Capture) -> None:
    with pytest.raises(SystemExit) as caught:
        annotations(argv)
    assert caught.value.code == 2
    assert "usage: rasid annotations" in capsys.readouterr().err


def test_the_commands_load_nothing_heavy() -> None:
    heavy = "{'torch', 'transformers', 'sklearn', 'seqeval', 'onnxruntime'}"
    code = f"import sys, rasid_annotations.commands; sys.exit(', '.join({heavy} & set(sys.modules)) or 0)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ran.stderr.strip(), ran.returncode) == ("", 0)
