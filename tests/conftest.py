"""A tiny model made without torch: a real tokenizer and a real ONNX graph, with random but fixed weights.

What it finds means nothing; that it finds it always alike is what the tests of the predictor stand on.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

from rasid.artifact import CONFIG, FORMAT, GRAPHS, LINKS, TOKENIZER, sha256
from rasid.backends import INPUTS, OUTPUTS
from rasid.predictor import Predictor
from rasid.schema import Schema

ROOT = Path(__file__).parent.parent
ARTICLES = (
    "قتل 12 عنصرًا من قوات النظام خلال المعارك الدائرة في حي القدم جنوب دمشق، بحسب ما ذكرت مصادر موالية.\n"
    "وذكرت صفحات موالية اليوم، الثلاثاء 20 من آذار، أسماء العناصر، وقالت إنهم ينتمون لـ “مجموعة المزروع”.",
    "سيطر تنظيم «الدولة» على مواقع جديدة في مخيم اليرموك إثر هجوم مباغت، وجرح آخرون إثر قنص تعرضوا له.\r\n\r\n"
    "وأفادت وكالة “أعماق” بأن الاشتباكات أسفرت عن تدمير ثلاث دبابات وأسر 7 جنود.",
    "قصف الطيران الحربي مدينة دوما في الغوطة الشرقية بالبراميل المتفجرة، ما أدى إلى مقتل 5 مدنيين وإصابة العشرات.",
    "توصل الطرفان لاتفاق يقضي بإطلاق سراح معتقلات مقابل تسليم جثث، وخرجت حافلات من بيت سحم إلى إدلب يوم الخميس.",
    "لم تعلن وزارة الدفاع عن أي خسائر، وقال المرصد السوري لحقوق الإنسان إن 36 عنصرا لا يزالون مفقودين.",
)
WINDOW = {"longest": 64, "target": 48, "overlap": 24}
_DIMENSION = 24
_PIECES = {"begin": "[CLS]", "end": "[SEP]", "pad": "[PAD]"}


def pytest_itemcollected(item: pytest.Item) -> None:
    """Of several processes, one takes all tests of a file, and one all that need the Label Studio."""
    shared = "label_studio" in getattr(item, "fixturenames", ())
    item.add_marker(pytest.mark.xdist_group("label-studio" if shared else item.path.name))


@pytest.fixture(scope="session")
def articles() -> tuple[str, ...]:
    """Short texts like the articles that Rasid reads."""
    return ARTICLES


@pytest.fixture(scope="session")
def schema() -> Schema:
    """The project's schema."""
    return Schema.from_dict(yaml.safe_load((ROOT / "annotations" / "schema.yaml").read_text(encoding="utf-8")))


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    """WordPiece over the articles' words; its normalisation drops marks and tatweel and keeps the alignment.

    The vocabulary is listed, not trained: the trainer breaks ties differently in each process.
    """
    normalizer = normalizers.Replace(Regex("[\u0640\u064b-\u0652\u200b-\u200f]"), "")
    words = sorted(set(normalizer.normalize_str(" ".join(ARTICLES)).split()))
    letters = sorted(set("".join(words)))
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    pieces += [word[:3] for word in words] + [f"##{word[-2:]}" for word in words] + [w for w in words if len(w) == 4]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(["[UNK]", *_PIECES.values(), *pieces]))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return tokenizer


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, schema: Schema, tokenizer: Tokenizer) -> Path:
    """A whole model directory; windows are short, so that an article fills several."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny", schema, tokenizer, graphs=("fp32",))


@pytest.fixture(scope="session")
def twin_model(tmp_path_factory: pytest.TempPathFactory, schema: Schema, tokenizer: Tokenizer) -> Path:
    """The tiny model with both graphs, which are the same."""
    return make_model(tmp_path_factory.mktemp("models") / "twin", schema, tokenizer, graphs=("fp32", "int8"))


@pytest.fixture(scope="session")
def predictor(tiny_model: Path) -> Predictor:
    """A predictor with the tiny model."""
    return Predictor.load(tiny_model, threads=1)


@pytest.fixture
def model_copy(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def make_model(path: Path, schema: Schema, tokenizer: Tokenizer, *, graphs: tuple[str, ...]) -> Path:
    """Write a model directory; every graph in it is the same."""
    path.mkdir()
    tokenizer.save(str(path / TOKENIZER))
    graph = _graph(schema, tokenizer.get_vocab_size())
    for precision in graphs:
        onnx.save(graph, path / GRAPHS[precision])
    onnx.save(_links(schema), path / LINKS)
    config = {
        "rasid_format": FORMAT,
        "schema": schema.to_dict(),
        "window": WINDOW,
        "calibration": {"scales": {"entities": [0.8, 0.1]}, "thresholds": {"LOC": 0.6}},
        "special_pieces": {name: tokenizer.token_to_id(piece) for name, piece in _PIECES.items()},
        "files": {file.name: sha256(file) for file in sorted(path.iterdir())},
        "provenance": {"corpus": "none: random weights"},
    }
    (path / CONFIG).write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    return path


def _graph(schema: Schema, vocabulary: int) -> Any:
    """Embeddings plus their mean (the context), and heads with a penalty on a span's length."""
    random = np.random.default_rng(7)
    types = len(schema.entity_types) + len(schema.event_types)
    modalities = len(schema.modalities)
    unit = _DIMENSION**-0.5
    weights = {
        "table": random.normal(size=(vocabulary, _DIMENSION)),
        "starts": random.normal(size=(_DIMENSION, types)) * unit * 2.0,
        "ends": random.normal(size=(_DIMENSION, types)) * unit * 2.0,
        "bias": np.array(-4.5),
        "slope": np.array(0.7),
        "letters": random.normal(size=(_DIMENSION, 3)) * unit,
        "moods": random.normal(size=(_DIMENSION, modalities)) * unit,
    }
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    constants += [numpy_helper.from_array(np.array([0], dtype=np.int64), "axis_0")]
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "pieces"], ["embedded"]),
        node("ReduceMean", ["embedded", "axis_0"], ["context"]),
        node("Add", ["embedded", "context"], ["hidden"]),
        node("Gather", ["hidden", "first"], ["first_hidden"]),
        node("Gather", ["hidden", "last"], ["last_hidden"]),
        node("Concat", ["first_hidden", "last_hidden"], ["words"], axis=1),
        node("MatMul", ["first_hidden", "starts"], ["start_scores"]),
        node("MatMul", ["last_hidden", "ends"], ["end_scores"]),
        node("Gather", ["start_scores", "rows"], ["start_of_span"]),
        node("Gather", ["end_scores", "columns"], ["end_of_span"]),
        node("Add", ["start_of_span", "end_of_span"], ["both_ends"]),
        node("Add", ["both_ends", "bias"], ["biased"]),
        # The length of a span in pieces.
        node("Gather", ["first", "rows"], ["first_piece"]),
        node("Gather", ["last", "columns"], ["last_piece"]),
        node("Sub", ["last_piece", "first_piece"], ["length_int"]),
        node("Cast", ["length_int"], ["length_1d"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["length_1d", "axis_last"], ["length"]),
        node("Mul", ["length", "slope"], ["penalty"]),
        node("Sub", ["biased", "penalty"], ["spans"]),
        node("MatMul", ["first_hidden", "letters"], ["proclitics"]),
        node("MatMul", ["first_hidden", "moods"], ["modality"]),
    ]
    constants += [numpy_helper.from_array(np.array([-1], dtype=np.int64), "axis_last")]
    outputs = {
        "spans": ["s", types],
        "proclitics": ["w", 3],
        "modality": ["w", modalities],
        "words": ["w", 2 * _DIMENSION],
    }
    sizes = {"pieces": "t", "first": "w", "last": "w", "rows": "s", "columns": "s"}
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [sizes[name]]) for name in INPUTS]
    return _model(nodes, inputs, {name: outputs[name] for name in OUTPUTS}, constants)


