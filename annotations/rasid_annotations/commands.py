"""Entry point of ``rasid annotations …``: it takes the arguments after its name and returns the exit status.

Errors of Rasid go to the caller, which prints them.
"""

# No `from __future__ import annotations` here: it would bind the name of the entry point below.
import argparse
import itertools
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasid.document import Document, dumps, write_documents
from rasid.errors import InputError
from rasid.files import replacing, write_json
from rasid_annotations.agreement import kappas
from rasid_annotations.checks import check
from rasid_annotations.columns import is_column_file, snapped, write_columns
from rasid_annotations.corpus import load_corpus, load_schema
from rasid_annotations.disagreements import disagreements
from rasid_annotations.label_studio import commands as label_studio
from rasid_annotations.label_studio import rounds
from rasid_annotations.notation import NotationError, parse, write
from rasid_annotations.options import CORPUS_HELP, add_schema, add_sentences
from rasid_annotations.pool import read_pool
from rasid_annotations.publishing import HydrationError, fingerprint, hydrated, read_detached, write_detached
from rasid_annotations.review import read_settled, review
from rasid_annotations.scoring import paired, score
from rasid_annotations.selection import load_plan, select
from rasid_annotations.statistics import statistics


def annotations(argv: Sequence[str]) -> int:
    """``rasid annotations agreement | check | stats | resolve | write | convert | review | select | detach | hydrate``.

    Returns:
        0, or 1 where ``check`` found problems.

    Raises:
        RasidError: the input cannot be used; the message names the item and the remedy.
        SystemExit: from argparse, for ``--help`` and a wrong command line.
    """
    parser = argparse.ArgumentParser(
        prog="rasid annotations", description="Check, count, resolve, convert and publish annotations."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    agreeing = commands.add_parser("agreement", help="compare annotators of the same articles, pair by pair")
    agreeing.add_argument("annotators", type=Path, nargs="+", metavar="CORPUS", help=f"an annotator's: {CORPUS_HELP}")
    agreeing.add_argument(
        "--common",
        action="store_true",
        help="compare the articles that both have, leave out others (of more than two: so)",
    )
    agreeing.add_argument("--list", action="store_true", help="list every disagreement, with its words")
    agreeing.add_argument("--output", type=Path, metavar="REPORT.json", help="write the whole report as JSON too")
    agreeing.set_defaults(run=_agreement)

    checking = commands.add_parser("check", help="print every problem of a corpus; exit 1 where there is one")
    _add_corpus(checking)
    checking.set_defaults(run=_check)

    counting = commands.add_parser("stats", help="count what a corpus holds")
    _add_corpus(counting)
    counting.add_argument("--json", action="store_true", help="print JSON instead of a table")
    counting.set_defaults(run=_stats)

    reviewing = commands.add_parser("review", help="list probable slips of annotators")
    _add_corpus(reviewing, schema=False)
    reviewing.add_argument("--settled", type=Path, metavar="FILE", help="rows, as --json prints them, to leave out")
    reviewing.add_argument("--json", action="store_true", help="print JSON Lines without words of the articles")
    reviewing.set_defaults(run=_review)

    resolving = commands.add_parser("resolve", help="turn annotations written by their own words into offsets")
    resolving.add_argument("articles", type=Path, metavar="ARTICLES.jsonl", help="the articles, a document a line")
    resolving.add_argument("files", type=Path, nargs="+", metavar="FILE.ann", help="guidelines, section 6")
    resolving.add_argument("--output", type=Path, metavar="FILE", help="write there instead of standard output")
    add_schema(resolving)
    resolving.set_defaults(run=_resolve)

    writing = commands.add_parser("write", help="write annotations by their own words, to correct them in an editor")
    writing.add_argument("corpus", type=Path, nargs="+", metavar="CORPUS", help=CORPUS_HELP)
    writing.add_argument("--output", type=Path, required=True, metavar="DIR", help="a file ID.ann an article")
    writing.set_defaults(run=_write)

    converting = commands.add_parser("convert", help="JSON Lines to a column file of words and tags, or the reverse")
    converting.add_argument("corpus", type=Path, nargs="+", metavar="IN", help=CORPUS_HELP)
    converting.add_argument("output", type=Path, metavar="OUT", help="JSON Lines if named *.jsonl, else a column file")
    add_sentences(converting)
    converting.set_defaults(run=_convert)

    selecting = commands.add_parser("select", help="choose articles of a pool for annotation, and their splits")
    selecting.add_argument("pool", type=Path, metavar="POOL", help="articles, JSON Lines or its .xz")
    selecting.add_argument("plan", type=Path, metavar="PLAN.yaml", help="like annotations/selection.yaml")
    selecting.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSON Lines, an article a line")
    selecting.set_defaults(run=_select)

    detaching = commands.add_parser("detach", help="annotations without the text, to publish where it may not be")
    detaching.add_argument("corpus", type=Path, nargs="+", metavar="CORPUS", help=CORPUS_HELP)
    detaching.add_argument("--output", type=Path, required=True, metavar="FILE", help="JSON Lines")
    detaching.set_defaults(run=_detach)

    hydrating = commands.add_parser("hydrate", help="put the text back into detached annotations")
    hydrating.add_argument("files", type=Path, nargs="+", metavar="FILE", help="detached annotations")
    hydrating.add_argument(
        "--pool",
        type=Path,
        nargs="+",
        required=True,
        metavar="PATH",
        help="pool files, or folders with clones of the public corpora",
    )
    hydrating.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="a file of the same name is written there"
    )
    hydrating.set_defaults(run=_hydrate)

    label_studio.add_commands(commands)
    rounds.add_commands(commands)

    arguments = parser.parse_args(argv)
    status: int = arguments.run(arguments)
    return status


