"""Selection: which articles of a pool are annotated, and which split each belongs to.

Articles are drawn one after another, each the one among those left whose outlet, month, country and kinds of events
the chosen lack most. What is common in the pool is chosen more often than what is rare, by the square root of how often
it occurs there. Of articles that tell one report only one is drawn, so that no report stands in two splits.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from rasid.document import Document
from rasid.errors import InputError, RasidError
from rasid_annotations.duplicates import groups

_CANDIDATES = 400  # looked at for each draw: the choice stays a sample


class SelectionError(RasidError, ValueError):
    """A selection cannot be made; the message names the key or the split and the remedy."""


@dataclass(frozen=True)
class Split:
    """A part of the selection.

    Attributes:
        articles: how many are wanted.
        outlets, months: what articles it is drawn from: of one of the outlets, or published in one of the months
            (``2018-09``). No other split gets these. Without either it is drawn from all that no split claims and no
            split before it has drawn.
        include: ids of articles that belong to it in any case, whatever their length.
        density: words that tell of the values of the stratum ``event``, to each hundred words, that an article must
            have at least: more of them, more events for the same reading.
    """

    articles: int
    outlets: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    density: float = 0.0

    @property
    def open(self) -> bool:
        """Whether it is drawn from what no split claims."""
        return not self.outlets and not self.months

    def claims(self, article: Document) -> bool:
        """Whether the article is of an outlet or month that this split keeps to itself."""
        return article.extra.get("outlet") in self.outlets or (article.published or "")[:7] in self.months


@dataclass(frozen=True)
class Plan:
    """What to select.

    Attributes:
        seed: of the order in which articles are looked at.
        words: the least and the most that an article may have.
        splits: by name; an article belongs to the first that claims it.
        strata: for each trait (``country``, ``event``) its values, each with words that tell of it. Of ``single``
            traits an article has the value that is told of most, of others all that are told of.
        single: traits of which an article has one value.
    """

    seed: int
    words: tuple[int, int]
    splits: dict[str, Split]
    strata: dict[str, dict[str, tuple[str, ...]]]
    single: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selected:
    """An article that was drawn.

    Attributes:
        id: of the article.
        split: its name.
        traits: values of each stratum.
    """

    id: str
    split: str
    traits: dict[str, list[str]]


def load_plan(path: Path) -> Plan:
    """Read a plan from YAML in the form of :class:`Plan`.

    Raises:
        InputError: the file cannot be read.
        SelectionError: a key is missing, unknown or of the wrong form.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError(f"{path}: cannot be read as YAML ({' '.join(str(problem).split())})") from None
    try:
        least, most = data["words"]
        plan = Plan(
            seed=int(data["seed"]),
            words=(int(least), int(most)),
            splits={name: _split(keys) for name, keys in data["splits"].items()},
            strata={
                trait: {value: tuple(words) for value, words in values.items()}
                for trait, values in data.get("strata", {}).items()
            },
            single=tuple(data.get("single", ())),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as problem:
        raise SelectionError(
            f"{path}: expected the keys seed, words (least, most), splits and strata as in annotations/selection.yaml; "
            f"found a mistake at {problem}"
        ) from None
    unknown = set(data) - {"seed", "words", "splits", "strata", "single"}
    if unknown:
        raise SelectionError(f"{path}: unknown key {sorted(unknown)[0]!r}; remove it")
    return plan


def _split(keys: Mapping[str, Any]) -> Split:
    lists = {name: tuple(map(str, keys.get(name, ()))) for name in ("outlets", "months", "include")}
    unknown = set(keys) - {"articles", "density", *lists}
    if unknown:
        raise KeyError(sorted(unknown)[0])
    return Split(articles=int(keys["articles"]), density=float(keys.get("density", 0)), **lists)


def select(articles: Sequence[Document], plan: Plan) -> list[Selected]:
    """Draw articles.

    Args:
        articles: the pool; ``outlet`` stands among the extra keys.
        plan: what to draw.

    Returns:
        The chosen ones, split by split, in the order in which they were drawn; the same for the same pool and plan,
        whatever the pool's order.

    Raises:
        SelectionError: an article to be included is not in the pool, or a split cannot be filled.
    """
    pool = sorted(articles, key=lambda article: article.id)
    random.Random(plan.seed).shuffle(pool)
    by_id = {article.id: article for article in pool}
    reports = groups([a.text for a in pool], [_date(a.published) for a in pool])
    report = {article.id: group for article, group in zip(pool, reports, strict=True)}
    traits = {article.id: _traits(article, plan) for article in pool}
    for name, split in plan.splits.items():
        missing = [article for article in split.include if article not in by_id]
        if missing:
            raise SelectionError(f"splits.{name}.include: no article {missing[0]!r} in the pool; mend the id")
    told = {report[article] for split in plan.splits.values() for article in split.include}  # reports that are chosen
    chosen: list[Selected] = []
    home = {article.id: _home(article, plan) for article in pool}
    for name, split in plan.splits.items():
        counts: dict[str, Counter[str]] = {}
        drawn = [by_id[article] for article in split.include]
        left = [a for a in pool if home[a.id] == name or (home[a.id] is None and split.open)]
        left = [a for a in left if a.id not in split.include and _fits(a, plan)]
        left = [a for a in left if not split.density or _density(a, plan) >= split.density]
        shares = _shares([traits[article.id] for article in left])
        for article in drawn:
            _count(counts, traits[article.id])
        while len(drawn) < split.articles:
            left = [article for article in left if report[article.id] not in told]
            if not left:
                raise SelectionError(
                    f"splits.{name}: {split.articles} articles are wanted, {len(drawn)} can be had; ask for fewer, or "
                    "give it more outlets or months"
                )
            best = max(left[:_CANDIDATES], key=lambda article: _lack(counts, shares, traits[article.id]))
            drawn.append(best)
            told.add(report[best.id])
            _count(counts, traits[best.id])
        chosen += [Selected(article.id, name, traits[article.id]) for article in drawn]
    return chosen


def _home(article: Document, plan: Plan) -> str | None:
    """The split that an article belongs to; None leaves it to the open ones."""
    for name, split in plan.splits.items():
        if article.id in split.include:
            return name
    return next((name for name, split in plan.splits.items() if split.claims(article)), None)


def _density(article: Document, plan: Plan) -> float:
    words = {word for words in plan.strata.get("event", {}).values() for word in words}
    return 100 * sum(article.text.count(word) for word in words) / len(article.text.split())


def _fits(article: Document, plan: Plan) -> bool:
    return plan.words[0] <= len(article.text.split()) <= plan.words[1]


def _traits(article: Document, plan: Plan) -> dict[str, list[str]]:
    found = {"outlet": [str(article.extra.get("outlet"))], "month": [(article.published or "")[:7]]}
    for trait, values in plan.strata.items():
        told = {value: sum(article.text.count(word) for word in words) for value, words in values.items()}
        present = [value for value, times in told.items() if times]
        if trait in plan.single:
            present = [max(present, key=lambda value: told[value])] if present else []
        found[trait] = present or ["other"]
    return found


def _count(counts: dict[str, Counter[str]], traits: dict[str, list[str]]) -> None:
    for trait, values in traits.items():
        counts.setdefault(trait, Counter()).update(values)


def _shares(articles: Sequence[dict[str, list[str]]]) -> dict[str, dict[str, float]]:
    """The share that each value of a trait should have among the chosen."""
    counts: dict[str, Counter[str]] = {}
    for traits in articles:
        _count(counts, traits)
    roots = {trait: {value: math.sqrt(n) for value, n in values.items()} for trait, values in counts.items()}
    return {
        trait: {value: root / sum(values.values()) for value, root in values.items()} for trait, values in roots.items()
    }


def _lack(counts: dict[str, Counter[str]], shares: dict[str, dict[str, float]], traits: dict[str, list[str]]) -> float:
    """How much the values of an article are lacking among the chosen."""
    return sum(
        sum(shares[trait][value] / (1 + counts.get(trait, Counter())[value]) for value in values) / len(values)
        for trait, values in traits.items()
    )


def _date(published: str | None) -> date | None:
    try:
        return date.fromisoformat((published or "")[:10])
    except ValueError:
        return None
