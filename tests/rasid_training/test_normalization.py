"""Normalisation inside the tokenizer: the words it gives, and that every piece still points into the original."""

from __future__ import annotations

import re
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from rasid.errors import RasidError
from rasid_training.normalization import NORMALIZATIONS, normalized

PLACEHOLDERS = ["[رابط]", "[بريد]", "[مستخدم]"]
LETTERS = [*map(chr, range(0x621, 0x63B)), *map(chr, range(0x641, 0x64B)), *"abcdefghijklmnopqrstuvwxyz0123456789"]
MARKS = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0640"

# What the published preprocessing (arabert 1.0.1, bert-base-arabertv02) and BERT's basic tokenisation after it give.
ARABERT = [
    # Diacritics and tatweel; hamza and the forms of alef stay.
    ("قَصْفٌ", ["قصف"]),
    ("حـــي الشُّهَداءِ", ["حي", "الشهداء"]),
    ("أعلن إلى آخر مسؤول", ["أعلن", "إلى", "آخر", "مسؤول"]),
    # The dagger alef and alef wasla are no word characters in the published code.
    ("هٰذا", ["ه", "ذا"]),
    ("ٱلله", ["ٱ", "لله"]),
    # Addresses. One that ends in a lower-case Latin domain is a link to the published code, e-mail or not.
    ("زوروا https://www.bbc.com/arabic/x?y=1&z=2 الآن", ["زوروا", "[رابط]", "الآن"]),
    ("http://t.co/abc", ["[رابط]"]),
    ("موقع www.enabbaladi.net/archives.", ["موقع", "[رابط]"]),
    ("info@aljazeera.net", ["[رابط]"]),
    ("كتب إلى فلان@موقع.كوم اليوم", ["كتب", "إلى", "[بريد]", "اليوم"]),
    ("INFO@SITE.COM", ["[بريد]"]),
    ("نقل @user_1 عن @فلان", ["نقل", "[مستخدم]", "عن", "[مستخدم]"]),
    ("(@فلان)", ["[بريد]"]),
    ("ftp://x", ["ftp", "[رابط]", "x"]),
    ("قال http", ["قال", "[رابط]"]),
    ("[رابط] سابق", ["[رابط]", "سابق"]),
    # HTML.
    ("سطر<br />آخر", ["سطر", "آخر"]),
    ('<p class="x">قال <b>ثم</b> مضى</p>', ["قال", "ثم", "مضى"]),
    ("نار &amp; دم", ["نار", "دم"]),
    ("&quot;قال&quot;&nbsp;ثم", ['"', "قال", '"', "ثم"]),
    ("&lt;b&gt;قال&lt;/b&gt;", ["قال"]),
    ("&amp;quot;", ["quot", ";"]),
    # Digits: apart from Arabic letters, not from Latin ones.
    ("5كم", ["5", "كم"]),
    ("كوفيد19", ["كوفيد", "19"]),
    ("12قال34", ["12", "قال", "34"]),
    ("طائرة F16 و2مركبة", ["طائرة", "F16", "و", "2", "مركبة"]),
    ("F16كم", ["F", "16", "كم"]),
    ("قال5hello", ["قال", "5", "hello"]),
    ("قالhello", ["قالhello"]),
    ("٣٥ قتيلا", ["35", "قتيلا"]),
    ("٢٠شخصا", ["20", "شخصا"]),
    ("10/5/2018", ["10", "-", "5", "-", "2018"]),
    ("1,234.5", ["1", ",", "234", ".", "5"]),
    ("1000000", ["1000000"]),
    # Persian digits and letters are outside the published list: each only cuts.
    ("۱۲ كم", ["كم"]),
    ("پاریس", ["ار", "س"]),
    # Punctuation stands alone and is kept as it is.
    ("«قال» “ثم” ‘لا’", ["«", "قال", "»", "“", "ثم", "”", "‘", "لا", "’"]),
    ("50% و٥٠٪", ["50", "%", "و", "50", "٪"]),
    ("(أ)[ب]{ج}", ["(", "أ", ")", "[", "ب", "]", "{", "ج", "}"]),
    ("قال: نعم؛ لا، لماذا؟", ["قال", ":", "نعم", "؛", "لا", "،", "لماذا", "؟"]),
    ("a_b-c", ["a", "_", "b", "-", "c"]),
    ("نعم/لا", ["نعم", "-", "لا"]),
    ("دمشق – حلب — حمص", ["دمشق", "–", "حلب", "—", "حمص"]),
    # Three or more of one character become two, digits excepted.
    ("هههههه", ["هه"]),
    ("عااااجل !!!!!", ["عااجل", "!", "!"]),
    ("الله", ["الله"]),
    ("////", ["-", "-"]),
    ("……… ...", ["…", "…", ".", "."]),
    # Emoji, invisible characters and other scripts only cut.
    ("سلام 🙂👍🏽 عليكم", ["سلام", "عليكم"]),
    ("سلام\ufe0f", ["سلام"]),
    ("\u200fقال\u200e \u202bثم\u202c", ["قال", "ثم"]),
    ("café", ["caf"]),
    ("€50 & £20", ["50", "20"]),
    ("\nسطر\r\nثان\t\u00a0ثالث\n\n", ["سطر", "ثان", "ثالث"]),
    ("", []),
]

