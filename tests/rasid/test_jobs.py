"""A corpus in parts: the same output by threads, processes and Ray, after a kill and when a worker is lost."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pyarrow.parquet as pq
import pytest

from rasid import parquet
from rasid.cli import main
from rasid.document import Document

Command = Callable[..., list[str]]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, articles: Sequence[str]) -> Path:
    """A folder with one article a text file, some as JSON Lines with what is wrong with lines, and some as Parquet."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, text in enumerate(articles):
        (folder / f"{number}.txt").write_text(text, encoding="utf-8")
    lines = [
        json.dumps({"text": f"{n} " + articles[n % 5] * (1 + n % 7), "outlet": n}, ensure_ascii=False)
        for n in range(1500)
    ]
    lines[3:3] = ["{broken", "", json.dumps({"id": "own", "text": ""})]
    (folder / "many.jsonl").write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    parquet.write(folder / "rows.parquet", [Document(f"p{n}", articles[n % 5], "2018-03-20") for n in range(150)])
    return folder


@pytest.fixture(scope="module")
def command(tiny_model: Path, corpus: Path) -> Command:
    def made(output: Path, *options: object) -> list[str]:
        return ["predict", "--model", str(tiny_model), str(corpus), "--output", str(output), *map(str, options)]

    return made


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory, command: Command) -> list[dict[str, object]]:
    """What one process gives without any of this."""
    output = tmp_path_factory.mktemp("plain") / "plain.jsonl"
    assert main(command(output)) == 1
    return _lines(output)


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n")[:-1]]


def _rows(folder: Path) -> list[dict[str, object]]:
    """A folder of Parquet as lines of JSON."""
    rows = [row for part in sorted(folder.iterdir()) for row in pq.read_table(part).to_pylist()]
    found = []
    for row in rows:
        extra = json.loads(row.pop("extra") or "{}")
        bare = {key: _bare(value) for key, value in row.items() if value is not None or key == "published"}
        found.append(bare | extra)
    return found


def _bare(value: object) -> object:
    if isinstance(value, list):
        return [_bare(item) for item in value]
    return {key: _bare(item) for key, item in value.items()} if isinstance(value, dict) else value


def _same(found: list[dict[str, object]], expected: list[dict[str, object]]) -> None:
    assert [d["id"] for d in found] == [d["id"] for d in expected]
    for one, other in zip(found, expected, strict=True):
        assert one == other


def test_parquet_holds_what_json_lines_hold(
    tmp_path: Path, command: Command, expected: list[dict[str, object]]
) -> None:
    output = tmp_path / "found.parquet"
    assert main(command(output)) == 1
    _same(_rows(output), expected)
    assert len(list(output.iterdir())) > 4
    assert not output.with_name("found.parquet.parts").exists()
    # It can be read as one table, and as the input of another run.
    assert pq.read_table(output).num_rows == len(expected)
    assert (
        main(
            [
                "predict",
                *command(tmp_path / "again.parquet")[1:3],
                str(output),
                "--output",
                str(tmp_path / "again.parquet"),
            ]
        )
        == 1
    )
    again = _rows(tmp_path / "again.parquet")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.parquet", "found.parquet"]
    assert [d["id"] for d in again] == [d["id"] for d in expected]
    assert [d["entities"] for d in again] == [d["entities"] for d in expected]


@pytest.mark.parametrize("name", ["found.jsonl", "found.parquet"])
def test_processes_give_the_same(
    tmp_path: Path, command: Command, expected: list[dict[str, object]], name: str
) -> None:
    output = tmp_path / name
    if name.endswith("parquet"):  # an earlier output gives way
        output.mkdir()
        (output / "part-999999.parquet").write_bytes(b"old")
    assert main(command(output, "--processes", 2)) == 1
    _same(_lines(output) if name.endswith("jsonl") else _rows(output), expected)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_job_that_was_killed_goes_on(tmp_path: Path, command: Command, expected: list[dict[str, object]]) -> None:
    output = tmp_path / "found.parquet"
    parts = tmp_path / "found.parquet.parts"
    running = subprocess.Popen(
        [sys.executable, "-m", "rasid", *command(output, "--threads", 1)], stderr=subprocess.DEVNULL
    )
    _wait(lambda: (parts / "_done.jsonl").is_file() and _count(parts) >= 2, running)
    running.kill()
    running.wait()
    assert not output.exists()
    made = {path.name: path.stat().st_mtime_ns for path in parts.glob("part-*")}
    with (parts / "_done.jsonl").open("a") as file:
        file.write('{"number": 3, "docu')  # a line that was half written
    recorded = {
        f"part-{json.loads(line)['number']:06d}.parquet"
        for line in (parts / "_done.jsonl").read_text().split("\n")[:-1]
    }
    assert recorded
    (parts / ".part-000001.parquet.77.partial").write_bytes(b"half")
    kept = {}

    # Other inputs, another model or other options would make another output.
    assert main(command(output, "--resume", "--published", "2018-01-01")) == 2
    for path in parts.glob("part-*"):
        kept[path.name] = path.stat().st_mtime_ns
    assert kept == made
    assert main(command(output, "--resume", "--processes", 2)) == 1  # by another engine too
    _same(_rows(output), expected)
    after = {path.name: path.stat().st_mtime_ns for path in output.iterdir()}
    assert all(re.fullmatch(r"part-\d{6}\.parquet", name) for name in after)
    assert all(after[name] == made[name] for name in recorded)


