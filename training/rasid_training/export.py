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
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from rasid.artifact import CONFIG, FORMAT, GRAPHS, LINKS, TOKENIZER, ModelConfig, Precision, sha256
from rasid.backends import INPUTS, LINK_INPUTS, LINK_OUTPUTS, OUTPUTS
from rasid.errors import ModelError
from rasid.files import replacing_folder, write_json
from rasid_training.card import with_scores
from rasid_training.graphs import tidy
from rasid_training.model import RasidModel

WEIGHTS = "model.safetensors"
CARD = "README.md"
_WITHOUT_LINKS = 1  # the form of a model directory whose one graph had tables of all links
_NARROW = 16  # products with a matrix of fewer rows stay as they are: nothing is to be gained there


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
        export_graphs(trained.model, made / GRAPHS["fp32"], made / LINKS)
        quantize(made / GRAPHS["fp32"], made / GRAPHS["int8"])
        (made / CARD).write_text(card, encoding="utf-8")
        _write_config(made, trained.config)
    return output


def _write_config(directory: Path, config: ModelConfig) -> None:
    """Complete ``config.json``, which ``save_pretrained`` has begun, by what prediction needs."""
    files = {name: sha256(directory / name) for name in (TOKENIZER, WEIGHTS, *GRAPHS.values(), LINKS)}
    begun = json.loads((directory / CONFIG).read_text(encoding="utf-8"))
    write_json(directory / CONFIG, begun | replace(config, files=files).to_dict())


def copy_thin(
    model: Path, output: Path, *, precision: Precision, scores: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Copy what prediction with one graph needs; ``config.json`` then lists only that.

    ``scores`` are reports by the name of the articles, for the card: see ``rasid_training.card.with_scores``.
    """
    data = json.loads((model / CONFIG).read_text(encoding="utf-8"))
    kept = (TOKENIZER, GRAPHS[precision], LINKS)
    data["files"] = {name: data["files"][name] for name in kept}
    with replacing_folder(output) as made:
        for name in kept:
            shutil.copyfile(model / name, made / name)
        card = (model / CARD).read_text(encoding="utf-8")
        (made / CARD).write_text(with_scores(card, scores) if scores else card, encoding="utf-8")
        write_json(made / CONFIG, data)


@contextlib.contextmanager
def current(model: Path) -> Iterator[Path]:
    """A model directory in today's form: itself, or one that is made of its weights for the time of a ``with``.

    Raises:
        ModelError: the directory is of an older form and has no weights, or its configuration is damaged.
    """
    data = json.loads((model / CONFIG).read_text(encoding="utf-8")) if (model / CONFIG).is_file() else {}
    if data.get("rasid_format") != _WITHOUT_LINKS:
        yield model
        return
    if not (model / WEIGHTS).is_file():
        raise ModelError(f"model {model} has no {WEIGHTS} to export again; give the directory that `rasid train` made")
    config = ModelConfig.from_dict(data | {"rasid_format": FORMAT}, str(model / CONFIG))
    tokenizer = Tokenizer.from_file(str(model / TOKENIZER))
    card = (model / CARD).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        yield export(Trained(RasidModel.from_pretrained(model), tokenizer, config), Path(folder) / "model", card)


class _Passage(nn.Module):
    """The model on one passage, as ``rasid.backends.OnnxBackend`` asks for it: no batch, nothing padded."""

    def __init__(self, model: RasidModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, pieces: Tensor, first: Tensor, last: Tensor, rows: Tensor, columns: Tensor) -> tuple[Tensor, ...]:
        words = self.model.words(pieces.unsqueeze(0), None, first.unsqueeze(0), last.unsqueeze(0))
        spans = self.model.spans.at(words, (torch.zeros_like(rows), rows, columns))
        return spans, self.model.proclitics(words)[0], self.model.modality(words)[0], words[0]


class _Links(nn.Module):
    """The links of one passage."""

    def __init__(self, model: RasidModel) -> None:
        super().__init__()
        self.roles = model.roles

    def forward(self, words: Tensor, triggers: Tensor, firsts: Tensor, lasts: Tensor) -> Tensor:
        return self.roles.table(*(part.unsqueeze(0) for part in (words, triggers, firsts, lasts)))[0]


def export_graphs(model: RasidModel, path: Path, links: Path) -> None:
    """Write the graph of encoder, spans, modality and proclitics to ``path`` and that of the roles to ``links``.

    ONNX in fp32; pieces, words, spans, triggers and fillers are free dimensions.
    """
    was = model.training
    model.train(False)
    model.cpu()
    # Sizes that differ from each other and from 1, so that the exporter takes none of them for constant; and tensors of
    # their own: it would take one tensor that is given twice for one input.
    pieces, words, spans, triggers, fillers = (torch.arange(size) for size in (12, 7, 19, 3, 5))
    hidden = torch.zeros(len(words), model.encoder.config.hidden_size)
    _export(_Passage(model), (pieces, words, words + 1, spans % 3, spans % 7), path, INPUTS, OUTPUTS)
    _export(_Links(model), (hidden, triggers, fillers, fillers + 1), links, LINK_INPUTS, LINK_OUTPUTS)
    model.train(was)


def _export(
    module: nn.Module, example: tuple[Tensor, ...], path: Path, inputs: Sequence[str], outputs: Sequence[str]
) -> None:
    free = torch.export.Dim.DYNAMIC
    with quiet():
        torch.onnx.export(
            module,
            example,
            path,
            dynamo=True,
            external_data=False,
            dynamic_shapes=({0: free},) * len(example),
            input_names=list(inputs),
            output_names=list(outputs),
        )
    tidy(path)


def quantize(
    source: Path, path: Path, *, kept: Sequence[str] = (), embeddings: bool = True, bits: Literal[7, 8] = 7
) -> None:
    """Write the int8 form of a graph: weights by channel, activations by their range as they come.

    What is computed so was chosen by measurement: see ``benchmarks/quantization.py``.

    Args:
        source: the graph in fp32.
        path: where to write it.
        kept: names of products that stay in fp32.
        embeddings: whether those are quantised too.
        bits: of a weight; processors without VNNI saturate the sums of products of 8 bits.
    """
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with quiet(), tempfile.TemporaryDirectory() as folder:
        # The shapes that the exporter wrote confuse the quantiser's own inference; it needs none of them.
        graph = onnx.load(source)
        del graph.graph.value_info[:]
        narrow = {item.name for item in graph.graph.initializer if item.dims and item.dims[0] < _NARROW}
        excluded = [node.name for node in graph.graph.node if node.op_type == "MatMul" and node.input[1] in narrow]
        plain = Path(folder) / "plain.onnx"
        onnx.save(graph, plain)
        quantize_dynamic(
            plain,
            path,
            per_channel=True,
            reduce_range=bits == 7,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm", *(["Gather"] if embeddings else [])],
            nodes_to_exclude=[*excluded, *kept],
            extra_options={"MatMulConstBOnly": True},
        )


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep the exporters' progress reports and notes on their own workings off the terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