def _links(schema: Schema) -> Any:
    """Bilinear scores of a trigger's first word with a filler's first and last."""
    random = np.random.default_rng(8)
    roles, unit = len(schema.roles), _DIMENSION**-0.5
    shape = (roles, _DIMENSION, _DIMENSION)
    constants = [
        numpy_helper.from_array((random.normal(size=shape) * unit**2 * 1.5).astype(np.float32), f"query_{end}")
        for end in ("first", "last")
    ]
    constants += [
        numpy_helper.from_array(np.array(-4.0, dtype=np.float32), "bias"),
        numpy_helper.from_array(np.array([_DIMENSION, _DIMENSION], dtype=np.int64), "halves"),
    ]
    node = helper.make_node
    nodes = [
        node("Split", ["words", "halves"], ["begins", "ends"], axis=1),
        node("Gather", ["begins", "triggers"], ["trigger"]),
        node("Gather", ["begins", "firsts"], ["filler_first"]),
        node("Gather", ["ends", "lasts"], ["filler_last"]),
        node("Einsum", ["trigger", "query_first", "filler_first"], ["by_first"], equation="ed,rdh,fh->efr"),
        node("Einsum", ["trigger", "query_last", "filler_last"], ["by_last"], equation="ed,rdh,fh->efr"),
        node("Add", ["by_first", "by_last"], ["both"]),
        node("Add", ["both", "bias"], ["roles"]),
    ]
    inputs = [helper.make_tensor_value_info("words", TensorProto.FLOAT, ["w", 2 * _DIMENSION])]
    sizes = {"triggers": "e", "firsts": "f", "lasts": "f"}
    inputs += [helper.make_tensor_value_info(name, TensorProto.INT64, [size]) for name, size in sizes.items()]
    return _model(nodes, inputs, {"roles": ["e", "f", roles]}, constants)


def _model(nodes: list[Any], inputs: list[Any], outputs: dict[str, list[Any]], constants: list[Any]) -> Any:
    made = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model