# Where the published code loses text and this does not: it gives [], [], ["2"], ["أ", "ج"] for these.
ARABERT_KEEPS_MORE = [
    ("ﷺ", ["صلى", "الله", "عليه", "وسلم"]),
    ("ﺍﻟﻘﻮﺍﺕ", ["القوات"]),
    ("2 < 3 و4 > 1", ["2", "<", "3", "و", "4", ">", "1"]),
    ("أ < ب\n\nفقرة\n\n> ج", ["أ", "<", "ب", "فقرة", ">", "ج"]),
]

COMPACT = [
    ("قَصْفٌ", ["قصف"]),
    ("حـــي الشُّهَداءِ", ["حي", "الشهداء"]),
    ("أعلن إلى آخر ٱلله مسؤول", ["اعلن", "الى", "اخر", "الله", "مسؤول"]),
    ("ا\u0654علن", ["اعلن"]),
    ("هٰذا ۖ", ["هذا"]),
    ("ﷲ ﻻ ﷺ", ["الله", "لا", "صلى", "الله", "عليه", "وسلم"]),
    ("ﺍﻟﻘﻮﺍﺕ", ["القوات"]),
    ("كتاب\ufe70ا", ["كتابا"]),
    ("قص\u200cف \u200fقا\u200dل\u200e\u2066ثم\u2069", ["قصف", "قالثم"]),
    ("\ufeffقا\u00adل ❤\ufe0f", ["قال", "❤"]),
    ("قال\x00ثم\x1fلا\r\n\tنعم\u2028ثم", ["قال", "ثم", "لا", "نعم", "ثم"]),
    ("٣٥٪ ۱۲", ["35", "٪", "12"]),
    ("5كم كوفيد19 F-16 F16", ["5", "كم", "كوفيد", "19", "f", "-", "16", "f", "16"]),
    ("قالhello", ["قال", "hello"]),
    ("«قال» “ثم” „لا‟ ‹نعم›", ['"', "قال", '"', '"', "ثم", '"', '"', "لا", '"', '"', "نعم", '"']),
    ("‘لا’", ["'", "لا", "'"]),
    ("کردی پاریس", ["كردي", "پاريس"]),
    ("Reuters ÉTÉ İx", ["reuters", "été", "ix"]),
    ("10/5/2018 50%", ["10", "/", "5", "/", "2018", "50", "%"]),
    ("أ[ب](ج)…", ["ا", "[", "ب", "]", "(", "ج", ")", ".", ".", "."]),
    ("🙂👍🏽", ["🙂", "👍", "🏽"]),
    ("https://x.co", ["https", ":", "/", "/", "x", ".", "co"]),
    ("", []),
]