def test_ray_gives_the_same_though_a_worker_is_killed(
    tmp_path: Path, command: Command, expected: list[dict[str, object]]
) -> None:
    output = tmp_path / "found.parquet"
    parts = tmp_path / "found.parquet.parts"
    running = subprocess.Popen(
        [sys.executable, "-m", "rasid", *command(output, "--engine", "ray", "--processes", 2)],
        stderr=subprocess.PIPE,
        text=True,
    )
    _wait(lambda: parts.is_dir() and _count(parts) >= 2, running)
    workers = [p for p in psutil.Process(running.pid).children(recursive=True) if "_RayWorker" in " ".join(p.cmdline())]
    assert len(workers) == 2
    workers[0].send_signal(signal.SIGKILL)
    assert not output.exists(), "it was done before the worker was killed"
    _, errors = running.communicate(timeout=120)
    assert running.returncode == 1, errors
    _same(_rows(output), expected)


def _count(parts: Path) -> int:
    return len(list(parts.glob("part-*")))


def _wait(for_: Callable[[], bool], process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + 90
    while not for_():
        assert process.poll() is None, "it ended too early"
        assert time.monotonic() < end
        time.sleep(0.002)


def test_a_dead_process_is_told(tmp_path: Path, command: Command) -> None:
    output = tmp_path / "found.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-m", "rasid", *command(output, "--processes", 2)], stderr=subprocess.PIPE, text=True
    )
    parts = tmp_path / "found.jsonl.parts"
    _wait(lambda: parts.is_dir() and _count(parts) >= 1, running)
    pool = [p for p in psutil.Process(running.pid).children() if "spawn_main" in " ".join(p.cmdline())]
    os.kill(pool[0].pid, signal.SIGKILL)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 2
    assert "a process that read articles died" in errors
    assert "--resume" in errors
    assert parts.is_dir()


def test_what_cannot_be_done_in_parts(tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    plain = command(tmp_path / "x.jsonl")
    for arguments, message in (
        ([*plain[:4], "--processes", "2"], "give --output FILE.jsonl or --output FOLDER.parquet"),
        ([*plain, "--processes", "2", "--format", "json"], "and no other --format"),
        ([*plain[:3], "-", *plain[4:], "--processes", "2"], "standard input (-) can be read once only"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    (tmp_path / "mine.parquet").mkdir()
    (tmp_path / "mine.parquet" / "notes.txt").write_text("mine")
    assert main(command(tmp_path / "mine.parquet")) == 2
    assert "holds other files than Parquet" in capsys.readouterr().err
    assert (tmp_path / "mine.parquet" / "notes.txt").read_text() == "mine"


def test_an_earlier_output_and_its_parts_are_no_input(
    tmp_path: Path, tiny_model: Path, articles: Sequence[str]
) -> None:
    (tmp_path / "a.txt").write_text(articles[0], encoding="utf-8")
    parquet.write(tmp_path / "found.parquet.parts" / "part-000000.parquet", [Document("x", articles[1])])
    arguments = ["predict", "--model", str(tiny_model), str(tmp_path), "--output", str(tmp_path / "found.parquet")]
    for _ in range(2):  # the second time the output is there
        assert main(arguments) == 0
        assert [row["id"] for row in _rows(tmp_path / "found.parquet")] == ["a"]
    (tmp_path / "found.parquet.txt").write_text(articles[1], encoding="utf-8")  # of a like name, but no part of it
    assert main(arguments) == 0
    assert [row["id"] for row in _rows(tmp_path / "found.parquet")] == ["a", "found.parquet"]


def test_a_place_that_cannot_be_written(tmp_path: Path, command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("mine")
    assert main(command(tmp_path / "file" / "found.parquet")) == 2
    assert "found.parquet: cannot be written" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["found.jsonl", "found.parquet"])
def test_a_corpus_of_nothing(tmp_path: Path, tiny_model: Path, name: str) -> None:
    (tmp_path / "nothing.jsonl").write_text("\n\n")
    arguments = ["--model", str(tiny_model), str(tmp_path / "nothing.jsonl"), "--output", str(tmp_path / name)]
    assert main(["predict", *arguments, "--processes", "2"]) == 0
    assert (_lines(tmp_path / name) if name.endswith("jsonl") else _rows(tmp_path / name)) == []


@pytest.mark.parametrize(
    ("module", "options", "extra"), [("pyarrow", [], "parquet"), ("ray", ["--engine", "ray"], "ray")]
)
def test_what_is_missing_is_named(
    tmp_path: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    module: str,
    options: list[str],
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    assert main(command(tmp_path / "found.parquet", *options)) == 2
    assert f"pip install 'rasid[{extra}]'" in capsys.readouterr().err
