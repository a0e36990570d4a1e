"""Export: a trained model as the directory that the predictor loads."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import platform
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from rasid.artifact import CONFIG, GRAPHS, TOKENIZER, ModelConfig, Precision, sha256
from rasid.backends import INPUTS, OUTPUTS
from rasid.files import replacing_folder, write_json
from rasid_training.card import with_scores
from rasid_training.model import RasidModel

WEIGHTS = "model.safetensors"
CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Trained:
    """A trained model with what prediction needs beside its weights; ``config.files`` is empty until it is exported."""

    model: RasidModel
    tokenizer: Tokenizer
    config: ModelConfig


def versions() -> dict[str, str]:
    """The versions of what a model is made with."""
    names = ("rasid", "torch", "transformers", "tokenizers", "onnxruntime", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def export(trained: Trained, output: Path, card: str) -> Path:
    """Write the model directory, whole or not at all: an existing one is replaced at the end.

    Args:
        trained: the model.
        output: the directory.
        card: the text of the model card.

    Returns:
        ``output``.
    """
    with replacing_folder(output) as made:
        trained.model.save_pretrained(made)
        (made / WEIGHTS).chmod(0o644)  # safetensors writes for its owner alone
        trained.tokenizer.save(str(made / TOKENIZER))
        export_graph(trained.model, made / GRAPHS["fp32"])
        quantize(made / GRAPHS["fp32"], made / GRAPHS["int8"])
        (made / CARD).write_text(card, encoding="utf-8")
        _write_config(made, trained.config)
    return output


def _write_config(directory: Path, config: ModelConfig) -> None:
    """Complete ``config.json``, which ``save_pretrained`` has begun, by what prediction needs."""
    files = {name: sha256(directory / name) for name in (TOKENIZER, WEIGHTS, *GRAPHS.values())}
    begun = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    write_json(directory / CONFIG, begun | replace(config, files=files).to_dict())


def copy_thin(
    model: Path, output: Path, *, precision: Precision, scores: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Copy what prediction with one graph needs; ``config.json`` then lists only that.

    ``scores`` are reports by the name of the articles, for the card: see ``rasid_training.card.with_scores``.
    """
    kept = (TOKENIZER, GRAPHS[precision])
    data = json.loads((model / CONFIG).read_text(encoding="utf-8"))
    data["files"] = {name: data["files"][name] for name in kept}
    with replacing_folder(output) as made:
        for name in kept:
            shutil.copyfile(model / name, made / name)
        card = (model / CARD).read_text(encoding="utf-8")
        (made / CARD).write_text(with_scores(card, scores) if scores else card, encoding="utf-8")
        write_json(made / CONFIG, data)


class _Graph(nn.Module):
    """The model with its inputs by position and no labels, as the exporter wants it."""

    def __init__(self, model: RasidModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor, first: Tensor, last: Tensor) -> tuple[Tensor, ...]:
        return self.model(input_ids, attention_mask, first, last)


def export_graph(model: RasidModel, path: Path) -> None:
    """Write the whole graph as ONNX in fp32; batch, pieces and words are free dimensions."""
    was = model.training
    model.train(False)
    # Sizes that differ from each other and from 1, so that the exporter takes none of them for constant.
    batch, pieces, words = 2, 12, 7
    ids = torch.ones(batch, pieces, dtype=torch.long)
    first = torch.arange(words).repeat(batch, 1)
    last = first + 1  # a tensor of its own: the exporter would take one tensor given twice for one input
    free = torch.export.Dim.DYNAMIC
    with _quiet():
        torch.onnx.export(
            _Graph(model).cpu(),
            (ids, torch.ones_like(ids), first, last),
            path,
            dynamo=True,
            external_data=False,
            dynamic_shapes=({0: free, 1: free},) * len(INPUTS),
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
        )
    _forget_sources(path)
    model.train(was)


def _forget_sources(path: Path) -> None:
    """Take out of a graph what the exporter notes of the source code: its lines, with the paths of this machine."""
    import onnx

    proto = onnx.load(path)
    del proto.metadata_props[:]
    graph = proto.graph
    for item in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        item.doc_string = ""
        del item.metadata_props[:]
    onnx.save(proto, path)


def quantize(source: Path, path: Path) -> None:
    """Write the int8 form of a graph: weights by channel, activations by their range as they come.

    Weights keep to 7 bits, since processors without VNNI would saturate the sums of 8-bit products.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet(), tempfile.TemporaryDirectory() as folder:
        # The shapes that the exporter wrote confuse the quantiser's own inference; it needs none of them.
        graph = onnx.load(source)
        del graph.graph.value_info[:]
        plain = Path(folder) / "plain.onnx"
        onnx.save(graph, plain)
        quantize_dynamic(
            plain,
            path,
            per_channel=True,
            reduce_range=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm", "Gather"],
            extra_options={"MatMulConstBOnly": True},
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporters' progress reports and notes on their own workings off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