def _add_corpus(parser: argparse.ArgumentParser, *, schema: bool = True) -> None:
    parser.add_argument("corpus", type=Path, nargs="+", metavar="CORPUS", help=CORPUS_HELP)
    if schema:
        add_schema(parser)


def _check(arguments: argparse.Namespace) -> int:
    schema = load_schema(arguments.schema)
    documents = load_corpus(arguments.corpus)
    problems = [problem for document in documents for problem in check(document, schema)]
    for problem in problems:
        print(problem)
    affected = len({problem.document for problem in problems})
    print(f"{len(documents)} document(s) checked: {len(problems)} problem(s) in {affected} of them")
    return 1 if problems else 0


def _stats(arguments: argparse.Namespace) -> int:
    counted = statistics(load_corpus(arguments.corpus), load_schema(arguments.schema))
    print(json.dumps(counted.to_dict(), ensure_ascii=False, indent=2) if arguments.json else counted.table())
    return 0


def _review(arguments: argparse.Namespace) -> int:
    documents = load_corpus(arguments.corpus)
    settled = read_settled(arguments.settled) if arguments.settled else frozenset()
    found = review(documents)
    left = [row for row in found if row.key not in settled]
    for row in left:
        print(json.dumps(row.to_dict(), ensure_ascii=False) if arguments.json else row)
    if not arguments.json:
        kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(row.kind for row in left).items())
        print(
            f"{len(documents)} document(s) reviewed: {len(left)} place(s) to look at{f' ({kinds})' if kinds else ''}, "
            f"{len(found) - len(left)} settled before"
        )
    return 0


def _agreement(arguments: argparse.Namespace) -> int:
    annotators = {path: load_corpus([path]) for path in arguments.annotators}
    if len(annotators) < 2:
        raise InputError("agreement is between annotators: name the files of two or more, each once")
    pairs = list(itertools.combinations(annotators, 2))
    reports: list[dict[str, Any]] = []
    if len(pairs) > 1:
        print(f"{'articles':>8}{'entities':>10}{'triggers':>10}{'arguments':>11}{'kappa':>8}{'kappa':>8}  annotators")
    for one, other in pairs:
        first, second = annotators[one], annotators[other]
        if arguments.common or len(pairs) > 1:
            names = {document.id for document in first} & {document.id for document in second}
            first, second = ([d for d in side if d.id in names] for side in (first, second))
        if not first and len(pairs) > 1:
            print(f"{0:>8}{'–':>10}{'–':>10}{'–':>11}{'–':>8}{'–':>8}  {one.stem}, {other.stem}")
            continue
        report, kappa = score(first, second), kappas(first, second)
        differences = [(ours, row) for ours, theirs in paired(first, second) for row in disagreements(ours, theirs)]
        rows = [row.to_dict() for _, row in differences]
        reports.append(report.to_dict() | {"kappa": kappa, "disagreements": rows})
        told = {layer: "–" if value is None else f"{value:.3f}" for layer, value in kappa.items()}
        if len(pairs) > 1:
            reports[-1] |= {"annotators": [one.stem, other.stem]}
            shown = "".join(
                f"{layer.strict.total.f1:>{n}.3f}"
                for layer, n in zip(report.layers.values(), (10, 10, 11), strict=True)
            )
            print(f"{len(first):>8}{shown}{told['entities']:>8}{told['triggers']:>8}  {one.stem}, {other.stem}")
        else:
            print(
                f"{report.table()}\n\nCohen's kappa by word: entities {told['entities']}, triggers {told['triggers']}"
            )
        if arguments.list:
            print("\n".join(["", *(row.line(document.text) for document, row in differences)]))
    if arguments.output:
        write_json(arguments.output, reports[0] if len(pairs) == 1 else {"pairs": reports})
    return 0


