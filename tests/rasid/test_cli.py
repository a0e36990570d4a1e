"""The command: what it reads and writes, in which order, with what status; pipes, kills and terminals for real."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, version
from pathlib import Path
from typing import Any

import pytest

from rasid.cli import GROUP, _extra, main
from rasid.document import Document, dumps
from rasid.predictor import Predictor
from rasid.progress import Progress
from tests.rasid.processes import COMMAND, run_python, run_rasid
from tests.rasid.test_predictor import assert_same

Predict = Callable[..., tuple[int, str, str]]


@pytest.fixture
def predict(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Predict:
    """``rasid predict`` with the tiny model: status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def lines(tmp_path: Path, articles: Sequence[str]) -> Path:
    """A file of JSON Lines with an article a line."""
    path = tmp_path / "articles.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"a{number}", "text": text, "outlet": {"n": number}}, ensure_ascii=False) + "\n"
            for number, text in enumerate(articles)
        ),
        encoding="utf-8",
    )
    return path


def read_lines(output: str) -> list[Document]:
    """Output in JSON Lines; a text may hold separators that str.splitlines would take for line ends."""
    assert not output or output.endswith("\n")
    return [Document.from_dict(json.loads(line)) for line in output.split("\n")[:-1]]


# --- what it reads ---


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
        (["{tmp}/empty"], "the folder has no *.txt or *.jsonl to read"),
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


def test_one_array(predict: Predict, lines: Path, tmp_path: Path) -> None:
    as_lines = predict(lines)[1]
    status, out, _ = predict(lines, "--format", "json")
    assert status == 0
    assert json.loads(out) == [json.loads(line) for line in as_lines.splitlines()]
    (tmp_path / "none.jsonl").write_text("\n", encoding="utf-8")
    for form, expected in (("json", "[]\n"), ("jsonl", ""), ("text", "")):
        assert predict(tmp_path / "none.jsonl", "--format", form) == (0, expected, "")


def test_the_view(predict: Predict, lines: Path) -> None:
    out = predict("--format", "text", lines)[1]
    assert out.count("── a") == 5
    assert "\u2067" in out
    assert "\x1b" not in out


def test_output_is_replaced_at_the_end(predict: Predict, lines: Path, tmp_path: Path) -> None:
    output = tmp_path / "made" / "out.jsonl"
    expected = predict(lines)[1]
    assert predict("--output", output, lines) == (0, "", "")
    assert output.read_text(encoding="utf-8") == expected
    (tmp_path / "bad.txt").write_bytes(b"\xff")
    output.with_name("out.jsonl.partial").write_text("left by an old run", encoding="utf-8")
    assert predict("--output", output, tmp_path / "bad.txt")[0] == 1
    assert [document.id for document in read_lines(output.read_text(encoding="utf-8"))] == ["bad"]
    assert predict("--output", lines, lines)[0] == 0  # onto its own input
    assert lines.read_text(encoding="utf-8") == expected
    assert [path.name for path in output.parent.iterdir()] == ["out.jsonl"]


def test_resume_goes_on_behind_whole_lines(predict: Predict, lines: Path, tmp_path: Path) -> None:
    output, partial = tmp_path / "out.jsonl", tmp_path / "out.jsonl.partial"
    whole = predict(lines)[1]
    made = whole.splitlines(keepends=True)
    marked = [line.replace('"text"', '"kept": 1, "text"', 1) for line in made]
    for count in range(len(made) + 1):
        half = "" if count == len(made) else made[count][:30]
        partial.write_text("".join(marked[:count]) + half, encoding="utf-8")
        assert predict("--resume", "--output", output, lines) == (0, "", "")
        documents = read_lines(output.read_text(encoding="utf-8"))
        assert ["kept" in document.extra for document in documents] == [True] * count + [False] * (5 - count)
        for one, other in zip(documents, read_lines(whole), strict=True):
            assert_same(replace(one, extra={}), replace(other, extra={}))
    output.unlink()
    assert predict("--resume", "--output", output, lines) == (0, "", "")  # nothing to resume
    assert output.read_text(encoding="utf-8") == whole


