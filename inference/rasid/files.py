"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rasid.errors import OutputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path beside ``path`` to write to; it takes the place of ``path`` when all has gone well.

    The parent folder is made where it is missing. Where anything fails, an existing file stays as it was.

    Raises:
        OutputError: the file cannot be written, or ``path`` is a folder or a device, which a file must not replace.
    """
    if path.exists() and not path.is_file():
        raise OutputError(f"{path}: not a regular file; name a file, or write to standard output and redirect it")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")  # processes that train together write alike
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield partial
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as problem:
        raise OutputError(f"{path}: cannot be written ({problem}); name a file in a folder that can be") from None


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill; it takes the place of ``folder`` when all has gone well.

    The parent folder is made where it is missing. Where anything fails, an existing folder stays as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
        made = Path(beside) / "new"
        made.mkdir()
        yield made
        if folder.exists():
            folder.rename(Path(beside) / "old")
        made.rename(folder)


def write_json(path: Path, data: Any) -> None:
    """Write JSON for people to read too: indented, characters as themselves.

    Raises:
        OutputError: the file cannot be written.
    """
    with replacing(path) as partial:
        partial.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
