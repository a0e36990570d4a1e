"""Entry point of ``rasid evaluate``: it takes the arguments after its name and returns the exit status."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasid.files import replacing, write_json
from rasid_annotations.columns import is_column_file, snapped
from rasid_annotations.corpus import load_corpus
from rasid_annotations.disagreements import disagreements
from rasid_annotations.flat import seqeval_report
from rasid_annotations.options import CORPUS_HELP, add_sentences
from rasid_annotations.scoring import paired, score


def evaluate(argv: Sequence[str]) -> int:
    """``rasid evaluate GOLD PRED``: print the scores of PRED against GOLD, and write them as JSON where asked.

    Where GOLD is a column file, PRED is scored by whole words, as published figures are.

    Returns:
        0.

    Raises:
        RasidError: the input cannot be used; the message names the item and the remedy.
        SystemExit: from argparse, for ``--help`` and a wrong command line.
    """
    parser = argparse.ArgumentParser(prog="rasid evaluate", description="Score predicted documents against gold.")
    parser.add_argument("gold", type=Path, metavar="GOLD", help=CORPUS_HELP)
    parser.add_argument("predicted", type=Path, metavar="PRED", help="the same documents as predicted")
    add_sentences(parser)
    parser.add_argument("--output", type=Path, metavar="REPORT.json", help="write the whole report as JSON too")
    parser.add_argument("--errors", type=Path, metavar="FILE.txt", help="list every error there, with its words")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="bootstrap resamples (default 1000)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the resampling (default 0)")
    arguments = parser.parse_args(argv)

    gold, predicted = (
        load_corpus([path], sentences=arguments.sentences) for path in (arguments.gold, arguments.predicted)
    )
    by_word = arguments.gold.is_file() and is_column_file(arguments.gold)
    if by_word:
        predicted = [snapped(document) for document in predicted]
    report = score(gold, predicted, resamples=arguments.resamples, seed=arguments.seed)
    flat = seqeval_report(gold, predicted)
    if arguments.output:
        write_json(arguments.output, report.to_dict() | {"seqeval": flat, "snapped": by_word})
    if arguments.errors:
        with replacing(arguments.errors) as partial:
            lines = [row.line(a.text) + "\n" for a, b in paired(gold, predicted) for row in disagreements(a, b)]
            partial.write_text("".join(lines), encoding="utf-8")
    if by_word:
        print("gold is tagged word by word: predictions are snapped to whole words, the longest of those that overlap")
    print(report.table())
    print()
    print(_seqeval_line(flat))
    return 0


def _seqeval_line(flat: dict[str, Any]) -> str:
    micro, macro = flat["micro"], flat["macro"]
    return (
        f"flat entities (seqeval, strict IOB2): micro P {micro['precision']:.3f} R {micro['recall']:.3f} "
        f"F1 {micro['f1']:.3f}, macro F1 {macro['f1']:.3f}; "
        f"nesting drops {flat['dropped_gold']} of {flat['gold_entities']} gold entities"
    )
