"""Column files: reading, writing, whole words, and the figures that a published scorer gives."""

from __future__ import annotations

import lzma
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from annotation_samples import corpora, document, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st
from seqeval.metrics import classification_report, f1_score
from seqeval.scheme import IOB2

from rasid.document import Document
from rasid.errors import DocumentError, InputError, OutputError
from rasid_annotations.columns import is_column_file, read_columns, snapped, write_columns
from rasid_annotations.flat import seqeval_report
from rasid_annotations.scoring import score

PLAIN = "زار O\nوفد O\nمن O\nمدينة B-LOC\nالزهراء I-LOC\nليلى B-PERS\n. O\n\nعاد O\nالوفد O\n"

# Words with vowel signs, tatweel, zero-width and bidirectional marks, digits of both kinds, emoji, no-break spaces,
# and with line ends that are none in a column file.
WORDS = st.sampled_from(
    (
        "قُتِلَ",
        "جنـــود",
        "وبالحديدة",
        "می\u200cخواهم",
        "\u200fحلب",
        "٣٤",
        "2018",
        "😀",
        "👨\u200d👩",
        ".",
        "،",
        "«",
        "\u064e",
        "O",
        "#",
    )
) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Zs", "Zl", "Zp", "Cc"), exclude_characters="\ufeff"), min_size=1
)
TYPES = ("LOC", "Population-Center", "أشخاص")


def file_of(folder: Path, content: str | bytes, name: str = "news.txt") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, *, sentences: int = 1) -> list[Document]:
    return read_columns(file_of(folder, content), sentences=sentences)


def found(documents: list[Document]) -> list[tuple[str, str]]:
    return [(item.type, one.mention(item)) for one in documents for item in one.entities]


@st.composite
def tag_sequences(draw: st.DrawFn, length: int) -> list[str]:
    """Well-formed IOB2."""
    tags: list[str] = []
    for _ in range(length):
        choices = ["O", *(f"B-{name}" for name in TYPES)]
        if tags and tags[-1] != "O":
            choices.append(f"I-{tags[-1][2:]}")
        tags.append(draw(st.sampled_from(choices)))
    return tags


@st.composite
def column_texts(draw: st.DrawFn) -> str:
    """The text of a column file as :func:`write_columns` writes it."""
    sentences = draw(st.lists(st.lists(WORDS, min_size=1, max_size=6), max_size=4))
    lines: list[str] = []
    for words in sentences:
        tags = draw(tag_sequences(len(words)))
        lines += [f"{word} {tag}\n" for word, tag in zip(words, tags, strict=True)] + ["\n"]
    return "".join(lines)


def test_a_sentence_is_a_document(tmp_path: Path) -> None:
    first, second = read(tmp_path, PLAIN)
    assert (first.id, first.text) == ("news-00001", "زار وفد من مدينة الزهراء ليلى .")
    assert (second.id, second.text, second.entities) == ("news-00002", "عاد الوفد", ())
    assert [(item.id, item.type, first.mention(item)) for item in first.entities] == [
        ("t1", "LOC", "مدينة الزهراء"),
        ("t2", "PERS", "ليلى"),
    ]


def test_sentences_make_documents_that_end_at_a_docstart(tmp_path: Path) -> None:
    content = "-DOCSTART- -X- O\n\nا B-X\n\nب O\n\nج B-Y\n\n-DOCSTART- -X- O\n\nد I-Y\n\n"
    documents = read(tmp_path, content, sentences=2)
    assert [(one.id, one.text) for one in documents] == [
        ("news-00001", "ا\nب"),
        ("news-00002", "ج"),
        ("news-00003", "د"),
    ]
    assert found(documents) == [("X", "ا"), ("Y", "ج"), ("Y", "د")]
    assert [one.text for one in read(tmp_path, content, sentences=9)] == ["ا\nب\nج", "د"]
    with pytest.raises(InputError, match="sentences is 0"):
        read(tmp_path, content, sentences=0)


