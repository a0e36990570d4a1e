"""From the model's scores to entities and events.

Everything here is numpy, and it is the only decoding there is: evaluation scores exactly what is served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rasid.document import Argument, Entity, Event
from rasid.errors import ModelError
from rasid.schema import Schema
from rasid.tokenizer import Ints, Reading, cut
from rasid.windows import Window, owners

Floats = npt.NDArray[np.float32]

# A model that has learned nothing can give every span of words: only so many are kept of a window, the best. Gold
# has one mention for two or three words.
_MOST_MENTIONS = 64
_MOST_MENTIONS_A_WORD = 3


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model's graph gives for one window of ``w`` words, as logits.

    Types are the schema's entity types followed by its event types.

    Attributes:
        spans: ``[types, w, w]`` a mention of this type from a first to a last word.
        proclitics: ``[w, 3]`` how many leading letters of the word are proclitics.
        modality: ``[w, modalities]`` of the event whose trigger begins at the word.
        roles_first: ``[roles, w, w]`` trigger's first word by filler's first word, and
        roles_last: ``[roles, w, w]`` trigger's first word by filler's last word: their sum is the role's logit.
    """

    spans: Floats
    proclitics: Floats
    modality: Floats
    roles_first: Floats
    roles_last: Floats


@dataclass(frozen=True, slots=True)
class Calibration:
    """Logit to probability, ``sigmoid(scale * logit + offset)``, and the probability from which one is kept.

    Platt scaling (Platt 1999). ``thresholds`` maps a type's or role's name to a probability; a name that is
    not there has 0.5.
    """

    scales: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form."""
        try:
            return cls(
                scales={str(k): (float(v[0]), float(v[1])) for k, v in data.get("scales", {}).items()},
                thresholds={str(k): float(v) for k, v in data.get("thresholds", {}).items()},
            )
        except (TypeError, ValueError, IndexError, AttributeError) as problem:
            raise ModelError(
                f"calibration {data!r:.80} is damaged ({problem}); expected 'scales' and 'thresholds'; "
                "export the model again"
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"scales": {k: list(v) for k, v in self.scales.items()}, "thresholds": dict(self.thresholds)}

    def probability(self, head: str, logits: Floats) -> Floats:
        """Calibrated probabilities of the head ``entities``, ``events`` or ``roles``; any shape."""
        scale, offset = self.scales.get(head, (1.0, 0.0))
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scale * logits + offset, -30, 30))), dtype=np.float32)

    def at(self, threshold: float, names: Sequence[str]) -> Self:
        """The same probabilities with one threshold for all ``names``.

        Raises:
            ModelError: the threshold is no probability.
        """
        if not 0 <= threshold <= 1:
            raise ModelError(f"threshold {threshold} is no probability; give one in 0 to 1")
        return replace(self, thresholds=dict.fromkeys(names, threshold))

    def cutoffs(self, head: str, names: Sequence[str]) -> Floats:
        """``[names]`` the logit from which each is kept."""
        scale, offset = self.scales.get(head, (1.0, 0.0))
        thresholds = np.clip([self.thresholds.get(name, 0.5) for name in names], 1e-6, 1 - 1e-6)
        return np.asarray((np.log(thresholds / (1 - thresholds)) - offset) / scale, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Mentions:
    """The mentions found in one window and the links between them; words count from the start of the reading.

    Attributes:
        types: ``[n]`` index into entity types followed by event types.
        firsts, lasts: ``[n]`` first and last word, inclusive.
        logits: ``[n]``.
        letters: ``[n]`` proclitic letters to cut from the first word.
        modality: ``[n]`` index into the modalities, of use for triggers.
        links: ``[k, 3]`` number of the trigger, number of the filler, index of the role.
        link_logits: ``[k]``.
    """

    types: Ints
    firsts: Ints
    lasts: Ints
    logits: Floats
    letters: Ints
    modality: Ints
    links: Ints
    link_logits: Floats


class Decoder:
    """Turns scores into entities and events under one schema and calibration."""

    def __init__(self, schema: Schema, calibration: Calibration) -> None:
        self.schema = schema
        self.calibration = calibration
        self._names = schema.entity_types + schema.event_types
        self._entity_count = len(schema.entity_types)
        self._span_cutoffs = np.concatenate(
            [
                calibration.cutoffs("entities", schema.entity_types),
                calibration.cutoffs("events", schema.event_types),
            ]
        )
        self._role_cutoffs = calibration.cutoffs("roles", schema.role_names)
        self._allowed = np.array(
            [
                [[schema.allows(event, role, entity) for role in schema.role_names] for entity in schema.entity_types]
                for event in schema.event_types
            ],
            dtype=bool,
        ).reshape(len(schema.event_types), self._entity_count, len(schema.roles))

    def mentions(self, reading: Reading, window: Window, scores: Scores) -> Mentions:
        """The mentions of one window and the links between them."""
        types, firsts, lasts = np.nonzero(scores.spans >= self._span_cutoffs[:, None, None])
        lines = reading.paragraphs[window.start : window.stop]
        kept = (firsts <= lasts) & (lines[firsts] == lines[lasts])
        types, firsts, lasts = types[kept], firsts[kept], lasts[kept]
        most = _MOST_MENTIONS + _MOST_MENTIONS_A_WORD * len(window)
        if len(types) > most:
            margins = scores.spans[types, firsts, lasts] - self._span_cutoffs[types]
            best = np.sort(np.argsort(-margins, kind="stable")[:most])
            types, firsts, lasts = types[best], firsts[best], lasts[best]
        links, link_logits = self._links(types, firsts, lasts, lines, scores)
        return Mentions(
            types=types,
            firsts=firsts + window.start,
            lasts=lasts + window.start,
            logits=scores.spans[types, firsts, lasts],
            letters=scores.proclitics[firsts].argmax(axis=1),
            modality=scores.modality[firsts].argmax(axis=1),
            links=links,
            link_logits=link_logits,
        )

    def _links(self, types: Ints, firsts: Ints, lasts: Ints, lines: Ints, scores: Scores) -> tuple[Ints, Floats]:
        """The links of one window: an event and an entity of the same line, a role that the schema allows."""
        triggers = np.flatnonzero(types >= self._entity_count)
        fillers = np.flatnonzero(types < self._entity_count)
        e, a = np.nonzero(lines[firsts[triggers]][:, None] == lines[firsts[fillers]][None, :])
        e, a = triggers[e], fillers[a]
        # [roles, pairs]; a graph has one row even where the schema has no role
        count = len(self.schema.roles)
        logits = scores.roles_first[:count, firsts[e], firsts[a]] + scores.roles_last[:count, firsts[e], lasts[a]]
        allowed = self._allowed[types[e] - self._entity_count, types[a]].T
        role, pair = np.nonzero(allowed & (logits >= self._role_cutoffs[:, None]))
        return np.stack([e[pair], a[pair], role], axis=1), logits[role, pair]

    def document(
        self, reading: Reading, windows: Sequence[Window], found: Sequence[Mentions]
    ) -> tuple[tuple[Entity, ...], tuple[Event, ...]]:
        """Entities and events of a whole reading from the mentions of its windows.

        Where windows overlap, a mention is taken from the one in which it stands farthest from the edges, and
        so is a link between two mentions: nothing is given twice or cut at a seam.
        """
        if not windows:
            return (), ()
        merged = found[0] if len(windows) == 1 else _merge(windows, found)
        probabilities = {
            head: self.calibration.probability(head, merged.logits).tolist() for head in ("entities", "events")
        }
        order = np.lexsort((merged.types, -merged.lasts, merged.firsts)).tolist()
        entities: dict[int, Entity] = {}
        for n in order:
            if merged.types[n] < self._entity_count:
                start, end = self._span(reading, merged, n)
                entities[n] = Entity(
                    f"t{len(entities) + 1}", self._names[merged.types[n]], start, end, probabilities["entities"][n]
                )
        arguments = self._arguments(merged, entities)
        events: list[Event] = []
        for n in order:
            if merged.types[n] >= self._entity_count:
                start, end = self._span(reading, merged, n)
                events.append(
                    Event(
                        id=f"e{len(events) + 1}",
                        type=self._names[merged.types[n]],
                        start=start,
                        end=end,
                        modality=self.schema.modalities[merged.modality[n]],
                        arguments=tuple(arguments.get(n, ())),
                        score=probabilities["events"][n],
                    )
                )
        return tuple(entities.values()), tuple(events)

    def _arguments(self, mentions: Mentions, entities: Mapping[int, Entity]) -> dict[int, list[Argument]]:
        """The arguments of each event (by its number), in the order of roles and of the text."""
        probabilities = self.calibration.probability("roles", mentions.link_logits).tolist()
        position = {n: place for place, n in enumerate(entities)}
        arguments: dict[int, list[Argument]] = {}
        links = [
            (event, role, position[filler], filler, k)
            for k, (event, filler, role) in enumerate(mentions.links.tolist())
        ]
        for event, role, _, filler, k in sorted(links):
            argument = Argument(self.schema.role_names[role], entities[filler].id, probabilities[k])
            arguments.setdefault(event, []).append(argument)
        return arguments

    def _span(self, reading: Reading, mentions: Mentions, n: int) -> tuple[int, int]:
        word = reading.words[mentions.firsts[n]]
        start = cut(reading.text, int(word[0]), int(word[1]), int(mentions.letters[n]))
        return start, int(reading.words[mentions.lasts[n]][1])


def _merge(windows: Sequence[Window], found: Sequence[Mentions]) -> Mentions:
    """One set of mentions from all windows, each mention and each link from the window that answers for it."""
    owned = [
        np.flatnonzero(_owned(windows, number, mentions.firsts, mentions.lasts))
        for number, mentions in enumerate(found)
    ]
    place: dict[tuple[int, int, int], int] = {}
    for mentions, chosen in zip(found, owned, strict=True):
        for n in chosen.tolist():
            place[_key(mentions, n)] = len(place)
    links: list[tuple[int, int, int]] = []
    link_logits: list[float] = []
    for number, mentions in enumerate(found):
        ends = mentions.links[:, :2]
        inside = _owned(windows, number, mentions.firsts[ends].min(axis=1), mentions.lasts[ends].max(axis=1))
        for k in np.flatnonzero(inside).tolist():
            event, filler, role = mentions.links[k].tolist()
            event, filler = place.get(_key(mentions, event), -1), place.get(_key(mentions, filler), -1)
            if event >= 0 and filler >= 0:
                links.append((event, filler, role))
                link_logits.append(float(mentions.link_logits[k]))

    def joined(name: str) -> Any:
        return np.concatenate([getattr(mentions, name)[chosen] for mentions, chosen in zip(found, owned, strict=True)])

    return Mentions(
        **{name: joined(name) for name in ("types", "firsts", "lasts", "logits", "letters", "modality")},
        links=np.array(links, dtype=np.int64).reshape(-1, 3),
        link_logits=np.array(link_logits, dtype=np.float32),
    )


def _owned(windows: Sequence[Window], number: int, firsts: Ints, lasts: Ints) -> npt.NDArray[np.bool_]:
    """Which of the mentions in window ``number`` it answers for. Only windows that overlap it need a look."""
    low = high = number
    while low > 0 and windows[low - 1].stop > windows[number].start:
        low -= 1
    while high + 1 < len(windows) and windows[high + 1].start < windows[number].stop:
        high += 1
    return np.asarray(owners(windows[low : high + 1], firsts, lasts) == number - low)


def _key(mentions: Mentions, n: int) -> tuple[int, int, int]:
    return int(mentions.types[n]), int(mentions.firsts[n]), int(mentions.lasts[n])
