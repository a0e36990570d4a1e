"""The command ``rasid``: ``predict`` here, other subcommands from the entry-point group ``rasid.commands``.

A subcommand is loaded only when it is named, and so is what prediction needs: naming none costs no time.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from rasid.errors import InputError, RasidError
from rasid.inputs import find_sources, read_sources
from rasid.outputs import Format, OutputFile, chunks
from rasid.progress import Progress

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "rasid.commands"
"""The entry-point group in which other packages offer subcommands: ``(argv: Sequence[str]) -> int``."""

_EXTRAS = {"rasid_annotations": "annotations", "rasid_training": "training"}
_INTERRUPTED = 130  # 128 + SIGINT and 128 + SIGPIPE: what a shell reports for other programs
_NO_READER = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments after the command's name; None takes those of the process.

    Returns:
        the exit status: 0; 1 where single inputs could not be read; 2 where nothing could be done; 130 after an
        interruption; 141 where the reader of the output has gone.

    Raises:
        SystemExit: from argparse, for ``--help`` and a wrong command line.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever the locale says, JSON is UTF-8
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        return _dispatch(list(sys.argv[1:] if argv is None else argv))
    except RasidError as problem:
        print(f"rasid: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("rasid: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:
        # Python flushes standard output once more when it ends, and would complain there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _NO_READER


def _dispatch(argv: list[str]) -> int:
    name, rest = (argv[0], argv[1:]) if argv else ("", [])
    if name == "predict":
        return predict(rest)
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        from importlib.metadata import version  # slow to import

        print(f"rasid {version('rasid')}")
        return 0
    commands = _commands()
    if name in commands:
        return _run(commands[name], rest)
    if not name:
        print(_help(), file=sys.stderr)
        return 2
    from difflib import get_close_matches

    near = get_close_matches(name, ["predict", *commands], n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`rasid --help` lists them"
    raise InputError(f"there is no command {name!r}; {hint}")


def _commands() -> dict[str, EntryPoint]:
    """The subcommands of other packages by name, none of them imported."""
    from importlib.metadata import entry_points  # slow to import

    return {command.name: command for command in sorted(entry_points(group=GROUP), key=lambda c: c.name)}


def _help() -> str:
    lines = [
        "usage: rasid COMMAND …",
        "",
        "Entities and events with arguments from Arabic conflict news.",
        "",
        "commands:",
        f"  {'predict':<16} find entities and events in articles",
    ]
    for name, command in _commands().items():
        extra = _extra(command)
        lines.append(f"  {name:<16} {f'of rasid[{extra}]' if extra else f'of {command.value}'}")
    lines += ["", "`rasid COMMAND --help` explains a command; `rasid --version` prints the version."]
    return "\n".join(lines)


def _extra(command: EntryPoint) -> str | None:
    return _EXTRAS.get(command.module.partition(".")[0])


def _run(command: EntryPoint, argv: Sequence[str]) -> int:
    """Load a subcommand and run it; many of its libraries may be loaded only while it runs."""
    try:
        return int(command.load()(argv))
    except ImportError as problem:
        ours = (problem.name or "").partition(".")[0] in ("rasid", *_EXTRAS)
        extra = _extra(command)
        if ours or extra is None:  # no missing library but a fault of the package
            raise
        raise RasidError(
            f"`rasid {command.name}` needs more than the predictor ({problem}); "
            f"install it with: pip install 'rasid[{extra}]'"
        ) from None


def predict(argv: Sequence[str]) -> int:
    """``rasid predict``: find entities and events in articles.

    Returns:
        0, or 1 where single inputs could not be read.

    Raises:
        RasidError: nothing could be done; the message names the item and the remedy.
        SystemExit: from argparse, for ``--help`` and a wrong command line.
    """
    options = _parser().parse_intermixed_args(argv)
    if (
        options.processes
        or options.engine != "local"
        or (options.output and options.output.suffix.lower() == ".parquet")
    ):
        return _predict_in_parts(options)
    form: Format = options.format or ("text" if sys.stdout.isatty() and options.output is None else "jsonl")
    if options.resume and (options.output is None or form != "jsonl"):
        raise InputError("--resume continues a file of JSON Lines; give --output FILE, and no other --format")
    output = OutputFile(options.output) if options.output else None
    sources = find_sources(options.inputs, kind=options.input, leave_out=options.output)

    from rasid.predictor import MAX_CHARACTERS, Predictor  # slow to import

    predictor = Predictor.load(
        options.model,
        precision=options.precision,
        threads=options.threads,
        max_characters=options.max_characters or MAX_CHARACTERS,
    )
    documents = read_sources(sources, published=options.published)
    failures = output.skip(documents) if output and options.resume else 0
    on_screen = sys.stdout.isatty() and output is None
    progress = Progress(
        sys.stderr,
        shown=sys.stderr.isatty() and not on_screen,
        total=len(sources) if all(source.path and source.kind == "text" for source in sources) else None,
        failures=failures,
    )
    answers = progress.follow(predictor.stream_documents(documents))
    parts = chunks(
        answers,
        form,
        colour=on_screen and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb",
        width=shutil.get_terminal_size((100, 24)).columns,
    )
    if output is None:
        for part in parts:
            sys.stdout.write(part)
            sys.stdout.flush()
    else:
        _write(output, parts, options.resume, form)
    return 1 if progress.failures else 0


def _predict_in_parts(options: argparse.Namespace) -> int:
    """``rasid predict`` with ``--processes``, ``--engine`` or Parquet: see ``rasid.jobs``."""
    if options.output is None or options.format not in (None, "jsonl"):
        raise InputError(
            "--processes, --engine and Parquet write files: give --output FILE.jsonl or --output FOLDER.parquet, "
            "and no other --format"
        )
    from rasid import engines  # slow to import
    from rasid.jobs import Job, Output
    from rasid.predictor import MAX_CHARACTERS

    # Processes elsewhere have another working directory.
    output = Output(options.output.absolute())
    sources = find_sources(options.inputs, kind=options.input, leave_out=options.output)
    sources = [replace(source, path=source.path.absolute() if source.path else None) for source in sources]
    model = str(Path(options.model).absolute()) if options.model and Path(options.model).exists() else options.model
    job = Job(
        output.parts,
        output.form,
        model,
        options.precision,
        options.threads,
        options.max_characters or MAX_CHARACTERS,
        options.published,
    )
    shards, before = output.begin(job, sources, resume=options.resume)
    progress = Progress(sys.stderr, shown=sys.stderr.isatty(), failures=sum(len(done.errors) for done in before))
    if options.engine == "ray":
        parts = engines.ray(job, shards, options.processes)
    elif options.processes:
        parts = engines.processes(job, shards, options.processes)
    else:
        parts = engines.here(job, shards)
    try:
        for done in parts:
            output.record(done)
            progress.add(done.documents, done.words, done.errors)
    except KeyboardInterrupt:
        print(
            f"\nrasid: what is done is in {output.parts}; the same command with --resume goes on from there",
            file=sys.stderr,
        )
        raise
    finally:
        progress.clear()
    output.finish(job, len(shards) + len(before))
    return 1 if progress.failures else 0


def _write(output: OutputFile, parts: Iterable[str], resume: bool, form: Format) -> None:
    try:
        output.write(parts, append=resume)
    except KeyboardInterrupt:
        remedy = "; the same command with --resume goes on from there" if form == "jsonl" else ""
        print(f"\nrasid: what is done is in {output.partial}{remedy}", file=sys.stderr)
        raise


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rasid predict",
        description="Find entities and events in Arabic conflict news.",
        epilog="Exit status: 0; 1 where single inputs could not be read (each has an 'error' in its place in the "
        "output, and a line on standard error); 2 where nothing could be done.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="a text file (one article, UTF-8); a .jsonl file (an object with 'text' a line); a .parquet file (with a "
        "column 'text'); a folder of these; or - for standard input",
    )
    parser.add_argument("--model", metavar="M", help="a model directory or a hub name (default: the shipped model)")
    parser.add_argument("--precision", choices=("fp32", "int8"), help="which graph of the model computes")
    parser.add_argument(
        "--threads",
        type=_positive,
        metavar="N",
        help="how many windows of text are computed at once (default: one a core; with --processes: 1)",
    )
    parser.add_argument(
        "--processes",
        type=_positive,
        metavar="N",
        help="divide the inputs among processes (with --engine ray: workers, by default one a CPU of the cluster)",
    )
    parser.add_argument(
        "--engine", choices=("local", "ray"), default="local", help="where the processes are (ray needs rasid[ray])"
    )
    parser.add_argument("--max-characters", type=_positive, metavar="N", help="refuse texts that are longer")
    parser.add_argument(
        "--published", type=_date, metavar="DATE", help="date of the articles that carry none (YYYY-MM-DD)"
    )
    parser.add_argument(
        "--input", choices=("text", "jsonl", "parquet"), help="how to read the inputs, whatever their names"
    )
    parser.add_argument(
        "--format",
        choices=("jsonl", "json", "text"),
        help="a document a line; one JSON array; or for the eye (default: text on a terminal, else jsonl)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="write this file, whole or not at all; what ends in .parquet becomes a folder of Parquet files",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on where an interrupted run with the same inputs and options ended"
    )
    return parser


def _positive(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < 1:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number from 1")
    return int(value)


def _date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a date; write it as YYYY-MM-DD") from None