names = pytest.mark.parametrize("name", sorted(NORMALIZATIONS))

FRAGMENTS = [
    *["قصف", "حَيّ", "حـــي", "مدينة", "ﷺ", "ﻻ", "ﷲ", "ﺍﻟ", "\ufe76", "ا\u0654", "هٰ", "ٱ", "پ", "ی", "٣", "۱۲", "12"],
    *["F16", "é", "e\u0301", "İ", "½", "https://x.org/a?b=1", "www.", "x.com", "a@b.net", "@فلان", "@", "://", "http"],
    *[
        "<br />",
        "<b",
        ">",
        "&amp;",
        "&quot;",
        "&#1575;",
        "&",
        "[رابط]",
        "رابط]",
        "[",
        "]",
        "/",
        "...",
        "…",
        "!!!",
        "ههههه",
    ],
    *[
        "«",
        "»",
        "’",
        "🙂",
        "🇸🇾",
        "\u200d",
        "\u200f",
        "\ufe0f",
        "\ufdd0",
        "\ufdd1",
        "\x00",
        "\r\n",
        "\n",
        "\u00a0",
        "\U0010ffff",
    ],
]
# A lone surrogate is no text to `tokenizers`: it raises a TypeError.
characters = st.characters(exclude_categories=["Cs"])
texts = st.text() | st.lists(st.sampled_from(FRAGMENTS) | st.just(" ") | characters, max_size=30).map("".join)


@cache
def _tokenizer(name: str) -> Tokenizer:
    """A WordPiece tokenizer that knows every single letter and the placeholders."""
    pieces = ["[UNK]", *PLACEHOLDERS, *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    return normalized(Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]")), name)


def _words(name: str, text: str) -> list[str]:
    tokenizer = _tokenizer(name)
    return [word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))]


def _surfaces(name: str, text: str) -> list[str]:
    """The original characters of each word."""
    encoding = _tokenizer(name).encode(text)
    spans: dict[int, tuple[int, int]] = {}
    for word, (start, end) in zip(encoding.word_ids, encoding.offsets, strict=True):
        spans[word] = (spans.get(word, (start, end))[0], end)
    return [text[start:end] for start, end in spans.values()]


@pytest.mark.parametrize(("text", "words"), ARABERT)
def test_arabert_gives_the_words_of_the_published_preprocessing(text: str, words: list[str]) -> None:
    assert _words("arabert", text) == words


@pytest.mark.parametrize(("text", "words"), ARABERT_KEEPS_MORE)
def test_arabert_keeps_text_that_the_published_preprocessing_loses(text: str, words: list[str]) -> None:
    assert _words("arabert", text) == words


@pytest.mark.parametrize(("text", "words"), COMPACT)
def test_compact_gives_one_spelling(text: str, words: list[str]) -> None:
    assert _words("compact", text) == words


@pytest.mark.parametrize(
    ("name", "text", "surfaces"),
    [
        ("arabert", "زوروا (https://www.bbc.com/x) الآن", ["زوروا", "(", "https://www.bbc.com/x", ")", "الآن"]),
        ("arabert", "إلى فلان@موقع.كوم @فلان", ["إلى", "فلان@موقع.كوم", "@فلان"]),
        ("arabert", "في 5كم", ["في", "5", "كم"]),
        ("arabert", "ههههه ﷺ", ["ههههه", "ﷺ", "ﷺ", "ﷺ", "ﷺ"]),
        ("arabert", "<b>قَصْف</b>", ["قَصْف"]),
        ("compact", "قال ﷲ ﻻ", ["قال", "ﷲ", "ﻻ"]),
        ("compact", "\u200fأ\u200dحـد٣ …", ["أ\u200dحـد", "٣", "…", "…", "…"]),
        ("compact", "«ÉTÉ»", ["«", "ÉTÉ", "»"]),
    ],
)
def test_words_point_to_their_original_characters(name: str, text: str, surfaces: list[str]) -> None:
    assert _surfaces(name, text) == surfaces


