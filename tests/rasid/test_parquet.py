"""Documents as rows of Parquet: what was written comes back, whatever part of it is asked for."""

from __future__ import annotations

import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rasid import parquet
from rasid.document import Argument, Document, Entity, Event
from rasid.errors import InputError, OutputError

from .strategies import articles

KEYS = st.sampled_from(["outlet", "words", "text_", "id2"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("قتل ab", max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    text = draw(articles | st.just(""))
    score = st.none() | st.floats(0, 1, width=32)
    spans = [sorted(draw(st.tuples(*[st.integers(0, len(text))] * 2))) for _ in range(draw(st.integers(0, 3)))]
    entities = tuple(Entity(f"t{n}", "LOC", *span, draw(score)) for n, span in enumerate(spans))
    events = tuple(
        Event(
            f"e{n}", "KILL", *span, "actual", tuple(Argument("PLACE", e.id, draw(score)) for e in entities), draw(score)
        )
        for n, span in enumerate(spans)
    )
    extra = draw(st.dictionaries(KEYS, VALUES, max_size=2))
    published, error = draw(st.sampled_from([None, "2018-03-20"])), draw(st.sampled_from([None, "not UTF-8"]))
    return Document(draw(st.text(max_size=5)), text, published, entities, events, error, extra)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_=st.lists(documents(), max_size=5), data=st.data())
def test_what_was_written_comes_back(tmp_path: Path, given_: list[Document], data: st.DataObject) -> None:
    path = tmp_path / "x.parquet"
    parquet.write(path, given_)
    assert parquet.rows(path) == len(given_)
    start = data.draw(st.integers(0, len(given_)))
    count = data.draw(st.none() | st.integers(0, len(given_) + 1))
    wanted = given_[start:] if count is None else given_[start : start + count]
    found = list(parquet.read(path, start, count))
    bare = [Document(d.id, d.text, d.published, error=d.error, extra=d.extra) for d in wanted]
    assert [Document.from_dict(data) for data in found] == bare
    assert [data.get("outlet") for data in found] == [d.extra.get("outlet") for d in wanted]
    assert list(parquet.read_predicted(path)) == given_
    assert [d.extra for d in parquet.read_predicted(path)] == [d.extra for d in given_]


def test_rows_over_many_groups(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    table = pa.table({"text": [f"قتل {n}" for n in range(1000)], "id": list(range(1000))})
    pq.write_table(table, path, row_group_size=70)
    for start, count in ((0, None), (0, 1), (69, 2), (70, 70), (333, 600), (999, 1), (999, 50), (1000, 5)):
        stop = 1000 if count is None else min(start + count, 1000)
        assert [row["id"] for row in parquet.read(path, start, count)] == [str(n) for n in range(start, stop)]


def test_columns_of_other_types_are_written_out(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    day = datetime.date(2018, 3, 20)
    pq.write_table(
        pa.table({"text": ["قتل"], "published": [day], "seen": [datetime.datetime(2018, 3, 21)], "n": [None]}), path
    )
    assert list(parquet.read(path)) == [{"text": "قتل", "published": "2018-03-20", "seen": "2018-03-21T00:00:00"}]


def test_a_lone_surrogate_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write(path, [Document("a", "\ud83d x", error="document '\udfff'", extra={"k": "\ud83d"})])
    assert list(parquet.read(path)) == [{"id": "a", "text": "\ufffd x", "error": "document '\ufffd'", "k": "\ud83d"}]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"no")
    with pytest.raises(InputError, match=r"x\.parquet: cannot be read as Parquet"):
        parquet.rows(path)
    pq.write_table(pa.table({"body": ["x"], "id": ["1"]}), path)
    with pytest.raises(InputError, match=r"has no column 'text' \(it has body, id\); name the column"):
        list(parquet.read(path))


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    parquet.write(path, [Document("a", "قتل")])
    before = path.read_bytes()

    def broken() -> object:
        yield Document("b", "قتل")
        raise OSError("disk full")

    with pytest.raises(OutputError, match="cannot be written"):
        parquet.write(path, broken())  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["x.parquet"]
