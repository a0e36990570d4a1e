"""What ``rasid predict`` writes: pipes, kills and terminals for real."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rasid.document import Document, dumps
from rasid.predictor import Predictor
from rasid.progress import Progress
from tests.rasid.conftest import Predict, read_lines
from tests.rasid.processes import COMMAND, run_rasid
from tests.rasid.test_predictor import assert_same


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