def test_resume_remembers_errors(predict: Predict, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff")
    (tmp_path / "b.txt").write_text("قتل", encoding="utf-8")
    inputs = (tmp_path / "a.txt", tmp_path / "b.txt")
    first = predict(*inputs)[1].splitlines(keepends=True)[0]
    (tmp_path / "o.partial").write_text(first, encoding="utf-8")
    assert predict("--resume", "--output", tmp_path / "o", *inputs) == (1, "", "")


@pytest.mark.parametrize(
    ("partial", "message"),
    [
        (['{"id": "b", "text": "x"}'], "line 1 of .* answers 'b', but the input is 'a0'; give the same inputs"),
        (['{"id": "a0", "text": "x"}'], "line 1 of .* answers 'a0', but the input is 'a0' with another text"),
        (["{}"], "line 1 of .* is no document .*; start over without --resume"),
        (["\0\0"], "line 1 of .* is no document"),
        (["*"] * 6, "line 6 of .* answers 'a0', but there is no such input"),
    ],
)
def test_resume_refuses_another_beginning(
    predict: Predict, lines: Path, tmp_path: Path, partial: list[str], message: str
) -> None:
    made = predict(lines)[1].splitlines()
    content = "".join((made[n % 5] if line == "*" else line) + "\n" for n, line in enumerate(partial))
    path = tmp_path / "out.jsonl.partial"
    path.write_text(content, encoding="utf-8")
    status, _, err = predict("--resume", "--output", tmp_path / "out.jsonl", lines)
    assert status == 2
    assert re.search(message, err)
    assert path.read_text(encoding="utf-8") == content


# --- a process among others ---


@pytest.fixture
def many(articles: Sequence[str]) -> list[bytes]:
    """Lines of more than one chunk."""
    documents = [Document(f"n{number}", articles[number % 5] * 5) for number in range(220)]
    return [f"{dumps(document)}\n".encode() for document in documents]


@pytest.fixture
def interrupted(tiny_model: Path, tmp_path: Path, many: list[bytes]) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A run that has written some documents and waits for more of its input."""
    output = tmp_path / "out.jsonl"
    command = [*COMMAND, "predict", "--model", str(tiny_model), "--input", "jsonl", "--output", str(output), "-"]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # What a shell starts in the background ignores interruptions, and so would this process: not here.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin
    process.stdin.write(b"".join(many[:-1]))
    process.stdin.flush()
    partial = tmp_path / "out.jsonl.partial"
    deadline = time.monotonic() + 30
    while not partial.exists() or partial.read_bytes().count(b"\n") < 100:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    yield process, output
    process.kill()
    process.communicate()


def test_kill_and_resume(
    interrupted: tuple[subprocess.Popen[bytes], Path], predict: Predict, many: list[bytes], tmp_path: Path
) -> None:
    process, output = interrupted
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not output.exists()
    source = tmp_path / "many.jsonl"
    source.write_bytes(b"".join(many))
    with (tmp_path / "out.jsonl.partial").open("ab") as partial:
        partial.write(b'{"id": "half')
    done = (tmp_path / "out.jsonl.partial").read_bytes()
    assert predict("--resume", "--output", output, source) == (0, "", "")
    assert output.read_bytes().startswith(done[: done.rindex(b"\n") + 1])
    resumed = read_lines(output.read_text(encoding="utf-8"))
    at_once = read_lines(predict(source)[1])
    assert len(resumed) == len(many)
    for one, other in zip(resumed, at_once, strict=True):
        assert_same(one, other)


def test_an_interruption_tells_how_to_go_on(interrupted: tuple[subprocess.Popen[bytes], Path]) -> None:
    process, output = interrupted
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    assert process.stderr
    err = process.stderr.read().decode()
    assert "out.jsonl.partial; the same command with --resume goes on from there" in err
    assert "Traceback" not in err
    assert output.with_name("out.jsonl.partial").exists()
    assert not output.exists()


def test_standard_input(tiny_model: Path, predictor: Predictor) -> None:
    text = "قتل 12 عنصرًا\r\nفي حي القدم"
    command = ["predict", "--model", str(tiny_model), "-"]
    done = run_rasid(command, input=text.encode(), env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"})
    assert (done.returncode, done.stderr) == (0, b"")
    assert_same(read_lines(done.stdout.decode())[0], predictor(text, id="stdin"))
    done = run_rasid([*command, "--input", "jsonl"], input=b'{"text": "x"}\n{"id": "b", "text": "\xff"}\n')
    assert done.returncode == 1
    assert [document.id for document in read_lines(done.stdout.decode())] == ["stdin:1", "stdin:2"]
    assert done.stderr.startswith(b"rasid: error: standard input:2: not UTF-8: byte 0xFF at position 21")


def test_a_reader_that_leaves(tiny_model: Path, tmp_path: Path, many: list[bytes]) -> None:
    (tmp_path / "many.jsonl").write_bytes(b"".join(many))
    process = subprocess.Popen(
        [*COMMAND, "predict", "--model", str(tiny_model), str(tmp_path / "many.jsonl")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    assert Document.from_dict(json.loads(process.stdout.readline())).id == "n0"
    process.stdout.close()
    assert process.wait(30) == 141
    assert process.stderr.read() == b""
    process.stderr.close()


def on_a_terminal(command: Sequence[str], *, stream: str) -> tuple[int, str]:
    """Run a command with one stream on a pseudo-terminal: its status and what the terminal got."""
    ours, theirs = pty.openpty()
    streams: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: theirs}
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"}, **streams)
    os.close(theirs)
    got = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            block = os.read(ours, 65536)
        except OSError:  # how Linux tells that the other side is closed
            break
        if not block:
            break
        got += block
    os.close(ours)
    return process.wait(30), got.decode()


def test_a_terminal_gets_the_view_in_colour(tiny_model: Path, lines: Path, tmp_path: Path) -> None:
    command = [*COMMAND, "predict", "--model", str(tiny_model), str(lines)]
    status, got = on_a_terminal(command, stream="stdout")
    assert status == 0
    assert "── \x1b[1ma0\x1b[0m" in got
    assert "\u2067" in got
    status, got = on_a_terminal([*command, "--output", str(tmp_path / "o")], stream="stdout")
    assert (status, got) == (0, "")
    assert len(read_lines((tmp_path / "o").read_text(encoding="utf-8"))) == 5


def test_a_short_run_shows_no_progress(tiny_model: Path, lines: Path) -> None:
    status, got = on_a_terminal([*COMMAND, "predict", "--model", str(tiny_model), str(lines)], stream="stderr")
    assert (status, got) == (0, "")


@pytest.mark.parametrize("shown", [True, False])
def test_progress_of_a_long_run(shown: bool) -> None:
    def slow() -> Iterator[Document]:
        for number in range(3):
            time.sleep(0.6)
            yield Document(str(number), "قتل 12", error="odd" if number == 2 else None)

    stream = io.StringIO()
    progress = Progress(stream, shown=shown, total=3)
    assert len(list(progress.follow(slow()))) == 3
    assert progress.failures == 1
    told = stream.getvalue()
    assert bool(re.search(r"\r2 of 3 documents, \d words a second\x1b\[K", told)) == shown
    assert "rasid: error: odd\n" in told
    assert told.endswith("\r\x1b[K") == shown  # the line is cleared at the end


# --- the commands of other packages ---


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rasid {version('rasid')}\n"
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    for name in ("predict", "annotations", "evaluate", "train", "crossvalidate", "export"):
        assert f"\n  {name} " in told
    assert main([]) == 2
    assert capsys.readouterr().err == told
    with pytest.raises(SystemExit) as caught:
        main(["predict", "--help"])
    assert caught.value.code == 0


def test_an_unknown_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["predcit"]) == 2
    assert capsys.readouterr().err == "rasid: error: there is no command 'predcit'; did you mean 'predict'?\n"
    assert main(["--colour"]) == 2
    assert "`rasid --help` lists them" in capsys.readouterr().err


def test_nothing_is_loaded_that_is_not_named() -> None:
    code = """
import sys
from rasid.cli import main
first = {name.partition(".")[0] for name in sys.modules}
main(["--help"])
loaded = {name.partition(".")[0] for name in sys.modules}
print("loaded:", *sorted({"numpy", "onnxruntime", "tokenizers", "importlib.metadata"} & first))
print("loaded:", *sorted({"numpy", "onnxruntime", "rasid_annotations", "rasid_training", "torch", "yaml"} & loaded))
"""
    assert [line for line in run_python(code).splitlines() if line.startswith("loaded:")] == ["loaded:", "loaded:"]


def test_a_missing_library_names_the_extra() -> None:
    code = """
import sys
sys.modules["yaml"] = None  # as if it were not installed
from rasid.cli import main
sys.stderr = sys.stdout
print(main(["annotations", "stats"]))
"""
    told = run_python(code)
    assert told.startswith("rasid: error: `rasid annotations` needs more than the predictor (")
    assert told.endswith("; install it with: pip install 'rasid[annotations]'\n2\n")


def test_the_extra_of_training() -> None:
    assert _extra(EntryPoint("train", "rasid_training.commands:train", GROUP)) == "training"
    assert _extra(EntryPoint("other", "rasid_training_of_others:main", GROUP)) is None


def test_a_command_of_another_distribution(tmp_path: Path) -> None:
    info = tmp_path / "other-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nshout = other_commands:shout\nfail = other_commands:fail\n")
    (tmp_path / "other_commands.py").write_text(
        "from rasid.errors import InputError\n"
        "def shout(argv):\n    print('heard', *argv)\n    return 7\n"
        "def fail(argv):\n    raise InputError('odd: mend it')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = run_rasid(["shout", "--loud", "predict"], env=env)
    assert (done.returncode, done.stdout) == (7, b"heard --loud predict\n")
    done = run_rasid(["fail"], env=env)
    assert (done.returncode, done.stderr) == (2, b"rasid: error: odd: mend it\n")
    assert b"of other_commands:shout" in run_rasid(["--help"], env=env).stdout


def test_the_installed_command() -> None:
    command = Path(sys.executable).with_name("rasid")
    done = subprocess.run([command, "--version"], capture_output=True, timeout=30, encoding="utf-8")
    assert done.stdout == f"rasid {version('rasid')}\n"