@pytest.mark.parametrize(
    "tags",
    [
        "B-LOC I-LOC O B-LOC B-LOC I-LOC B-ORG",  # IOB2
        "I-LOC I-LOC O I-LOC B-LOC I-LOC I-ORG",  # IOB1
        "B-LOC E-LOC O S-LOC B-LOC E-LOC S-ORG",  # IOBES
        "B-LOC L-LOC O U-LOC B-LOC L-LOC U-ORG",  # BILOU
        "I-LOC E-LOC O E-LOC I-LOC E-LOC E-ORG",  # ends alone tell neighbours apart
    ],
)
def test_every_tagging_scheme_says_the_same(tmp_path: Path, tags: str) -> None:
    content = "".join(f"{word} {tag}\n" for word, tag in zip("ابجدهوز", tags.split(), strict=True))
    assert found(read(tmp_path, content)) == [("LOC", "ا ب"), ("LOC", "د"), ("LOC", "ه و"), ("ORG", "ز")]


def test_an_inside_tag_after_a_blank_line_begins_an_entity(tmp_path: Path) -> None:
    assert found(read(tmp_path, "ا B-LOC\n\nب I-LOC\n")) == [("LOC", "ا"), ("LOC", "ب")]


def test_columns_between_word_and_tag_are_left_out(tmp_path: Path) -> None:
    for content in ("حلب NNP I-NP B-LOC\n", "حلب\tNNP\t\tB-LOC\n", "حلب   B-LOC  \n", "حلب \t B-LOC\t\n"):
        assert [(one.text, found([one])) for one in read(tmp_path, content)] == [("حلب", [("LOC", "حلب")])]


def test_files_of_other_systems(tmp_path: Path) -> None:
    expected = read(tmp_path, PLAIN)
    assert read(tmp_path, b"\xef\xbb\xbf" + PLAIN.replace("\n", "\r\n").encode()) == expected
    assert read(tmp_path, PLAIN.replace(" ", "\t").replace("\n\n", "\n\t\n")) == expected
    assert read(tmp_path, "\n\n" + PLAIN.replace("\n\n", "\n\n \n\n") + "\n\n") == expected
    assert read_columns(file_of(tmp_path, lzma.compress(PLAIN.encode()), "news.txt.xz")) == expected


def test_white_space_and_nothing_in_a_word_leave_it_one_word(tmp_path: Path) -> None:
    content = "عنب\u00a0بلدي\tB-ORG\nفي حي\tI-ORG\n\tO\n \tO\n\u200f\tB-LOC\nا\u2028ب\x85ج\tI-LOC\n"
    (one,) = read(tmp_path, content)
    words = ["عنب\u00a0بلدي", "في\u00a0حي", "\u200b", "\u200b", "\u200f", "ا\u00a0ب\u00a0ج"]
    assert one.text.split(" ") == words
    assert found([one]) == [("ORG", "عنب\u00a0بلدي في\u00a0حي"), ("LOC", "\u200f ا\u00a0ب\u00a0ج")]
    assert snapped(one) == one
    assert read(tmp_path, " B-X\nا I-X\n")[0].text == "\u200b ا"


