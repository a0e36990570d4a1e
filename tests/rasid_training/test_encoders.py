"""Encoders by directory: AraBERT's exact shape and file layout with random weights, all the way to a prediction."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, set_seed

import rasid_training.commands as commands
from rasid.document import Document, write_documents
from rasid.predictor import Predictor
from rasid.windows import WindowSize
from rasid_training.config import Encoder
from rasid_training.encoders import EncoderError, load_encoder

from .conftest import SCHEMA, WriteConfig

_PIECES = 64_000


@pytest.fixture(scope="module")
def arabert(tmp_path_factory: pytest.TempPathFactory, compact_tokenizer: Tokenizer) -> dict[str, Path]:
    """Two directories like the published one: 12 layers of 768, 64,000 pieces; its file layout, random weights.

    ``safetensors`` has what newer revisions hold, ``bin`` what older ones do: a pickled state under the prefix
    ``bert.`` of the pretraining model, and no ``tokenizer.json``.
    """
    folder = tmp_path_factory.mktemp("aubmindlab")
    pieces = sorted(compact_tokenizer.get_vocab(), key=compact_tokenizer.get_vocab().__getitem__)
    pieces += [f"[unused{n}]" for n in range(_PIECES - len(pieces))]
    set_seed(0)
    model = BertModel(BertConfig(vocab_size=_PIECES))
    one = folder / "safetensors"
    model.save_pretrained(one)
    (one / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    special = {f"{name}_token": f"[{name.upper()}]" for name in ("unk", "sep", "pad", "cls", "mask")}
    (one / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")
    settings = {"do_lower_case": False, "max_len": 512, "tokenizer_class": "BertTokenizer", **special}
    (one / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    other = folder / "bin"
    shutil.copytree(one, other, ignore=shutil.ignore_patterns("model.safetensors"))
    state = {f"bert.{name}": tensor for name, tensor in model.state_dict().items()}
    torch.save(state, other / "pytorch_model.bin")
    tokenizer = Tokenizer.from_str(compact_tokenizer.to_str())
    data = json.loads(tokenizer.to_str())
    data["model"]["vocab"] = {piece: number for number, piece in enumerate(pieces)}
    data["normalizer"] = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": False,
    }
    data["pre_tokenizer"] = {"type": "BertPreTokenizer"}
    (one / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    return {"safetensors": one, "bin": other}


@pytest.mark.parametrize("layout", ["safetensors", "bin"])
def test_arabert_trains_exports_and_predicts(
    arabert: dict[str, Path], layout: str, write_config: WriteConfig, tmp_path: Path, corpus: Sequence[Document]
) -> None:
    # Two short documents are enough to go the whole way with 110 million weights.
    short = [Document("a", "قتل 12 عنصرًا في حي القدم."), Document("b", "سيطر التنظيم على الحي.")]
    write_documents(tmp_path / "corpus.jsonl", short)
    config = write_config(
        data={"schema": str(SCHEMA), "train": ["corpus.jsonl"]},
        encoder={"name": str(arabert[layout]), "normalization": "arabert"},
        epochs=1,
    )
    assert commands.train([str(config)]) == 0
    model = tmp_path / "run" / "model"
    assert (model / "model.int8.onnx").stat().st_size < 200_000_000
    predictor = Predictor.load(model, precision="int8")
    document = predictor(corpus[0].text)
    assert document.error is None
    assert all(document.text[e.start : e.end].strip() for e in document.entities)


@pytest.mark.parametrize("layout", ["safetensors", "bin"])
def test_both_layouts_give_the_same_encoder(arabert: dict[str, Path], layout: str) -> None:
    encoder = load_encoder(Encoder(str(arabert[layout]), normalization="arabert"), WindowSize())
    config = encoder.model.config
    assert (config.num_hidden_layers, config.hidden_size, config.vocab_size) == (12, 768, _PIECES)
    set_seed(0)
    expected = BertModel(BertConfig(vocab_size=_PIECES)).state_dict()
    found = encoder.model.state_dict()
    for name in ("embeddings.word_embeddings.weight", "encoder.layer.11.output.dense.weight"):
        assert torch.equal(found[name], expected[name])
    unknown = encoder.tokenizer.token_to_id("[UNK]")
    for text in ("قَصْفٌ", "حـــي", "قصفٌ", "حي"):
        encoding = encoder.tokenizer.encode(text, add_special_tokens=False)
        assert encoding.ids
        assert unknown not in encoding.ids
    plain, marked = (encoder.tokenizer.encode(t, add_special_tokens=False) for t in ("قصف", "قَصْفٌ"))
    assert plain.ids == marked.ids
    assert marked.offsets[0][0] == 0
    assert marked.offsets[-1][1] >= 5


def test_a_trained_model_is_an_encoder_for_other_types(
    write_config: WriteConfig, tmp_path: Path, corpus: Sequence[Document]
) -> None:
    sentence = replace(corpus[0], events=())
    write_documents(tmp_path / "entities.jsonl", [sentence])
    assert commands.train([str(write_config(data={"train": ["entities.jsonl"]}))]) == 0
    model = tmp_path / "run" / "model"
    encoder = load_encoder(Encoder(str(model), normalization="compact"), WindowSize())
    weights = load_file(model / "model.safetensors")
    found = encoder.model.state_dict()
    assert {f"encoder.{name}" for name in found} == {name for name in weights if name.startswith("encoder.")}
    assert all(torch.equal(value, weights[f"encoder.{name}"]) for name, value in found.items())
    encode = Tokenizer.from_file(str(model / "tokenizer.json")).encode
    assert encoder.tokenizer.encode(corpus[1].text).ids == encode(corpus[1].text).ids
    # … and goes the whole way again, with the types of events.
    config = write_config(encoder={"name": str(model), "normalization": "compact"}, output="again", epochs=1)
    assert commands.train([str(config)]) == 0
    assert Predictor.load(tmp_path / "again" / "model")(corpus[1].text).error is None


def test_a_missing_encoder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"neither a directory with config\.json and a tokenizer nor a hub name"):
        load_encoder(Encoder(str(tmp_path / "nowhere")), WindowSize())


def test_missing_weights_are_named(tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "bare", ignore=shutil.ignore_patterns("*.safetensors"))
    with pytest.raises(EncoderError, match="weights: fresh"):
        load_encoder(Encoder(str(tmp_path / "bare")), WindowSize())


def test_weights_of_another_model_are_named(tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "other")
    path = tmp_path / "other" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(config | {"num_hidden_layers": 4}), encoding="utf-8")
    with pytest.raises(EncoderError, match="they are not of one model"):
        load_encoder(Encoder(str(tmp_path / "other")), WindowSize())


def test_windows_longer_than_the_encoder_reads_are_refused(tiny_encoder: Path) -> None:
    with pytest.raises(EncoderError, match=r"reads up to 512 pieces, windows\.longest is 600"):
        load_encoder(Encoder(str(tiny_encoder)), WindowSize(longest=600))


def test_a_tokenizer_of_another_model_is_refused(tiny_encoder: Path, arabert: dict[str, Path], tmp_path: Path) -> None:
    shutil.copytree(tiny_encoder, tmp_path / "mixed")
    shutil.copyfile(arabert["safetensors"] / "tokenizer.json", tmp_path / "mixed" / "tokenizer.json")
    with pytest.raises(EncoderError, match="they are not of one model"):
        load_encoder(Encoder(str(tmp_path / "mixed")), WindowSize())
