"""Documents near a domain."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rasid.errors import InputError
from rasid_training.config import load_pretraining
from rasid_training.pretraining.domain import nearest
from rasid_training.pretraining.loop import RECORD, pretrain
from rasid_training.pretraining.settings import Domain, Pretraining, PretrainingError, Text
from rasid_training.pretraining.shards import prepare

from .conftest import Make

ROOT = Path(__file__).parent.parent.parent.parent
_END = 0


def _documents(shards: list[np.ndarray]) -> list[tuple[int, ...]]:
    return [
        tuple(part.tolist())
        for shard in shards
        for part in np.split(shard, np.flatnonzero(shard == _END) + 1)
        if len(part)
    ]


_PIECES = st.lists(st.lists(st.lists(st.integers(1, 5), max_size=6), max_size=5), min_size=1, max_size=3).filter(
    lambda shards: any(shards)
)


@settings(max_examples=200, deadline=None)
@given(written=_PIECES, domain=arrays(np.int64, 6, elements=st.integers(0, 1000)), share=st.floats(0.01, 1.0))
def test_whole_documents_are_kept_in_order_up_to_the_share(
    written: list[list[list[int]]], domain: np.ndarray, share: float
) -> None:
    shards = [
        np.array([piece for document in shard for piece in [*document, _END]], dtype=np.uint16) for shard in written
    ]
    everywhere = np.bincount(np.concatenate(shards), minlength=6)
    kept = _documents(nearest(shards, everywhere, domain, end=_END, share=share))
    everything = iter(_documents(shards))
    assert all(any(document == other for other in everything) for document in kept)  # a subsequence
    pieces = sum(map(len, kept))
    assert pieces >= share * sum(map(len, shards)) - 1e-6
    assert pieces - max(map(len, kept)) <= share * sum(map(len, shards))


def test_the_nearest_documents_are_kept() -> None:
    shards = [np.array([1, 1, 2, _END, 3, 3, _END, 1, 4, _END, 3, 1, _END], dtype=np.uint16)]
    everywhere = np.bincount(shards[0], minlength=5)
    domain = np.array([0, 0, 0, 90_000, 10_000])
    near = nearest(shards, everywhere, domain, end=_END, share=0.3)
    assert _documents(near) == [(3, 3, _END), (3, 1, _END)]


@pytest.fixture
def two_subjects(tmp_path: Path) -> tuple[list[str], list[str]]:
    """Texts of war and of cooking by turns, and a domain of war as JSON Lines."""
    war, kitchen = "قصفت الطائرات مواقع المسلحين قرب المدينة", "يطبخ الأرز مع البصل والزيت في القدر"
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join([war, kitchen] * 200) + "\n", encoding="utf-8")
    domain = tmp_path / "domain.jsonl"
    domain.write_text(json.dumps({"id": "a", "text": f"{war}\n\n{war}"}) + "\n\n", encoding="utf-8")
    return [str(path)], [str(domain)]


def test_a_run_reads_what_is_near_and_tells_so(
    tmp_path: Path, make: Make, two_subjects: tuple[list[str], list[str]]
) -> None:
    files, domain = two_subjects
    run = tmp_path / "run"
    chosen = make(run, text=Text(files, 600, Domain(domain, 0.4)), pieces=1_024)
    corpus = prepare(chosen, run / "shards")
    text = corpus.tokenizer.decode(np.concatenate(corpus.training).tolist())
    assert "الطائرات" in text
    assert "البصل" not in text
    assert corpus.pieces < prepare(replace(chosen, text=Text(files, 600)), run / "shards").pieces * 0.6

    record = json.loads((pretrain(chosen, resume=False) / RECORD).read_text(encoding="utf-8"))
    assert record["recipe"]["text"]["domain"] == {"files": ["domain.jsonl"], "share": 0.4}
    assert record["corpus"]["training"] == corpus.pieces
    assert Pretraining.from_dict(chosen.to_dict()) == chosen


def test_its_files_count_from_the_configuration(tmp_path: Path) -> None:
    data = yaml.safe_load((ROOT / "configs" / "pretrain.yaml").read_text(encoding="utf-8"))
    data["text"]["domain"] = {"files": ["near.jsonl"], "share": 0.3}
    (tmp_path / "pretrain.yaml").write_text(yaml.safe_dump(data), encoding="utf-8")
    assert load_pretraining(tmp_path / "pretrain.yaml").text.domain == Domain([str(tmp_path / "near.jsonl")], 0.3)


def test_the_domain_is_not_needed_again(tmp_path: Path, make: Make, two_subjects: tuple[list[str], list[str]]) -> None:
    files, domain = two_subjects
    chosen = make(tmp_path, text=Text(files, 600, Domain(domain, 0.5)))
    expected = [shard.tolist() for shard in prepare(chosen, tmp_path / "shards").training]
    Path(domain[0]).unlink()
    assert [shard.tolist() for shard in prepare(chosen, tmp_path / "shards").training] == expected
    Path(domain[0]).write_text('{"text": "غيره"}\n', encoding="utf-8")
    with pytest.raises(PretrainingError, match="another domain; remove it"):
        prepare(chosen, tmp_path / "shards")


def test_a_domain_that_cannot_be_read_is_named(
    tmp_path: Path, make: Make, two_subjects: tuple[list[str], list[str]]
) -> None:
    files, _ = two_subjects
    chosen = make(tmp_path, text=Text(files, 600, Domain([str(tmp_path / "nowhere.jsonl")], 0.5)))
    with pytest.raises(InputError, match=r"no text file at .*nowhere"):
        prepare(chosen, tmp_path / "shards")
    (tmp_path / "bad.jsonl").write_text('{"text": "قتل"}\n{"id": 3}\n', encoding="utf-8")
    chosen = make(tmp_path, text=Text(files, 600, Domain([str(tmp_path / "bad.jsonl")], 0.5)))
    with pytest.raises(InputError, match=r"bad\.jsonl, line 2: expected a document"):
        prepare(chosen, tmp_path / "shards")
    with pytest.raises(PretrainingError, match=r"text\.domain\.share"):
        Domain(["a"], 0.0)
