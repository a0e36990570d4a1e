"""Options that several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

CORPUS_HELP = "JSON Lines file, folder of them, or column file of words and tags"


def add_sentences(parser: argparse.ArgumentParser) -> None:
    """``--sentences``, for commands that read column files."""
    parser.add_argument(
        "--sentences", type=int, default=1, metavar="N", help="of column files, how many make a document (default 1)"
    )


def add_schema(parser: argparse.ArgumentParser) -> None:
    """``--schema``, for commands that need the types."""
    parser.add_argument(
        "--schema", type=Path, metavar="FILE", help="schema.yaml or a model's config.json (default: the project's own)"
    )