def test_without_blank_lines_a_sentence_ends_at_its_mark_or_after_100_words(tmp_path: Path) -> None:
    content = "ا O\n. O\nب O\n؟ B-X\nج I-X\n! I-X\nد O\n"
    documents = read(tmp_path, content)
    assert [one.text for one in documents] == ["ا .", "ب ؟ ج !", "د"]
    assert found(documents) == [("X", "؟ ج !")]
    assert [one.text for one in read(tmp_path, content + "\n")] == ["ا . ب ؟ ج ! د"]
    long = "ا O\n" * 99 + "ب B-X\n" + "ج I-X\n" * 3 + "د B-X\n" + "ه O\n" * 100
    assert [one.text.count(" ") + 1 for one in read(tmp_path, long)] == [103, 100, 1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ا O\n\nحلب\n", r"news\.txt:3: only 'حلب'; expected a word and its tag a line"),
        ("ا O\nحلب LOC\n", r"news\.txt:2: the last column is 'LOC'; expected O, or one of B I E S L U"),
        ("حلب B-\n", r"news\.txt:1: the last column is 'B-'"),
        ("  حلب NNP B-LOC\n", r"news\.txt:1: a space stands before 3 columns; remove it"),
        ("ا O\nحلب B-LOC\n".encode("cp1256"), r"news\.txt:1: not UTF-8 .*; save the file as UTF-8"),
        (b"a O\nb O\n\xff O\n", r"news\.txt:3: not UTF-8"),
    ],
)
def test_a_wrong_line_is_named_with_the_remedy(tmp_path: Path, content: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("data", [b"no archive", lzma.compress(PLAIN.encode())[:-9]])
def test_a_damaged_archive_is_named(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(InputError, match=r"news\.txt\.xz: cannot be read"):
        read_columns(file_of(tmp_path, data, "news.txt.xz"))


def test_names_tell_column_files_from_json_lines() -> None:
    assert all(is_column_file(Path(name)) for name in ("a.txt", "a.conll", "a.tsv.xz", "a", "jsonl.iob2"))
    assert not any(is_column_file(Path(name)) for name in ("a.jsonl", "a.b.JSONL", "a.json", "a.jsonl.xz"))


def test_entities_are_extended_to_the_words_they_touch() -> None:
    text = "  قال لعنب بلدي،\nأمس"
    one = document(entity("a", "MEDIA", 7, 15), entity("b", "DATE", 17, 18), text=text)
    assert found([snapped(one)]) == [("MEDIA", "لعنب بلدي،"), ("DATE", "أمس")]


def test_of_overlapping_entities_the_longest_stays_and_nothing_twice() -> None:
    text = "قوات النظام-الحكومة في دمشق"
    items = [
        entity("a", "ORG", 5, 11),
        entity("b", "ORG", 12, 19),  # the same word once extended
        entity("c", "ARMED", 0, 11),
        entity("d", "LOC", 23, 27),
        entity("e", "LOC", 23, 27),
        entity("f", "LOC", 22, 23),  # white space alone
        entity("g", "LOC", 24, 24),  # nothing at all
    ]
    kept = snapped(document(*items, event("e1", "KILL", 0, 4, ("AGENT", "a")), text=text))
    assert [(item.id, kept.mention(item)) for item in kept.entities] == [
        ("c", "قوات النظام-الحكومة"),
        ("d", "دمشق"),
    ]
    assert kept.events == ()


@given(corpora())
def test_snapping_is_settled_after_one_time(docs: list[Document]) -> None:
    for one in map(snapped, docs):
        assert snapped(one) == one
        edges = " \n"
        for item in one.entities:
            assert item.start == 0 or one.text[item.start - 1] in edges
            assert item.end == len(one.text) or one.text[item.end] in edges


def test_what_is_written(tmp_path: Path) -> None:
    one = document(entity("a", "LOC", 6, 10), entity("b", "ORG", 6, 16), text="قال \t لعنب بلدي،\r\n\n \nأمس")
    write_columns(tmp_path / "new" / "out.txt", [one, document(text="عاد")])
    expected = "قال O\nلعنب B-ORG\nبلدي، I-ORG\n\nأمس O\n\nعاد O\n\n"
    assert (tmp_path / "new" / "out.txt").read_bytes().decode() == expected
    write_columns(tmp_path / "out.txt.xz", [one])
    assert lzma.decompress((tmp_path / "out.txt.xz").read_bytes()).decode() == expected[: -len("عاد O\n\n")]


def test_an_entity_over_a_line_end_is_one_in_each_line(tmp_path: Path) -> None:
    write_columns(tmp_path / "out.txt", [document(entity("a", "LOC", 2, 9), text="ا ب ج\nد ه و")])
    assert found(read_columns(tmp_path / "out.txt", sentences=2)) == [("LOC", "ب ج"), ("LOC", "د ه")]


def test_nothing_is_written_where_one_document_cannot_be(tmp_path: Path) -> None:
    path = file_of(tmp_path, PLAIN, "out.txt")
    for wrong, message in (
        (document(entity("a", "NO TYPE", 0, 1)), r"'d', entity 'a': type 'NO TYPE' cannot stand in a tag"),
        (document(text="\ud800"), "'d': .* lone surrogate"),
    ):
        with pytest.raises(DocumentError, match=message):
            write_columns(path, [document(), wrong])
        assert path.read_bytes().decode() == PLAIN
    assert [file.name for file in tmp_path.iterdir()] == ["out.txt"]
    with pytest.raises(OutputError, match=r"out\.txt"):
        write_columns(path / "out.txt", [])


@given(column_texts())
def test_reading_then_writing_changes_no_byte(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = file_of(Path(folder), text)
        write_columns(path, read_columns(path))
        assert path.read_bytes().decode() == text


@given(column_texts(), st.integers(1, 5), st.sampled_from((" ", "  ", "\t", " \u2003\r")))
def test_writing_then_reading_keeps_every_mention(text: str, sentences: int, space: str) -> None:
    """Also where a document separates its words by other white space than a column file's reader does."""
    with TemporaryDirectory() as folder:
        path = file_of(Path(folder), text)
        documents = []
        for one in read_columns(path, sentences=sentences):
            moved = [
                replace(
                    item,
                    **{edge: len(one.text[: getattr(item, edge)].replace(" ", space)) for edge in ("start", "end")},
                )
                for item in one.entities
            ]
            documents.append(replace(one, text=one.text.replace(" ", space), entities=tuple(moved)))
        write_columns(path, documents)
        again = read_columns(path)
        assert [(kind, mention.replace(" ", space)) for kind, mention in found(again)] == found(documents)
        lines = [line for one in documents for line in one.text.split("\n")]
        assert [one.text.replace(" ", space) for one in again] == lines


def test_the_annotated_article_keeps_its_flat_mentions(tmp_path: Path) -> None:
    write_columns(tmp_path / "out.txt", [sample()])
    (again,) = read_columns(tmp_path / "out.txt", sentences=9)
    assert found([again]) == found([snapped(sample())])
    assert again.text == sample().text.replace("\n\n", "\n")


@given(st.data())
def test_seqeval_on_snapped_documents_is_seqeval_on_the_columns(data: st.DataObject) -> None:
    """Strict IOB2 figures are those that a scorer gives who sees nothing but the two columns of tags."""
    lengths = data.draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    gold = [data.draw(tag_sequences(length)) for length in lengths]
    predicted = [data.draw(tag_sequences(length)) for length in lengths]
    # A sign of several of Rasid's words, and one that holds none, are each one column word.
    words = [
        [data.draw(st.sampled_from(("حلب", "وفي", "3.5%", "«عنب", "a\u00a0b", "\u200f"))) for _ in one] for one in gold
    ]
    with TemporaryDirectory() as folder:
        sides = []
        for tags in (gold, predicted):
            rows = [
                "".join(f"{word} {tag}\n" for word, tag in zip(*pair, strict=True)) + "\n"
                for pair in zip(words, tags, strict=True)
            ]
            sides.append([snapped(one) for one in read(Path(folder), "".join(rows))])
    ours = seqeval_report(*sides)
    if all(tag == "O" for sequence in (*gold, *predicted) for tag in sequence):
        assert ours["types"] == {}
        return
    theirs = classification_report(gold, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    assert ours["micro"]["f1"] == pytest.approx(theirs["micro avg"]["f1-score"])
    for name in ("precision", "recall", "support"):
        assert ours["micro"][name] == pytest.approx(theirs["micro avg"][name])
        assert ours["macro"][name] == pytest.approx(theirs["macro avg"][name])
        for kind, row in ours["types"].items():
            assert row[name] == pytest.approx(theirs[kind][name])
    assert score(*sides, resamples=0).entities.strict.total.f1 == pytest.approx(ours["micro"]["f1"])


def test_loose_gold_tags_count_as_seqevals_default_counts_them(tmp_path: Path) -> None:
    """An inside tag that begins an entity is one for CoNLL's scorer, though strict IOB2 on raw tags skips it."""
    gold = [["O", "I-LOC", "I-LOC", "O"], ["B-LOC", "I-ORG", "O", "I-ORG"]]
    predicted = [["O", "B-LOC", "I-LOC", "O"], ["B-LOC", "B-ORG", "O", "O"]]
    sides = [
        read(tmp_path, "\n".join("".join(f"ا {tag}\n" for tag in sequence) for sequence in tags))
        for tags in (gold, predicted)
    ]
    assert seqeval_report(*sides)["micro"]["f1"] == pytest.approx(f1_score(gold, predicted)) == pytest.approx(6 / 7)
