"""``rasid annotations suggest | reconcile | serve``: what lies between two rounds of annotation."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from rasid.document import Document, write_documents
from rasid.errors import InputError
from rasid_annotations.corpus import load_corpus, load_schema
from rasid_annotations.label_studio.commands import add_connection, add_project_options, model_version, send
from rasid_annotations.pool import read_pool
from rasid_annotations.reconciliation import reconcile
from rasid_annotations.suggestion import FLOOR, suggest


def add_commands(commands: Any) -> None:
    """Add the subcommands to those of ``rasid annotations``."""
    suggesting = commands.add_parser("suggest", help="the articles from which a model would learn most")
    suggesting.add_argument("pool", type=Path, nargs="+", metavar="POOL", help="articles, JSON Lines or its .xz")
    suggesting.add_argument("--model", metavar="M", help="a model directory or a hub name (default: the shipped model)")
    suggesting.add_argument("--count", type=int, default=20, metavar="N", help="how many (default 20)")
    suggesting.add_argument(
        "--annotated", type=Path, nargs="+", default=[], metavar="CORPUS", help="leave these out, and what is like them"
    )
    suggesting.add_argument("--output", type=Path, metavar="FILE", help="write the articles, with what the model finds")
    add_connection(suggesting, required=False)
    add_project_options(suggesting)
    suggesting.set_defaults(run=_suggest)

    reconciling = commands.add_parser(
        "reconcile", help="one gold from several annotators, and what is open between them"
    )
    reconciling.add_argument(
        "files", type=Path, nargs="+", metavar="ANNOTATOR.jsonl", help="a file an annotator, as pull writes them"
    )
    reconciling.add_argument("--output", type=Path, required=True, metavar="FILE", help="the articles that are settled")
    reconciling.add_argument("--open", type=Path, metavar="FILE", help="the articles that are not, with what is open")
    reconciling.add_argument("--adjudicator", metavar="NAME", help="the annotator whose word counts: the file's name")
    reconciling.add_argument(
        "--least", type=int, default=2, metavar="N", help="annotators an article needs (default 2)"
    )
    reconciling.add_argument("--list", action="store_true", help="print what is open")
    add_connection(reconciling, required=False)
    add_project_options(reconciling)
    reconciling.set_defaults(run=_reconcile)

    serving = commands.add_parser("serve", help="the server that Label Studio asks for suggestions (ML backend)")
    serving.add_argument("--model", metavar="M", help="a model directory or a hub name (default: the shipped model)")
    serving.add_argument("--host", default="127.0.0.1", metavar="ADDRESS", help="default 127.0.0.1: this machine alone")
    serving.add_argument("--port", type=int, default=9090, metavar="N", help="default 9090")
    serving.add_argument(
        "--on-training",
        metavar="COMMAND",
        help="run it on the button Start training, with the project's number in $LABEL_STUDIO_PROJECT; afterwards the "
        "model is loaded anew",
    )
    serving.set_defaults(run=_serve)


def _suggest(arguments: argparse.Namespace) -> int:
    from rasid.predictor import Predictor

    if arguments.count < 1:
        raise InputError(f"--count is {arguments.count}; expected 1 or more")
    schema = load_schema(arguments.schema)
    pool = read_pool(arguments.pool)
    annotated = load_corpus(arguments.annotated) if arguments.annotated else []
    wide = Predictor.load(arguments.model, threshold=FLOOR)
    found = suggest(list(wide.stream_documents(pool.values())), annotated, arguments.count)
    if not found:
        raise InputError(f"{', '.join(map(str, arguments.pool))}: no article is left to annotate")
    narrow = Predictor.load(arguments.model)
    articles = list(narrow.stream_documents(pool[suggestion.id] for suggestion in found))
    print(f"{'article':<36}{'words':>7}{'bits/word':>11}{'novelty':>9}")
    for suggestion, article in zip(found, articles, strict=True):
        words = len(article.text.split())
        print(f"{suggestion.id:<36}{words:>7}{suggestion.uncertainty:>11.2f}{suggestion.novelty:>9.2f}")
    if arguments.output:
        write_documents(arguments.output, articles)
    if arguments.project:
        send(arguments, articles, schema, version=model_version(narrow, arguments.model))
    return 0


def _reconcile(arguments: argparse.Namespace) -> int:
    schema = load_schema(arguments.schema)
    readings: dict[str, list[Document]] = {}
    for file in arguments.files:
        if file.stem in readings:
            raise InputError(
                f"{file}: two files are called {file.stem!r}; a file's name is its annotator's, rename one"
            )
        readings[file.stem] = load_corpus([file])
    found = reconcile(readings, adjudicator=arguments.adjudicator, least=arguments.least)
    settled = [row.document for row in found if not row.open]
    left = [row for row in found if row.open]
    write_documents(arguments.output, settled)
    if arguments.open:
        write_documents(arguments.open, [row.document for row in left])
    if arguments.list:
        for row in left:
            print("\n".join(f"{row.document.id}: {line}" for line in row.open))
    adjudicated = sum(row.adjudicated for row in found)
    print(
        f"{len(found)} article(s): {len(settled)} settled ({adjudicated} by the adjudicator), {len(left)} open with "
        f"{sum(len(row.open) for row in left)} open fact(s)"
    )
    if arguments.project and left:
        send(arguments, [row.document for row in left], schema, version="open", adjudication=True)
    return 0


def _serve(arguments: argparse.Namespace) -> int:
    from rasid.predictor import Predictor
    from rasid_annotations.label_studio.backend import Backend, serve

    def load() -> tuple[Predictor, str]:
        predictor = Predictor.load(arguments.model)
        return predictor, model_version(predictor, arguments.model)

    backend = Backend(load, command=shlex.split(arguments.on_training or ""))
    with serve(backend, arguments.host, arguments.port) as server:
        print(
            f"model {backend.version} answers at http://{arguments.host}:{server.server_address[1]}; "
            "connect it in Label Studio, project settings, Model",
            flush=True,
        )
        server.serve_forever()
    return 0
