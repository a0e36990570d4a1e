"""The vocabulary command."""

from __future__ import annotations

import lzma
from pathlib import Path

import pytest
from tokenizers import Tokenizer

import rasid_training.commands as commands
from rasid.errors import InputError
from rasid.tokenizer import read
from rasid_training.vocabulary import paragraphs

from .conftest import CORPUS


def test_a_vocabulary_is_trained_and_reads_text(tmp_path: Path) -> None:
    text = "قُتل الجنود في المعارك قرب دمشق.\n\nقتل جندي في دمشق القديمة.\n" * 20
    with lzma.open(tmp_path / "text.xz", "wt", encoding="utf-8") as file:
        file.write(text)
    output = tmp_path / "tokenizer.json"
    assert commands.vocabulary([str(tmp_path / "text.xz"), "--size", "60", "--output", str(output)]) == 0
    tokenizer = Tokenizer.from_file(str(output))
    assert tokenizer.get_vocab_size() <= 60
    assert tokenizer.encode("دمشق").ids[0] == tokenizer.token_to_id("[CLS]")
    reading = read("قُتِلَ في دمشق", tokenizer)
    assert tokenizer.token_to_id("[UNK]") not in reading.pieces
    assert [reading.text[a:b] for a, b in reading.words] == ["قُتِلَ", "في", "دمشق"]


def test_blank_lines_are_no_paragraphs(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("أ\n\n \nب\n", encoding="utf-8")
    assert list(paragraphs([tmp_path / "text.txt"])) == ["أ", "ب"]


def test_unreadable_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no text file at .*nowhere"):
        list(paragraphs([tmp_path / "nowhere"]))
    (tmp_path / "text.txt").write_bytes("قتل".encode("cp1256"))
    with pytest.raises(InputError, match=r"text\.txt is not UTF-8"):
        list(paragraphs([tmp_path / "text.txt"]))


def test_the_corpus_has_no_unknown_piece(compact_tokenizer: Tokenizer) -> None:
    from rasid_annotations.corpus import load_corpus

    unknown = compact_tokenizer.token_to_id("[UNK]")
    for document in load_corpus([CORPUS]):
        assert unknown not in read(document.text, compact_tokenizer).pieces
