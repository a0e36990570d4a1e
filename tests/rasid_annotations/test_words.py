"""Where a mention may begin and end."""

from __future__ import annotations

import pytest

from rasid_annotations.words import begins_word, ends_word, letters_before, paragraphs, words


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("قال داعش", "داعش"),
        ("وداعش", "داعش"),
        ("بمقتل", "مقتل"),
        ("ولقوات", "قوات"),
        ("وَقتل", "قتل"),
        ("لـداعش", "داعش"),
        ("iconعناصر", "عناصر"),
        ("بـ12", "12"),
        ("140عنصرا", "عنصرا"),
        ("١٤٠عنصرا", "عنصرا"),
        ("(حي القدم", "حي القدم"),
    ],
)
def test_a_mention_begins_at_a_word_or_after_proclitics(text: str, mention: str) -> None:
    assert begins_word(text, text.index(mention))


@pytest.mark.parametrize(
    ("text", "mention"),
    [
        ("سيقتل", "قتل"),
        ("النظام", "نظام"),
        ("فوبقتل", "قتل"),
        ("بوداعش", "داعش"),
        ("قتَل", "َل"),
        ("وَقتل", "َقتل"),
        ("12", "2"),
        ("BMP", "P"),
    ],
)
def test_a_mention_does_not_begin_inside_a_word(text: str, mention: str) -> None:
    assert not begins_word(text, text.index(mention))


@pytest.mark.parametrize(
    ("text", "end", "right"),
    [
        ("قواته", 4, False),
        ("قواته", 5, True),
        ("قوات، ثم", 4, True),
        ("قتلً", 3, False),
        ("140عنصرا", 3, True),
        ("140عنصرا", 2, False),
        ("مركزCambridge", 4, True),
    ],
)
def test_a_mention_ends_where_its_word_ends(text: str, end: int, right: bool) -> None:
    assert ends_word(text, end) is right


def test_letters_before_reach_back_to_the_beginning_of_the_word() -> None:
    assert letters_before("في ولقوات", 5) == "ول"
    assert letters_before("في", 0) == ""


def test_paragraphs_are_the_lines_that_are_not_blank() -> None:
    text = "أول\n\n  \nثان\r\nثالث"
    assert [(p.start, p.text) for p in paragraphs(text)] == [(0, "أول"), (8, "ثان\r"), (13, "ثالث")]
    assert all(text[p.start :].startswith(p.text) for p in paragraphs(text))


def test_words_are_runs_of_letters_or_digits_with_their_marks() -> None:
    text = "قُتل 12 (جنديًا)، ـ 😀"
    assert [text[a:b] for a, b in words(text)] == ["قُتل", "12", "جنديًا"]
