"""Articles written for these tests, their annotations, and generated documents."""

from __future__ import annotations

from hypothesis import strategies as st

from rasid.document import Argument, Document, Entity, Event
from rasid_annotations.corpus import load_schema
from rasid_annotations.notation import parse

SCHEMA = load_schema()

TEXT = (
    "قُتل 7 مدنيين بقصف على سوق مدينة الزهراء مساء الأحد، وفق مصدر طبي.\n"
    "\n"
    "وقال المركز المحلي للرصد إن فصيل “نسور الجبل” سيطر على حاجز الوادي بعد اشتباكات مع قوات الحكومة قرب الوادي، "
    "وإن الفصيل أسر 140جنديا ولم ينسحب.\n"
    "وتحاصر قوات الحكومة الزهراء."
)
ARTICLE = Document(id="zahra", text=TEXT, published="2021-05-03", extra={"outlet": "tests"})

WRITTEN = """\
# doc zahra
P 1
T 1 QUANTITY 7
T 2 PEOPLE مدنيين
T 3 FAC سوق مدينة الزهراء
# the name inside is a mention of its own
T 4 LOC مدينة الزهراء
T 5 DATE مساء الأحد
T 6 PEOPLE مصدر طبي
E 1 KILL actual قُتل | COUNT=1 PATIENT=2 PLACE=3 TIME=5 SOURCE=6
E 2 STRIKE actual قصف | PATIENT=3 TIME=5 SOURCE=6

P 2
T 1 ORG المركز المحلي للرصد
T 2 ARMED فصيل “نسور الجبل”
T 3 FAC حاجز الوادي
T 4 ARMED قوات الحكومة
T 5 ORG الحكومة
T 6 LOC@2 الوادي
T 7 ARMED الفصيل
T 8 QUANTITY 140
T 9 PEOPLE جنديا
E 1 SEIZE actual سيطر | AGENT=2 PATIENT=3 SOURCE=1
E 2 ATTACK actual اشتباكات | AGENT=2 AGENT=4 PLACE=6 SOURCE=1
E 3 DETAIN actual أسر | AGENT=7 COUNT=8 PATIENT=9 SOURCE=1
E 4 MOVE negated ينسحب | AGENT=7 SOURCE=1
P 3
T 1 ARMED قوات الحكومة
T 2 ORG الحكومة
T 3 LOC الزهراء
E 1 BESIEGE actual تحاصر | AGENT=1 PATIENT=3
"""


def sample() -> Document:
    """The annotated article; it is right in every respect."""
    return parse(WRITTEN, {ARTICLE.id: ARTICLE}, SCHEMA, "zahra.ann")


def entity(name: str, kind: str, start: int, end: int, score: float | None = None) -> Entity:
    return Entity(id=name, type=kind, start=start, end=end, score=score)


def event(
    name: str,
    kind: str,
    start: int,
    end: int,
    *arguments: tuple[str, str],
    modality: str = "actual",
    score: float | None = None,
) -> Event:
    links = tuple(Argument(role, target) for role, target in arguments)
    return Event(id=name, type=kind, start=start, end=end, modality=modality, arguments=links, score=score)


def document(*items: Entity | Event, name: str = "d", text: str = "x" * 100) -> Document:
    return Document(
        id=name,
        text=text,
        entities=tuple(item for item in items if isinstance(item, Entity)),
        events=tuple(item for item in items if isinstance(item, Event)),
    )


GENERATED_TEXT = "قتل جندي، وجرح ٣ في دمشق\nو“نسور الجبل” بحلب 😀 ok"
_scores = st.none() | st.floats(0, 1)


@st.composite
def _spans(draw: st.DrawFn) -> tuple[int, int]:
    start = draw(st.integers(0, len(GENERATED_TEXT) - 1))
    return start, draw(st.integers(start + 1, len(GENERATED_TEXT)))


@st.composite
def documents(draw: st.DrawFn, name: str = "g") -> Document:
    """Any entities, events and arguments over one text, repeated facts and all overlaps included."""
    entities = tuple(
        Entity(f"t{number}", draw(st.sampled_from(("LOC", "ARMED"))), *draw(_spans()), draw(_scores))
        for number in range(draw(st.integers(0, 5)))
    )
    fillers = st.sampled_from([item.id for item in entities]) if entities else st.nothing()
    arguments = st.lists(st.builds(Argument, st.sampled_from(("AGENT", "PLACE")), fillers, _scores), max_size=3)
    events = tuple(
        Event(
            f"e{number}",
            draw(st.sampled_from(("KILL", "STRIKE"))),
            *draw(_spans()),
            modality=draw(st.sampled_from(("actual", "negated"))),
            arguments=tuple(draw(arguments)) if entities else (),
            score=draw(_scores),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    return Document(name, GENERATED_TEXT, entities=entities, events=events)


@st.composite
def corpora(draw: st.DrawFn) -> list[Document]:
    """Two to three generated documents."""
    return [draw(documents(name=f"g{number}")) for number in range(draw(st.integers(2, 3)))]