def _resolve(arguments: argparse.Namespace) -> int:
    schema = load_schema(arguments.schema)
    articles = {document.id: document for document in load_corpus([arguments.articles])}
    resolved: dict[str, Document] = {}
    homes: dict[str, Path] = {}
    problems: list[str] = []
    for file in arguments.files:
        try:
            document = parse(_read(file), articles, schema, str(file))
        except NotationError as error:
            problems += error.problems
            continue
        if document.id in homes:
            problems.append(f"{file}: {homes[document.id]} annotates {document.id!r} too; name one file an article")
        resolved[document.id], homes[document.id] = document, file
    if problems:
        raise NotationError(problems)
    if arguments.output:
        write_documents(arguments.output, resolved.values())
    else:
        for document in resolved.values():
            print(dumps(document))
    return 0


def _write(arguments: argparse.Namespace) -> int:
    written: dict[Path, str] = {}
    problems: list[str] = []
    for document in load_corpus(arguments.corpus):
        try:
            text = write(document)
        except NotationError as error:
            problems += error.problems
            continue
        file = arguments.output / (re.sub(r"[^\w.-]", "_", document.id) + ".ann")
        if file in written:
            problems.append(f"{document.id}: another article would be written to {file} too; rename one")
        elif file.exists() and _read(file) != text:
            problems.append(f"{file}: exists with other annotations, which may be somebody's work; name another folder")
        written[file] = text
    if problems:
        raise NotationError(problems)
    for file, text in written.items():
        with replacing(file) as partial:
            partial.write_text(text, encoding="utf-8")
    print(f"{len(written)} file(s) written to {arguments.output}")
    return 0


def _convert(arguments: argparse.Namespace) -> int:
    documents = load_corpus(arguments.corpus, sentences=arguments.sentences)
    entities = sum(len(document.entities) for document in documents)
    if not is_column_file(arguments.output):
        write_documents(arguments.output, documents)
        print(f"{len(documents)} document(s), {entities} entities written to {arguments.output}")
        return 0
    flat = [snapped(document) for document in documents]
    write_columns(arguments.output, flat)
    kept = sum(len(document.entities) for document in flat)
    widened = sum(
        len(set(after.entities) - set(before.entities)) for before, after in zip(documents, flat, strict=True)
    )
    events = sum(len(document.events) for document in documents)
    print(
        f"{len(documents)} document(s), {kept} entities written to {arguments.output}, {widened} of them extended to "
        f"whole words; left out: {entities - kept} nested or overlapping entities, {events} events"
    )
    return 0


def _select(arguments: argparse.Namespace) -> int:
    pool = read_pool([arguments.pool])
    chosen = select(list(pool.values()), load_plan(arguments.plan))
    rows = [
        {
            "id": row.id,
            "split": row.split,
            "sha256": fingerprint(pool[row.id].text),
            "published": pool[row.id].published,
            "words": len(pool[row.id].text.split()),
            **{key: pool[row.id].extra[key] for key in ("source", "outlet") if key in pool[row.id].extra},
            "traits": row.traits,
        }
        for row in chosen
    ]
    with replacing(arguments.output) as partial:
        partial.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    for split, articles in Counter(row.split for row in chosen).items():
        words = sum(row["words"] for row in rows if row["split"] == split)
        print(f"{split}: {articles} articles, {words:,} words")
    return 0


def _detach(arguments: argparse.Namespace) -> int:
    documents = load_corpus(arguments.corpus)
    write_detached(arguments.output, documents)
    print(f"{len(documents)} document(s) written to {arguments.output}, without their text")
    return 0


def _hydrate(arguments: argparse.Namespace) -> int:
    files = {file.name: read_detached(file) for file in arguments.files}
    if len(files) < len(arguments.files):
        raise InputError("two files have one name; hydrate them in two calls, to two folders")
    pool = read_pool(arguments.pool, {data["id"] for documents in files.values() for data in documents})
    made: dict[str, list[Document]] = {}
    problems: list[str] = []
    for name, documents in files.items():
        try:
            made[name] = list(hydrated(documents, pool, name))
        except HydrationError as error:
            problems += error.problems
    if problems:
        raise HydrationError(problems)
    for name, found in made.items():
        write_documents(arguments.output / name, found)
        print(f"{len(found)} document(s) written to {arguments.output / name}")
    return 0


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{file}: cannot be read as UTF-8 text ({problem})") from None
