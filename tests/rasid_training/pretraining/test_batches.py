"""Shards and batches: the text in order, whole words hidden."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rasid_training.pretraining.batches import Batches, ahead
from rasid_training.pretraining.settings import Masking, Pretraining, PretrainingError, Stage, Text
from rasid_training.pretraining.shards import Corpus, prepare

from .conftest import Make


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, make: Make) -> tuple[Pretraining, Corpus]:
    """Settings and the tokenised text."""
    folder = tmp_path_factory.mktemp("prepared")
    chosen = make(folder)
    return chosen, prepare(chosen, folder / "shards")


def test_shards_hold_the_text_in_order(prepared: tuple[Pretraining, Corpus], text: list[Path]) -> None:
    _, corpus = prepared
    encode = corpus.tokenizer.encode
    expected = []
    for path in text:
        for document in path.read_text(encoding="utf-8").strip().split("\n\n"):
            for paragraph in document.split("\n"):
                expected += encode(paragraph, add_special_tokens=False).ids
            expected.append(corpus.tokenizer.token_to_id("[SEP]"))
    found = np.concatenate([*corpus.training, corpus.development])
    assert found.tolist() == expected
    assert len(corpus.development) >= 600
    assert corpus.training[-1][-1] == corpus.tokenizer.token_to_id("[SEP]")  # development begins with a document


def test_tokenising_is_taken_up_where_it_stopped(tmp_path: Path, make: Make) -> None:
    chosen = make(tmp_path)
    whole = prepare(chosen, tmp_path / "shards")
    expected = [shard.tolist() for shard in whole.training]
    (tmp_path / "shards" / "second.txt.pieces").unlink()
    untouched = (tmp_path / "shards" / "first.txt.pieces").stat().st_mtime_ns
    again = prepare(chosen, tmp_path / "shards")
    assert [shard.tolist() for shard in again.training] == expected
    assert (tmp_path / "shards" / "first.txt.pieces").stat().st_mtime_ns == untouched


def test_shards_of_another_text_are_refused(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "text.txt"
    path.write_text("كلمة أخرى\n\n" * 600, encoding="utf-8")
    chosen = make(tmp_path, text=Text([str(path)], development=600))
    prepare(chosen, tmp_path / "shards")
    path.write_text("نص آخر\n\n" * 600, encoding="utf-8")
    with pytest.raises(PretrainingError, match="shards of other text"):
        prepare(chosen, tmp_path / "shards")


def test_shards_are_enough_on_a_machine_without_the_text(
    tmp_path: Path, prepared: tuple[Pretraining, Corpus], make: Make
) -> None:
    chosen, corpus = prepared
    elsewhere = replace(
        chosen, text=replace(chosen.text, files=[str(tmp_path / Path(name).name) for name in chosen.text.files])
    )
    found = prepare(elsewhere, Path(chosen.output) / "shards")
    assert found.pieces == corpus.pieces
    with pytest.raises(PretrainingError, match="no text file at"):
        prepare(make(tmp_path, text=elsewhere.text), tmp_path / "shards")


@settings(max_examples=60, deadline=None)
@given(step=st.integers(0, 38), rate=st.floats(0.05, 0.9))
def test_whole_words_are_hidden_and_nothing_else_is_changed(
    prepared: tuple[Pretraining, Corpus], step: int, rate: float
) -> None:
    chosen, corpus = prepared
    masking = Masking(rate, rate)
    batches = Batches(corpus, replace(chosen, masking=masking))
    shards = ["".join(map(chr, shard)) for shard in corpus.training]
    token = corpus.tokenizer.token_to_id
    parts = batches.at(step)
    length = batches.stage(step)[1].length
    assert length == (32 if step < 19 else 64)
    assert sum(len(part.pieces) for part in parts) == 512 // length
    for part in parts:
        original = part.pieces.reshape(-1).copy()
        original[part.hidden] = part.targets
        rows = original.reshape(part.pieces.shape)
        assert (rows[:, 0] == token("[CLS]")).all()
        assert (rows[:, -1] == token("[SEP]")).all()
        for row in rows:
            assert any("".join(map(chr, row[1:-1])) in shard for shard in shards)  # a part of the text as it stands
        hidden = np.zeros(len(original), dtype=bool)
        hidden[part.hidden] = True
        special = np.isin(original, [token("[CLS]"), token("[SEP]"), token("[UNK]"), token("[PAD]")])
        assert not (hidden & special).any()
        # A piece that continues a word shares the fate of the piece before it.
        inside = ~corpus.starts[original] & ~np.roll(special, 1)
        inside[0] = False
        if len(part.hidden) > 1:
            assert (hidden[inside] == np.roll(hidden, 1)[inside]).all()


def test_batches_follow_from_the_step_alone(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    one, other = Batches(corpus, chosen), Batches(corpus, chosen)
    for step, parts in ahead(one, 30):
        again = other.at(step)
        assert all(
            np.array_equal(a.pieces, b.pieces) and np.array_equal(a.hidden, b.hidden)
            for a, b in zip(parts, again, strict=True)
        )
    assert step == one.steps - 1
    assert not np.array_equal(one.at(3)[0].pieces, one.at(4)[0].pieces)


def test_an_epoch_reads_every_sequence_once(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    batches = Batches(corpus, replace(chosen, stages=[Stage(1.0, 32)]))
    sequences = sum(len(shard) // 30 - 1 for shard in corpus.training)
    seen = []
    for step in range(sequences // 16):
        for part in batches.at(step):
            original = part.pieces.reshape(-1).copy()
            original[part.hidden] = part.targets
            seen += [tuple(row) for row in original.reshape(part.pieces.shape)]
    assert len(set(seen)) == len(seen)


def test_sequences_begin_wherever_there_is_room(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    for settings_, length in ((chosen, 32), (replace(chosen, stages=[Stage(1.0, 64)]), 64)):
        batches = Batches(corpus, settings_)
        first = np.concatenate([part.first for step in range(10) for part in batches.at(step)])
        assert 0 <= first.min() < 50
        assert 512 - length - 50 < first.max() <= 512 - length
    still = Batches(corpus, replace(chosen, shifted=False))
    assert not any(part.first.any() for part in still.at(0))
    assert not any(part.first.any() for part in batches.development(128))


def test_masking_falls_and_the_rate_is_kept(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    batches = Batches(corpus, replace(chosen, masking=Masking(0.4, 0.1)))
    assert batches.rate(0) == pytest.approx(0.4)
    assert batches.rate(batches.steps - 1) == pytest.approx(0.1)
    steps = range(12)
    hidden = sum(len(part.hidden) for step in steps for part in batches.at(step))
    asked = sum(512 * batches.rate(step) for step in steps)
    assert hidden == pytest.approx(asked, rel=0.15)


def test_development_text_is_never_trained_on(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    first = [batch.pieces for batch in Batches(corpus, chosen).development(128)]
    second = [batch.pieces for batch in Batches(corpus, replace(chosen, masking=Masking(0.5, 0.5))).development(128)]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert sum(len(shard) for shard in corpus.training) + len(corpus.development) == sum(
        (Path(chosen.output) / "shards" / f"{name}.txt.pieces").stat().st_size // 2 for name in ("first", "second")
    )
