"""Options that several commands share."""

from __future__ import annotations

import argparse

CORPUS_HELP = "JSON Lines file, folder of them, or column file of words and tags"


def add_sentences(parser: argparse.ArgumentParser) -> None:
    """``--sentences``, for commands that read column files."""
    parser.add_argument(
        "--sentences", type=int, default=1, metavar="N", help="of column files, how many make a document (default 1)"
    )
