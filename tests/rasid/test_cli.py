"""The command itself: what it loads and names."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import EntryPoint, version
from pathlib import Path

import pytest

from rasid.cli import GROUP, _extra, main
from tests.rasid.processes import run_python, run_rasid


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
