"""What ``rasid predict`` reads, in which order, and what it cannot read."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rasid.predictor import Predictor
from tests.rasid.conftest import Predict, read_lines
from tests.rasid.test_predictor import assert_same


def test_json_lines_in_the_order_read(
    predict: Predict, lines: Path, predictor: Predictor, articles: Sequence[str]
) -> None:
    status, out, err = predict("--format", "jsonl", lines)
    assert (status, err) == (0, "")
    documents = read_lines(out)
    assert [document.id for document in documents] == [f"a{number}" for number in range(len(articles))]
    for number, (document, text) in enumerate(zip(documents, articles, strict=True)):
        assert document.extra == {"outlet": {"n": number}}
        assert_same(replace(document, extra={}), predictor(text, id=document.id))


def test_a_text_is_read_to_the_letter(predict: Predict, tmp_path: Path) -> None:
    text = "\ufeffقتل 12\r\nعنصرًا\rفي دمشق\u2028و\x0cحلب\n"
    (tmp_path / "a.b.txt").write_bytes(text.encode())
    (tmp_path / "noending").write_bytes(text.encode())
    status, out, _ = predict("--published", "2018-03-20", tmp_path / "a.b.txt", tmp_path / "noending")
    assert status == 0
    assert [(d.id, d.text, d.published) for d in read_lines(out)] == [
        ("a.b", text, "2018-03-20"),
        ("noending", text, "2018-03-20"),
    ]


def test_a_folder_sorted_and_deep(predict: Predict, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("b.txt", "a.txt", "deep/a.txt", ".hidden.txt", ".git/x.txt", "other.html", "out.jsonl"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"قتل {name}", encoding="utf-8")
    (folder / "c.jsonl").write_text(
        '{"text": "جرح"}\n\n{"id": "own", "text": "أسر"}\n{"text": "خرج"}', encoding="utf-8"
    )
    status, _, _ = predict("--output", folder / "out.jsonl", folder)
    assert status == 0
    ids = [document.id for document in read_lines((folder / "out.jsonl").read_text(encoding="utf-8"))]
    assert ids == ["a", "b", "c:1", "own", "c:4", "deep/a"]


def test_input_overrides_the_name(predict: Predict, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text('{"id": "x", "text": "قتل"}\n', encoding="utf-8")
    assert read_lines(predict("--input", "jsonl", tmp_path / "a.txt")[1])[0].text == "قتل"
    assert read_lines(predict(tmp_path / "a.txt")[1])[0].text == '{"id": "x", "text": "قتل"}\n'


def test_dates_and_earlier_answers(predict: Predict, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    given = [
        {"id": "own", "text": "قتل", "published": "2017-01-01", "entities": [{"odd": 1}], "events": None},
        {"id": "none", "text": "قتل", "published": None},
        {"id": "failed", "text": "", "error": "not UTF-8"},
    ]
    path.write_text("".join(json.dumps(item) + "\n" for item in given), encoding="utf-8-sig")
    status, out, err = predict("--published", "20180320", path)
    own, none, failed = read_lines(out)
    assert (own.published, none.published) == ("2017-01-01", "2018-03-20")
    assert failed.error == "not UTF-8"
    assert status == 1
    assert err == "rasid: error: not UTF-8\n"


def test_the_five_articles_over_their_annotation(predict: Predict) -> None:
    corpus = Path(__file__).parents[2] / "annotations" / "corpus" / "seeds.jsonl"
    gold = read_lines(corpus.read_text(encoding="utf-8"))
    status, out, err = predict(corpus)
    assert (status, err) == (0, "")
    answers = read_lines(out)
    assert len(answers) == 5
    for document, answer in zip(gold, answers, strict=True):
        kept = (document.id, document.text, document.published, document.extra)
        assert kept == (answer.id, answer.text, answer.published, answer.extra)
        assert answer.entities
        assert all(entity.score is not None for entity in answer.entities)  # the model's, not the annotators'


BAD_LINES: list[tuple[bytes, str, str]] = [
    (b'{"id": "a", "text": ', "bad:1", r"bad.jsonl:1: not JSON ("),
    (b'{"id": "a"}', "a", "bad.jsonl:2: document 'a': key 'text' must hold str; it is missing; expected a JSON object"),
    (b'{"text": 5, "k": 1}', "bad:3", "bad.jsonl:3: document 'bad:3': key 'text' must hold str; got int 5"),
    (b'{"id": 7, "text": "x"}', "bad:4", "bad.jsonl:4: document: key 'id' must hold str; got int 7"),
    ('{"text": "قتل"}'.encode("cp1256"), "bad:5", "bad.jsonl:5: not UTF-8: byte 0xDE at position 10"),
    (b"[1, 2]", "bad:6", "bad.jsonl:6: not a JSON object but list"),
    (b'{"id": "b", "text": " "}', "b", "document 'b': the text is empty or only white space"),
    (b'{"id": "c", "text": "x\\u0000"}', "c", "document 'c': the text has a NUL (U+0000) at character 1"),
    (b'{"id": "d", "text": "x\\ud800"}', "d", "document 'd': the text has a lone surrogate (U+D800) at character 1"),
    (b'{"id": "e", "text": "' + b"x" * 301 + b'"}', "e", "document 'e': the text has 301 characters, the limit is 300"),
    (b"[" * 100_000, "bad:11", "bad.jsonl:11: not JSON (it is nested too deep)"),
    (b'{"text": ' + b"9" * 5000 + b"}", "bad:12", "bad.jsonl:12: not JSON ("),
    (b'\x00\x01{"', "bad:13", "bad.jsonl:13: not JSON ("),
    (b'{"id": "f\\udc00", "text": 1}', "f\udc00", "key 'text' must hold str; got int 1"),
]


def test_bad_lines_are_answered_in_their_place(predict: Predict, tmp_path: Path) -> None:
    good = '{"id": "good", "text": "قتل"}'.encode()
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b"\n".join([bad for bad, _, _ in BAD_LINES] + [good]))
    status, out, err = predict("--max-characters", 300, path)
    assert status == 1
    documents = read_lines(out)
    assert documents[-1].id == "good"
    assert documents[-1].error is None
    assert len(documents) == len(BAD_LINES) + 1
    told = err.splitlines()
    assert len(told) == len(BAD_LINES)
    for document, line, (_, id, message) in zip(documents, told, BAD_LINES, strict=False):
        assert document.id == id
        assert document.error is not None
        assert message in document.error
        assert line == "rasid: error: " + document.error.encode("utf-8", "backslashreplace").decode()
        assert document.entities == document.events == ()
    assert documents[2].extra == {"k": 1}


def test_bad_files_are_answered_in_their_place(predict: Predict, tmp_path: Path) -> None:
    contents = {
        "arabic.txt": "قتل 12".encode("cp1256"),
        "utf16.txt": "قتل 12".encode("utf-16"),
        "empty.txt": b"",
        "nul.txt": b"a\x00b",
        "good.txt": "قتل 12".encode(),
    }
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    status, out, err = predict(*(tmp_path / name for name in contents))
    assert status == 1
    documents = read_lines(out)
    assert [document.id for document in documents] == ["arabic", "utf16", "empty", "nul", "good"]
    assert [bool(document.error) for document in documents] == [True, True, True, True, False]
    assert "arabic.txt: not UTF-8: byte 0xDE at position 0" in str(documents[0].error)
    assert "`iconv -f WINDOWS-1256 -t UTF-8`" in str(documents[0].error)
    assert "`iconv -f UTF-16 -t UTF-8`" in str(documents[1].error)
    assert len(err.splitlines()) == 4


@pytest.mark.skipif(sys.platform != "linux", reason="the file is Linux's")
def test_a_file_that_cannot_be_read(predict: Predict, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("قتل", encoding="utf-8")
    status, out, _ = predict("/proc/self/mem", tmp_path / "a.txt")
    assert status == 1
    failed, good = read_lines(out)
    assert failed.id == "mem"
    assert failed.error == "/proc/self/mem: cannot be read (Input/output error); check the file and its permissions"
    assert good.error is None


def test_a_file_too_large_to_read(predict: Predict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasid.inputs.MOST_BYTES", 60)
    (tmp_path / "a.txt").write_bytes(b"x" * 61)
    line = b'{"id": "%s", "text": "x"}\n'
    (tmp_path / "b.jsonl").write_bytes(line % (b"y" * 200) + line % b"good")
    status, out, _ = predict(tmp_path / "a.txt", tmp_path / "b.jsonl")
    assert status == 1
    text, long, good = read_lines(out)
    assert "a.txt: larger than" in str(text.error)
    assert "b.jsonl:1: larger than" in str(long.error)
    assert (long.id, good.id, good.error) == ("b:1", "good", None)


# --- what cannot be done at all ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{tmp}/none.txt"], "none.txt: no such file or folder"),
        (["{tmp}/empty"], "the folder has no *.txt, *.jsonl or *.parquet to read"),
        (["-", "-"], "standard input (-) is named twice"),
        (["--resume", "{file}"], "--resume continues a file of JSON Lines; give --output FILE"),
        (["--resume", "--output", "{tmp}/o", "--format", "json", "{file}"], "--resume continues"),
        (["--model", "{tmp}/none", "{file}"], "no model at"),
        (["--precision", "int8", "{file}"], "exported without model.int8.onnx"),
        (["--output", "{tmp}/empty", "{file}"], "not a regular file"),
        (["--output", "/dev/null", "{file}"], "not a regular file"),
        (["--output", "{file}/o.jsonl", "{file}"], "cannot be written"),
    ],
)
def test_nothing_is_written_where_nothing_can_be_done(
    predict: Predict, tmp_path: Path, lines: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    status, out, err = predict(*(argument.format(tmp=tmp_path, file=lines) for argument in arguments))
    assert (status, out) == (2, "")
    assert err.startswith("rasid: error: ")
    assert message in err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--published", "20 آذار", "x"], "'20 آذار' is not a date; write it as YYYY-MM-DD"),
        (["--published", "2018-13-01", "x"], "is not a date"),
        (["--threads", "0", "x"], "'0' is not a whole number from 1"),
        (["--max-characters", "many", "x"], "'many' is not a whole number from 1"),
        (["--format", "xml", "x"], "invalid choice"),
        (["--form", "json", "x"], "unrecognized arguments"),
        ([], "the following arguments are required: INPUT"),
    ],
)
def test_a_wrong_command_line(predict: Predict, capsys: Any, arguments: list[str], message: str) -> None:
    with pytest.raises(SystemExit) as caught:
        predict(*arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


# --- what it writes ---
