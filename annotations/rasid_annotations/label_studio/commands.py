"""``rasid annotations interface | push | pull``: the commands that speak with a Label Studio."""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rasid.document import Document
from rasid.errors import InputError, RasidError
from rasid.files import replacing
from rasid.schema import Schema
from rasid_annotations.corpus import load_corpus, load_schema
from rasid_annotations.label_studio.interface import labelling_interface
from rasid_annotations.options import CORPUS_HELP, add_schema

if TYPE_CHECKING:
    from rasid.predictor import Predictor
    from rasid_annotations.label_studio.pushing import Kind
    from rasid_annotations.label_studio.server import Server

URL, TOKEN = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"
"""The environment variables of ``label-studio-sdk``."""


def add_commands(commands: Any) -> None:
    """Add the subcommands to those of ``rasid annotations``."""
    showing = commands.add_parser("interface", help="the labelling interface of Label Studio for a schema")
    showing.add_argument("--output", type=Path, metavar="FILE.xml", help="write there instead of standard output")
    add_schema(showing)
    showing.set_defaults(run=_interface)

    pushing = commands.add_parser("push", help="send articles to Label Studio, with what is annotated as suggestions")
    pushing.add_argument("corpus", type=Path, nargs="+", metavar="CORPUS", help=CORPUS_HELP)
    add_connection(pushing)
    pushing.add_argument(
        "--as",
        dest="kind",
        choices=("suggestions", "annotations", "nothing"),
        default="suggestions",
        help="send annotations for annotators to correct (default), as work that is done, or leave them out",
    )
    pushing.add_argument("--predict", action="store_true", help="suggest what a model finds, not what is annotated")
    pushing.add_argument("--model", metavar="M", help="the model of --predict (default: the shipped one)")
    pushing.add_argument(
        "--version", metavar="NAME", help="of the suggestions; those of one name are brought up to date"
    )
    pushing.add_argument(
        "--annotator", metavar="EMAIL", help="whose work --as annotations is (default: the token's owner)"
    )
    add_project_options(pushing)
    pushing.set_defaults(run=_push)

    pulling = commands.add_parser("pull", help="bring completed annotations back, a file an annotator")
    add_connection(pulling)
    pulling.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the files are written")
    pulling.add_argument("--suggestions", action="store_true", help="write the suggestions too, a file a version")
    add_schema(pulling)
    pulling.set_defaults(run=_pull)


def add_connection(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """``--project``, ``--url`` and ``--token-file``."""
    parser.add_argument("--project", required=required, metavar="NAME", help="title or number of the project")
    parser.add_argument("--url", metavar="URL", help=f"of Label Studio (default: ${URL}, else http://localhost:8080)")
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help=f"holds the access token (default: the token is in ${TOKEN})"
    )


def add_project_options(parser: argparse.ArgumentParser) -> None:
    """What a project is set up with."""
    add_schema(parser)
    parser.add_argument(
        "--guidelines", metavar="FILE|URL", help="what annotators see as instructions (Markdown, or a link)"
    )
    parser.add_argument(
        "--renew-interface", action="store_true", help="put the generated interface and the guidelines in place"
    )


def connect(arguments: argparse.Namespace) -> Server:
    """The server that the options name.

    Raises:
        InputError: no token is given.
        RasidError: ``label-studio-sdk`` is not installed.
        ServerError: the server cannot be reached or does not let us in.
    """
    url = arguments.url or os.environ.get(URL) or "http://localhost:8080"
    if arguments.token_file is not None:
        try:
            token = arguments.token_file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise InputError(f"--token-file {arguments.token_file} cannot be read ({problem})") from None
    else:
        token = os.environ.get(TOKEN, "")
    if not token.strip():
        raise InputError(
            f"no access token: put one from Label Studio, Account & Settings, into the variable {TOKEN}, "
            "or into a file named by --token-file"
        )
    try:
        from rasid_annotations.label_studio.server import Server
    except ImportError as problem:
        raise RasidError(
            f"speaking with Label Studio needs label-studio-sdk ({problem}); install it with: "
            "pip install 'rasid[label-studio]'"
        ) from None
    return Server(url, token)


