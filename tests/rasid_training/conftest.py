"""Small real parts for training: the corpus, an encoder of two narrow layers, and a configuration over them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, set_seed

from rasid.document import Document
from rasid_annotations.corpus import load_corpus

ROOT = Path(__file__).parent.parent.parent
COMPACT = ROOT / "training" / "rasid_training" / "encoders" / "compact"
CORPUS = ROOT / "annotations" / "corpus" / "seeds.jsonl"
SCHEMA = ROOT / "annotations" / "schema.yaml"

WriteConfig = Callable[..., Path]


@pytest.fixture(scope="session")
def corpus() -> list[Document]:
    """The five articles, annotated."""
    return load_corpus([CORPUS])


@pytest.fixture(scope="session")
def compact_tokenizer() -> Tokenizer:
    """The tokenizer of the compact encoder."""
    return Tokenizer.from_file(str(COMPACT / "tokenizer.json"))


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory, compact_tokenizer: Tokenizer) -> Path:
    """An encoder directory: a BERT of two layers, 32 wide, with fixed random weights."""
    path = tmp_path_factory.mktemp("encoders") / "tiny"
    set_seed(0)
    config = BertConfig(
        vocab_size=compact_tokenizer.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(path)
    compact_tokenizer.save(str(path / "tokenizer.json"))
    return path


@pytest.fixture
def write_config(tmp_path: Path, tiny_encoder: Path) -> WriteConfig:
    """Writes a configuration over the tiny encoder; keywords change whole sections or keys of ``optimization``."""

    def write(name: str = "config.yaml", **changes: Any) -> Path:
        data: dict[str, Any] = {
            "output": "run",
            "data": {"schema": str(SCHEMA), "train": [str(CORPUS)]},
            "encoder": {"name": str(tiny_encoder), "normalization": "compact"},
            "optimization": {
                "epochs": 2,
                "batch_size": 4,
                "learning_rate": 1e-3,
                "head_learning_rate": 3e-3,
                "save_every": 1,
            },
        }
        for key, value in changes.items():
            if key in data["optimization"] or key in ("seed", "evaluate_every", "patience", "precision"):
                data["optimization"][key] = value
            else:
                data[key] = value
        path = tmp_path / name
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        return path

    return write
