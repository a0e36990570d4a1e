"""The command as a process of its own, for what only a process shows: pipes, kills, what is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

COMMAND = (sys.executable, "-m", "rasid")


def run_python(code: str, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """The standard output of a Python program; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, **(env or {})},
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_rasid(arguments: Sequence[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
    """Run ``rasid`` to its end."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, timeout=60, **more)
