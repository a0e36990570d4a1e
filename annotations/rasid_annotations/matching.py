"""Matching: how many facts of one document two annotations share, strictly or where their spans overlap."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rasid_annotations.facts import Fact


@dataclass(frozen=True, slots=True)
class Counts:
    """Facts of the gold, of the prediction, and matched between them.

    Where a denominator is zero, precision, recall and F1 are 0.0; ``gold`` and ``predicted`` tell such a zero from
    a real one.
    """

    matched: int = 0
    gold: int = 0
    predicted: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.matched + other.matched, self.gold + other.gold, self.predicted + other.predicted)

    @property
    def precision(self) -> float:
        """Share of the predicted facts that are matched, in 0 to 1."""
        return self.matched / self.predicted if self.predicted else 0.0

    @property
    def recall(self) -> float:
        """Share of the gold facts that are matched, in 0 to 1."""
        return self.matched / self.gold if self.gold else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall, in 0 to 1."""
        return 2 * self.matched / (self.gold + self.predicted) if self.gold + self.predicted else 0.0


Matcher = Callable[[Collection[Fact], Collection[Fact]], int]


def count_by_kind(gold: Collection[Fact], predicted: Collection[Fact], matcher: Matcher) -> dict[str, Counts]:
    """Counts per entity type, event type or role of one document's facts, matched label by label."""
    gold_groups, predicted_groups = _by_label(gold), _by_label(predicted)
    counts: dict[str, Counts] = defaultdict(Counts)
    for label in gold_groups.keys() | predicted_groups.keys():
        ours, theirs = gold_groups.get(label, []), predicted_groups.get(label, [])
        counts[label[-1]] += Counts(matcher(ours, theirs), len(ours), len(theirs))
    return dict(counts)


def _by_label(facts: Iterable[Fact]) -> Mapping[tuple[str, ...], list[Fact]]:
    groups: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[fact.label].append(fact)
    return groups


def strict_matches(gold: Collection[Fact], predicted: Collection[Fact]) -> int:
    """How many facts are the same: label and exact spans."""
    return len(set(gold) & set(predicted))


def relaxed_matches(gold: Collection[Fact], predicted: Collection[Fact]) -> int:
    """The size of a maximum one-to-one matching of facts with one label whose spans overlap, span by span.

    One long prediction over three gold mentions matches one of them, not three, and no order of the facts can
    change the number.
    """
    columns = list(predicted)
    return maximum_matching([[i for i, other in enumerate(columns) if _overlaps(fact, other)] for fact in gold])


def _overlaps(one: Fact, other: Fact) -> bool:
    return one.label == other.label and all(
        max(a, c) < min(b, d) for (a, b), (c, d) in zip(one.spans, other.spans, strict=True)
    )


def maximum_matching(edges: Sequence[Sequence[int]]) -> int:
    """The size of a maximum matching of a bipartite graph; ``edges[row]`` lists the columns of a row.

    Augmenting paths found breadth first (Kuhn 1955), without recursion: a path may be as long as the graph.
    """
    row_of: dict[int, int] = {}  # column -> row, and the reverse of it
    column_of: dict[int, int] = {}
    for root in range(len(edges)):
        came_from: dict[int, int] = {}  # column -> the row from which the search reached it
        queue, free = deque([root]), None
        while queue and free is None:
            row = queue.popleft()
            for column in edges[row]:
                if column not in came_from:
                    came_from[column] = row
                    if column not in row_of:
                        free = column
                        break
                    queue.append(row_of[column])
        # Turn the path over: each row on it takes the column by which the search left it.
        while free is not None:
            row = came_from[free]
            left = column_of.get(row)
            row_of[free], column_of[row] = row, free
            free = left
    return len(row_of)
