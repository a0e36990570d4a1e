"""Articles that tell one report."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from rasid_annotations.duplicates import groups

RAID = "قصفت طائرات حربية مساء أمس سوق مدينة الزهراء وقتل سبعة مدنيين بحسب مصدر طبي في مشفى المدينة"
REWRITE = "قال مصدر طبي إن سبعة مدنيين قتلوا مساء أمس بعد أن قصفت طائرات سوق مدينة الزهراء"
OTHERS = [
    "وقعت الحكومة وفصائل المعارضة اتفاق هدنة في العاصمة برعاية دولية",
    "نزح آلاف السكان من قرى الجنوب نحو الحدود خوفا من تقدم القوات",
    "أعلن البرلمان تأجيل جلسة التصويت على قانون الانتخابات إلى الأسبوع المقبل",
    "ارتفعت أسعار النفط في الأسواق العالمية بعد تصريحات وزير الطاقة",
]
DAY = date(2021, 5, 3)


def test_a_copy_is_found_whenever_it_appeared() -> None:
    assert groups([RAID, *OTHERS, RAID + " ."], [DAY] * 5 + [DAY + timedelta(90)]) == [0, 1, 2, 3, 4, 0]
    assert groups([RAID, *OTHERS, RAID], [None] * 6) == [0, 1, 2, 3, 4, 0]


def test_a_rewrite_is_found_within_three_days() -> None:
    texts = [*OTHERS, RAID, REWRITE]
    assert groups(texts, [DAY] * 5 + [DAY + timedelta(3)]) == [0, 1, 2, 3, 4, 4]
    assert groups(texts, [DAY] * 5 + [DAY - timedelta(4)]) == [0, 1, 2, 3, 4, 5]
    assert groups(texts, [DAY] * 5 + [None]) == [0, 1, 2, 3, 4, 5]


def test_spelling_and_marks_do_not_hide_a_copy() -> None:
    spelt = RAID.replace("أ", "ا").replace("ة", "ه").replace("قصفت", "قَصَفَتْ").replace("سوق", "ســوق")
    assert groups([*OTHERS, RAID, spelt], [None] * 6)[-1] == 4


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([RAID, REWRITE, *OTHERS, "", "قتل"]) | st.text(max_size=20), max_size=12))
def test_each_group_is_named_by_its_first_article(texts: list[str]) -> None:
    found = groups(texts, [DAY] * len(texts))
    assert all(found[first] == first and first <= place for place, first in enumerate(found))
    for place, text in enumerate(texts):
        if any(letter.isalnum() for letter in text):
            assert found[texts.index(text)] == found[place]
