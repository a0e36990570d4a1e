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

from rasid.artifact import CONFIG, FORMAT, GRAPHS, TOKENIZER, sha256
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
    """The tiny model with both graphs; the int8 one computes the same but is given one window at a time."""
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
    """Embeddings plus their masked mean (the context), and bilinear heads with a penalty on a span's length."""
    random = np.random.default_rng(7)
    types = len(schema.entity_types) + len(schema.event_types)
    roles, modalities = len(schema.roles), len(schema.modalities)
    unit = _DIMENSION**-0.5
    weights = {
        "table": random.normal(size=(vocabulary, _DIMENSION)),
        "starts": random.normal(size=(_DIMENSION, types)) * unit * 2.0,
        "ends": random.normal(size=(_DIMENSION, types)) * unit * 2.0,
        "bias": np.full((1, types, 1, 1), -4.5),
        "slope": np.array(0.7),
        "roles_bias": np.array(-4.0),
        "letters": random.normal(size=(_DIMENSION, 3)) * unit,
        "moods": random.normal(size=(_DIMENSION, modalities)) * unit,
        "query_first": random.normal(size=(roles, _DIMENSION, _DIMENSION)) * unit**2 * 1.5,
        "query_last": random.normal(size=(roles, _DIMENSION, _DIMENSION)) * unit**2 * 1.5,
    }
    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    constants += [
        numpy_helper.from_array(np.array([axis], dtype=np.int64), f"axis_{name}")
        for name, axis in (("1", 1), ("2", 2), ("last", -1))
    ]
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "input_ids"], ["embedded"]),
        node("Cast", ["attention_mask"], ["mask_2d"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["mask_2d", "axis_last"], ["mask"]),
        node("Mul", ["embedded", "mask"], ["masked"]),
        node("ReduceSum", ["masked", "axis_1"], ["total"]),
        node("ReduceSum", ["mask", "axis_1"], ["count"]),
        node("Div", ["total", "count"], ["context"]),
        node("Add", ["embedded", "context"], ["hidden"]),
        node("Unsqueeze", ["first", "axis_last"], ["first_index"]),
        node("Unsqueeze", ["last", "axis_last"], ["last_index"]),
        node("GatherND", ["hidden", "first_index"], ["first_hidden"], batch_dims=1),
        node("GatherND", ["hidden", "last_index"], ["last_hidden"], batch_dims=1),
        node("MatMul", ["first_hidden", "starts"], ["start_scores"]),
        node("MatMul", ["last_hidden", "ends"], ["end_scores"]),
        node("Transpose", ["start_scores"], ["start_rows"], perm=[0, 2, 1]),
        node("Transpose", ["end_scores"], ["end_rows"], perm=[0, 2, 1]),
        node("Unsqueeze", ["start_rows", "axis_last"], ["start_column"]),
        node("Unsqueeze", ["end_rows", "axis_2"], ["end_row"]),
        node("Add", ["start_column", "end_row"], ["both_ends"]),
        node("Add", ["both_ends", "bias"], ["biased"]),
        # The length of a span in pieces; where it is padding the value is of no use and is cut off.
        node("Unsqueeze", ["first", "axis_2"], ["first_column"]),
        node("Unsqueeze", ["last", "axis_1"], ["last_row"]),
        node("Sub", ["last_row", "first_column"], ["length_int"]),
        node("Cast", ["length_int"], ["length_2d"], to=TensorProto.FLOAT),
        node("Unsqueeze", ["length_2d", "axis_1"], ["length"]),
        node("Mul", ["length", "slope"], ["penalty"]),
        node("Sub", ["biased", "penalty"], ["spans"]),
        node("MatMul", ["first_hidden", "letters"], ["proclitics"]),
        node("MatMul", ["first_hidden", "moods"], ["modality"]),
        node("Einsum", ["first_hidden", "query_first", "first_hidden"], ["roles_raw"], equation="bwd,rde,bve->brwv"),
        node("Add", ["roles_raw", "roles_bias"], ["roles_first"]),
        node("Einsum", ["first_hidden", "query_last", "last_hidden"], ["roles_last"], equation="bwd,rde,bve->brwv"),
    ]
    pieces, words = ["b", "t"], ["b", "w"]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.INT64, shape)
        for name, shape in zip(INPUTS, (pieces, pieces, words, words), strict=True)
    ]
    shapes = (["b", types, "w", "w"], ["b", "w", 3], ["b", "w", modalities], *[["b", roles, "w", "w"]] * 2)
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
        for name, shape in zip(OUTPUTS, shapes, strict=True)
    ]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model