@names
@pytest.mark.parametrize(
    ("text", "span"),
    [
        # From the first letter to the last letter: a mark after that one is outside.
        ("قَصْفٌ", (0, 5)),
        ("حـــي", (0, 5)),
        ("\u064eقَصـْـفـ", (1, 8)),
    ],
)
def test_a_marked_word_is_known_and_covered_to_its_last_letter(name: str, text: str, span: tuple[int, int]) -> None:
    encoding = _tokenizer(name).encode(text)
    assert "[UNK]" not in encoding.tokens
    assert (encoding.offsets[0][0], encoding.offsets[-1][1]) == span


def test_an_address_is_one_piece_of_the_vocabulary() -> None:
    text = "نقل https://www.bbc.com/x عن @فلان"
    encoding = _tokenizer("arabert").encode(text)
    found = [(piece, text[start:end]) for piece, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True)]
    assert [pair for pair in found if pair[0].startswith("[")] == [
        ("[رابط]", "https://www.bbc.com/x"),
        ("[مستخدم]", "@فلان"),
    ]


@names
@settings(deadline=None)
@given(text=texts)
def test_offsets_stay_inside_the_text_and_in_order(name: str, text: str) -> None:
    offsets = _tokenizer(name).encode(text).offsets
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets, key=lambda span: span[0])


@pytest.mark.parametrize(
    ("name", "text"), [*(("arabert", row[0]) for row in ARABERT), *(("compact", row[0]) for row in COMPACT)]
)
def test_offsets_of_the_examples_stay_in_order(name: str, text: str) -> None:
    offsets = _tokenizer(name).encode(text).offsets
    assert all(0 <= start < end <= len(text) for start, end in offsets)
    assert offsets == sorted(offsets, key=lambda span: span[0])


@names
@settings(deadline=None)
@given(st.lists(st.text(st.sampled_from("بتثجحخدذرزسشصضطظعغفقكلمنهوي" + MARKS), min_size=1, max_size=12), max_size=8))
def test_each_piece_is_its_original_characters_without_marks(name: str, words: list[str]) -> None:
    text = " ".join(words)
    text = re.sub(r"(\w)(?:[\u064B-\u0652\u0640]*\1)+", r"\1", text)  # repetition is collapsed by AraBERT's rules
    encoding = _tokenizer(name).encode(text)
    for piece, (start, end) in zip(encoding.tokens, encoding.offsets, strict=True):
        assert piece.removeprefix("##") == re.sub(f"[{MARKS}]", "", text[start:end])


@names
@settings(deadline=None)
@given(text=texts)
def test_a_saved_tokenizer_reads_the_same(name: str, text: str) -> None:
    saved = Tokenizer.from_str(_tokenizer(name).to_str())
    before, after = _tokenizer(name).encode(text), saved.encode(text)
    assert (after.tokens, after.offsets) == (before.tokens, before.offsets)


@names
@pytest.mark.parametrize(
    "run", ["ق", "1", "a", "قا", "1ق", "a.", "w", "http", "x@", ".@", "ab-", "&", "<", "<a", "[ر", "<b ", "\u064e"]
)
def test_a_long_unbroken_run_is_read_in_time(name: str, run: str) -> None:
    text = run * (50_000 // len(run))
    start = time.perf_counter()
    _tokenizer(name).encode(text)
    assert time.perf_counter() - start < 3


def test_the_given_tokenizer_is_left_as_it_was() -> None:
    own = Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    own.normalizer = normalizers.BertNormalizer()
    own.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    before = own.to_str()
    assert normalized(own, "compact").to_str() != before
    assert normalized(own, "none").to_str() == before
    assert own.to_str() == before


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(RasidError, match="'arabret' is not known; use one of: none, arabert, compact"):
        normalized(Tokenizer(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]")), "arabret")


@names
def test_a_normalization_knows_its_name_and_source(name: str) -> None:
    normalization = NORMALIZATIONS[name]()
    assert normalization.name == name
    assert normalization.source
