"""Entry points of the command ``rasid``: ``train``, ``crossvalidate``, ``export``, ``pretrain`` and ``vocabulary``.

Each takes the arguments after its name and returns the exit status; errors of Rasid go to the caller, which prints
them.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.document import Document, write_documents
from rasid.errors import InputError
from rasid.files import replacing
from rasid_annotations.corpus import fingerprint, load_corpus
from rasid_training.articles import divided, read_training
from rasid_training.config import TrainingConfig, load_config, load_pretraining
from rasid_training.configuration_file import read_yaml

HELD_OUT = "held-out.jsonl"


def train(argv: Sequence[str]) -> int:
    """``rasid train CONFIG``: fine-tune, export, write the model card."""
    parser = argparse.ArgumentParser(prog="rasid train", description="Train a model as a configuration says.")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a YAML file like configs/compact.yaml")
    parser.add_argument("--output", type=Path, metavar="DIR", help="instead of the configuration's output")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    parser.add_argument(
        "--hold-out", action="append", default=[], metavar="ID", help=f"leave an article out, written to {HELD_OUT}"
    )
    arguments = parser.parse_args(argv)
    config = load_config(arguments.config)
    output = arguments.output or Path(config.output)
    schema, documents = read_training(config)
    documents, held_out = _without(documents, arguments.hold_out)
    documents, development = divided(documents, config)

    _quiet_libraries()
    from rasid_training import evaluation, run, trainer  # torch: loaded only once the arguments are known to be right
    from rasid_training.card import model_card
    from rasid_training.export import export as write_model

    result = evaluation.load_result(Path(config.crossvalidation)) if config.crossvalidation else None
    if result is not None:
        _warn_if_other(result, config, documents if not held_out else [*documents, *held_out])
    trained = trainer.train(
        config,
        schema,
        trainer.Articles(documents, development),
        output,
        calibration=evaluation.calibration_of(result, arguments.hold_out) if result and not development else None,
        provenance={"configuration": read_yaml(arguments.config)},
        resume=arguments.resume,
    )
    if not trainer.is_main_process():
        return 0
    card = model_card(
        name=output.name,
        recipe=config.recipe(),
        provenance=trained.config.provenance,
        schema=schema,
        parameters=sum(p.numel() for p in trained.model.parameters()),
        result=result,
    )
    model = write_model(trained, output / "model", card)
    run.finish(output)
    if held_out:
        write_documents(output / HELD_OUT, held_out)
    print(f"model: {model}")
    return 0


def crossvalidate(argv: Sequence[str]) -> int:
    """``rasid crossvalidate CONFIG``: train without each article in turn, and score the predictions of it."""
    parser = argparse.ArgumentParser(
        prog="rasid crossvalidate", description="Leave one article out: train on the others, predict it, score all."
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a YAML file like configs/compact.yaml")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="default: crossvalidation in the configuration's output"
    )
    parser.add_argument("--leave-out", type=Path, metavar="CORPUS", help="leave out these in turn, not all articles")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="repeat with N seeds (default 1)")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    arguments = parser.parse_args(argv)
    if arguments.seeds < 1:
        parser.error(f"--seeds {arguments.seeds}: expected at least 1")
    config = load_config(arguments.config)
    output = arguments.output or Path(config.output) / "crossvalidation"
    schema, documents = read_training(config)
    left_out = documents
    if arguments.leave_out:
        names = {document.id for document in load_corpus([arguments.leave_out])}
        left_out = [document for document in documents if document.id in names]
        if len(left_out) < len(names):
            missing = ", ".join(sorted(names - {document.id for document in left_out})[:5])
            raise InputError(f"--leave-out: {missing} is not among the articles of the configuration's data.train")

    _quiet_libraries()
    from rasid_training import evaluation

    seeds = [config.optimization.seed + n for n in range(arguments.seeds)]
    result = evaluation.crossvalidate(
        config, schema, documents, output, seeds=seeds, left_out=left_out, resume=arguments.resume
    )
    path = evaluation.save(result, config, documents, output)
    print(result.table())
    print(f"\nresult: {path}")
    return 0


def export(argv: Sequence[str]) -> int:
    """``rasid export MODEL OUTPUT``: a model directory with one graph, as small as prediction allows."""
    parser = argparse.ArgumentParser(
        prog="rasid export",
        description="Copy of a model what prediction with one graph needs, and nothing else. A model that an older "
        "version made is brought into the form of this one.",
    )
    parser.add_argument("model", metavar="MODEL", help="a directory made by rasid train, or a hub name")
    parser.add_argument("output", type=Path, metavar="OUTPUT", help="the directory to write")
    parser.add_argument("--precision", choices=("fp32", "int8"), default="int8", help="which graph (default int8)")
    parser.add_argument(
        "--scores",
        action="append",
        default=[],
        metavar="NAME=REPORT.json",
        help="show in the card what rasid evaluate --output found on the articles NAME",
    )
    arguments = parser.parse_args(argv)
    from rasid.artifact import GRAPHS, find, locate
    from rasid_training.export import copy_thin, current

    scores = dict(map(_report, arguments.scores))
    with current(locate(arguments.model)) as model:
        find(model).file(GRAPHS[arguments.precision])
        copy_thin(model, arguments.output, precision=arguments.precision, scores=scores)
    print(f"model: {arguments.output}")
    return 0


def pretrain(argv: Sequence[str]) -> int:
    """``rasid pretrain CONFIG``: an encoder from plain text."""
    parser = argparse.ArgumentParser(
        prog="rasid pretrain", description="Pretrain an encoder on plain text by masked-language modelling."
    )
    parser.add_argument("config", type=Path, metavar="CONFIG", help="a YAML file like configs/pretrain.yaml")
    parser.add_argument("--output", type=Path, metavar="DIR", help="instead of the configuration's output")
    parser.add_argument(
        "--resume", action="store_true", help="continue a run that was interrupted, or that read fewer pieces"
    )
    parser.add_argument("--pieces", type=int, metavar="N", help="read N pieces instead of the configuration's number")
    parser.add_argument(
        "--prepare", action="store_true", help="tokenise the text and stop: the folder can go to another machine"
    )
    arguments = parser.parse_args(argv)
    settings = load_pretraining(arguments.config)
    if arguments.output:
        settings = replace(settings, output=str(arguments.output))
    if arguments.pieces is not None:
        settings = replace(settings, optimization=replace(settings.optimization, pieces=arguments.pieces))

    _quiet_libraries()
    from rasid_training.pretraining import loop

    if arguments.prepare:
        print(f"prepared: {loop.prepare_only(settings)}")
    else:
        print(f"encoder: {loop.pretrain(settings, resume=arguments.resume)}")
    return 0


def vocabulary(argv: Sequence[str]) -> int:
    """``rasid vocabulary TEXT… --output tokenizer.json``: the vocabulary of an encoder trained from scratch."""
    parser = argparse.ArgumentParser(prog="rasid vocabulary", description="Train a WordPiece vocabulary on text.")
    parser.add_argument("texts", type=Path, nargs="+", metavar="TEXT", help="UTF-8, a paragraph a line; .xz too")
    parser.add_argument("--output", type=Path, required=True, metavar="tokenizer.json")
    parser.add_argument("--size", type=int, default=16000, metavar="N", help="number of pieces (default 16000)")
    parser.add_argument("--normalization", default="compact", metavar="NAME", help="compact (default), arabert or none")
    arguments = parser.parse_args(argv)
    from rasid_training.vocabulary import paragraphs, train_vocabulary

    tokenizer = train_vocabulary(
        paragraphs(arguments.texts), size=arguments.size, normalization=arguments.normalization
    )
    with replacing(arguments.output) as partial:
        tokenizer.save(str(partial))
    print(f"{arguments.output}: {tokenizer.get_vocab_size()} pieces")
    return 0


def _without(documents: list[Document], names: Sequence[str]) -> tuple[list[Document], list[Document]]:
    """The documents without and with these ids."""
    for name in names:
        if name not in {document.id for document in documents}:
            known = ", ".join(document.id for document in documents[:10])
            raise InputError(f"--hold-out {name}: the training corpus has no such article; it has {known}")
    return [d for d in documents if d.id not in names], [d for d in documents if d.id in names]


def _warn_if_other(result: dict[str, object], config: TrainingConfig, documents: Sequence[Document]) -> None:
    same = result["recipe"] == config.recipe() and result["corpus"] == fingerprint(documents)
    if not same:
        print(
            f"rasid: {config.crossvalidation} was made with another configuration or corpus: its calibration and "
            "thresholds are used all the same; make it again with `rasid crossvalidate`",
            file=sys.stderr,
        )


def _report(written: str) -> tuple[str, dict[str, Any]]:
    """The name and the content of ``NAME=REPORT.json``."""
    name, _, file = written.partition("=")
    try:
        report = json.loads(Path(file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise InputError(f"--scores {written}: {file!r} is no report ({problem}); write NAME=REPORT.json") from None
    if not isinstance(report, dict) or not report.keys() >= {"documents", "entities", "triggers", "arguments"}:
        raise InputError(f"--scores {written}: {file!r} was not written by rasid evaluate --output")
    return name, report


def _quiet_libraries() -> None:
    """Leave the terminal to what is said on purpose: warnings and bars of single steps stay out of it."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    import datasets
    import transformers

    datasets.disable_progress_bars()
    transformers.utils.logging.disable_progress_bar()
