"""Texts for property tests: Arabic with everything that news sites leave in it, and arbitrary Unicode."""

from __future__ import annotations

from hypothesis import strategies as st

ARABIC = "اأإآبتثجحخدذرزسشصضطظعغفقكلمنهويىةءؤئ"
PROCLITICS = "وفبلك"
MARKS = "\u064b\u064e\u0651\u0652\u0670\u0640"
CONTROLS = "\u200b\u200c\u200d\u200e\u200f\u202a\u202c\u2066\u2067\u2069\ufeff\u00ad\u061c"
OTHER = "abZ09٠٩۵ \t\n\r\u00a0\u2028\u2029،؛؟.-()«»“”😀👩🏽\u0301é_²ﷺﻻ<>&;"

_any_character = st.characters(exclude_categories=["Cs"])
_runs = st.one_of(
    st.text(st.sampled_from(ARABIC + PROCLITICS * 3), min_size=1, max_size=4),
    st.sampled_from(MARKS + CONTROLS),
    st.sampled_from(OTHER),
    _any_character,
)
# Joined, not st.text over one alphabet: that would draw from all of Unicode alike, hardly ever an Arabic letter.
texts = st.lists(_runs, max_size=40).map("".join) | st.text(_any_character, max_size=60)
texts_with_surrogates = st.lists(_runs | st.characters(categories=["Cs"]), max_size=30).map("".join)

_LETTERS = st.sampled_from(ARABIC)
arabic_words = st.builds(
    lambda proclitics, letters: proclitics + letters,
    st.sampled_from(["", "", "", "و", "ف", "ب", "ل", "ك", "وب", "فل"]),
    st.text(_LETTERS, min_size=1, max_size=5),
)
paragraphs = st.lists(
    st.one_of(arabic_words, st.sampled_from(["12", "،", "دمشق،", "“قتل”", "Twitter", "قَتَلَ", "20م."])),
    min_size=1,
    max_size=40,
)
articles = st.lists(paragraphs, min_size=1, max_size=5).map(lambda ps: "\r\n".join(" ".join(words) for words in ps))