def predicted(documents: Sequence[Document], model: str | None) -> tuple[list[Document], str]:
    """The documents as a model reads them, and the version of that model.

    Raises:
        ModelError: the model cannot be loaded.
        InputError: a document cannot be read.
    """
    from rasid.predictor import Predictor

    predictor = Predictor.load(model or None)
    found = list(predictor.stream_documents(documents))
    errors = [document.error for document in found if document.error is not None]
    if errors:
        raise InputError("; ".join(errors))
    return found, model_version(predictor, model)


def model_version(predictor: Predictor, model: str | None) -> str:
    """A name that tells one trained model from another."""
    # Of all files: two trainings over one vocabulary differ in the weights alone.
    digest = hashlib.sha256("".join(sorted(predictor.config.files.values())).encode()).hexdigest()
    return f"{Path(model).name if model else 'rasid'}-{digest[:8]}"


def _interface(arguments: argparse.Namespace) -> int:
    text = labelling_interface(load_schema(arguments.schema))
    if arguments.output is None:
        print(text, end="")
    else:
        with replacing(arguments.output) as partial:
            partial.write_text(text, encoding="utf-8")
    return 0


def _push(arguments: argparse.Namespace) -> int:
    documents = load_corpus(arguments.corpus)
    schema = load_schema(arguments.schema)
    version = arguments.version or "suggested"
    if arguments.model is not None and not arguments.predict:
        raise InputError("--model is the model of --predict; add --predict, or leave --model out")
    if arguments.predict:
        documents, known = predicted(documents, arguments.model)
        version = arguments.version or known
    send(arguments, documents, schema, version=version, kind=arguments.kind)
    return 0


def send(
    arguments: argparse.Namespace,
    documents: Sequence[Document],
    schema: Schema,
    *,
    version: str,
    kind: Kind = "suggestions",
    adjudication: bool = False,
) -> None:
    """Push documents as :func:`add_connection` and :func:`add_project_options` say, and tell what was done."""
    start = time.monotonic()
    with connect(arguments) as server:
        from rasid_annotations.label_studio.guidelines import guidelines_html
        from rasid_annotations.label_studio.pushing import prepare, push

        project = prepare(
            server,
            arguments.project,
            schema,
            guidelines_html(schema, arguments.guidelines),
            renew=arguments.renew_interface,
            adjudication=adjudication,
        )
        annotator = _annotator(server, getattr(arguments, "annotator", None))
        done = push(server, project, documents, schema, kind=kind, version=version, annotator=annotator)
        print(
            f"{server.url}/projects/{project.id}: {len(documents)} article(s): {done}; "
            f"{server.requests} requests, {time.monotonic() - start:.1f} s"
        )


def _annotator(server: Server, email: str | None) -> int | None:
    if email is None:
        return None
    found = [number for number, address in server.people().items() if address == email]
    if not found:
        raise InputError(f"{server.url} knows no annotator {email!r}; invite them there first")
    return found[0]


def _pull(arguments: argparse.Namespace) -> int:
    schema = load_schema(arguments.schema)
    start = time.monotonic()
    with connect(arguments) as server:
        from rasid_annotations.label_studio.pulling import pull, write

        project = server.project(arguments.project)
        if project is None:
            raise InputError(f"{server.url} has no project {arguments.project!r}; name one that is there")
        about = {
            "server": server.url,
            "project": project.id,
            "title": project.title,
            "pulled": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        files = write(pull(server, project, schema, suggestions=arguments.suggestions), arguments.output, about)
        for name, count in sorted(files.counts.items()):
            print(f"{arguments.output / name}: {count} document(s)")
        for problem in files.problems:
            print(problem)
        print(
            f"{sum(files.counts.values())} document(s) in {len(files.counts)} file(s), {len(files.problems)} "
            f"problem(s); {server.requests} requests, {time.monotonic() - start:.1f} s"
        )
    return 1 if files.problems else 0
