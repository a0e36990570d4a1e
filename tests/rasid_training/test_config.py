"""The configuration: what is read, and how mistakes are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from rasid_training.config import load_config
from rasid_training.configuration_file import ConfigError

ROOT = Path(__file__).parent.parent.parent
VALID = (ROOT / "configs" / "seeds.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["compact", "arabert", "arabert-large"])
def test_the_shipped_configurations_are_valid(name: str) -> None:
    config = load_config(ROOT / "configs" / f"{name}.yaml")
    annotations = ROOT / "annotations"
    assert Path(config.data.schema or "") == annotations / "schema.yaml"
    assert list(map(Path, config.data.train)) == [
        annotations / "corpus" / "seeds.jsonl",
        annotations / "hydrated" / "train.jsonl",
    ]
    assert list(map(Path, config.data.development)) == [annotations / "hydrated" / "development.jsonl"]


def test_an_encoder_that_is_no_directory_stays_a_hub_name() -> None:
    assert load_config(ROOT / "configs" / "arabert.yaml").encoder.name == "aubmindlab/bert-base-arabertv02"


def test_paths_count_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(VALID, encoding="utf-8")
    assert load_config(path).output == str((tmp_path / "../runs/seeds").resolve())


def test_numbers_with_an_exponent_and_no_point_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(VALID.replace("head_learning_rate: 1e-3", "head_learning_rate: 2e-3"), encoding="utf-8")
    assert load_config(path).optimization.head_learning_rate == 0.002


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("  epochs:", "  epoch:", "unknown key 'optimization.epoch'; did you mean 'epochs'?"),
        ("  epochs:", "  epoch:", "key 'optimization.epochs' is missing"),
        ("output:", "outptu:", "unknown key 'outptu'; did you mean 'output'?"),
        ("  spans: table", "  span: table", "unknown key 'heads.span'; did you mean 'spans'?"),
        ("  spans: table", "  spans: tables", "key 'heads.spans' holds 'tables'"),
        ("batch_size: 2", "batch_size: two", "key 'optimization.batch_size' holds 'two'"),
        ("batch_size: 2", "batch_size: 0", "key 'optimization.batch_size' holds 0"),
        ("batch_size: 2", "batch_size: 2.5", "key 'optimization.batch_size' holds 2.5"),
        ("train: [../annotations/corpus]", "train: ../annotations/corpus", "key 'data.train' holds"),
        ("output: ../runs/seeds", "output: [", "is not YAML"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    assert before in VALID
    path = tmp_path / "config.yaml"
    path.write_text(VALID.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration at .*nowhere\.yaml"):
        load_config(tmp_path / "nowhere.yaml")


def test_the_recipe_holds_no_path() -> None:
    assert str(ROOT) not in str(load_config(ROOT / "configs" / "compact.yaml").recipe())
