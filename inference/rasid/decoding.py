"""From the model's scores to entities and events.

Everything here is numpy, and it is the only decoding there is: evaluation scores exactly what is served.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rasid.document import Argument, Entity, Event
from rasid.errors import ModelError
from rasid.passages import Passage
from rasid.schema import Schema
from rasid.tokenizer import Ints, Reading, cut
from rasid.windows import Window, owners

Floats = npt.NDArray[np.float32]

# A model that has learned nothing can give every span of words: only so many are kept of a window, the best. Gold
# has one mention for two or three words.
_MOST_MENTIONS = 64
_MOST_MENTIONS_A_WORD = 3
_NO_LINKS = np.zeros((0, 3), dtype=np.int64)
_NO_LOGITS = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Scores:
    """What the model gives for one passage of ``w`` words and ``s`` spans, as logits.

    Types are the schema's entity types followed by its event types.

    Attributes:
        spans: ``[s, types]`` a mention of this type on the span.
        proclitics: ``[w, 3]`` how many leading letters of the word are proclitics.
        modality: ``[w, modalities]`` of the event whose trigger begins at the word.
        words: ``[w, hidden]`` the words' vectors, of whatever kind the backend takes when it is asked for links.
    """

    spans: Floats
    proclitics: Floats
    modality: Floats
    words: Any


@dataclass(frozen=True, slots=True)
class Ends:
    """What may be linked in one passage: its words count from the passage's own first.

    Attributes:
        triggers: ``[e]`` first word of each trigger.
        firsts, lasts: ``[f]`` first and last word of each filler, inclusive.
    """

    triggers: Ints
    firsts: Ints
    lasts: Ints


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
        self._role_names = schema.role_names
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

    def mentions(self, passage: Passage, scores: Scores) -> Mentions:
        """The mentions of one passage, without links as yet."""
        # Of a flat array: numpy searches one of two dimensions many times slower.
        spans, types = np.divmod(np.flatnonzero(scores.spans >= self._span_cutoffs), len(self._names))
        most = _MOST_MENTIONS + _MOST_MENTIONS_A_WORD * len(passage.window)
        if len(types) > most:
            margins = scores.spans[spans, types] - self._span_cutoffs[types]
            best = np.sort(np.argsort(-margins, kind="stable")[:most])
            spans, types = spans[best], types[best]
        firsts = passage.rows[spans]
        return Mentions(
            types=types,
            firsts=firsts + passage.window.start,
            lasts=passage.columns[spans] + passage.window.start,
            logits=scores.spans[spans, types],
            letters=scores.proclitics[firsts].argmax(axis=1),
            modality=scores.modality[firsts].argmax(axis=1),
            links=_NO_LINKS,
            link_logits=_NO_LOGITS,
        )

    def ends(self, passage: Passage, mentions: Mentions) -> Ends | None:
        """What may be linked in a passage; None where there is no trigger or nothing to link it to."""
        start = passage.window.start
        events = mentions.types >= self._entity_count
        triggers, fillers = np.flatnonzero(events), np.flatnonzero(~events)
        if not len(triggers) or not len(fillers) or not self.schema.roles:
            return None
        firsts, lasts = mentions.firsts - start, mentions.lasts - start
        return Ends(firsts[triggers], firsts[fillers], lasts[fillers])

    def linked(self, passage: Passage, mentions: Mentions, ends: Ends, logits: Floats) -> Mentions:
        """The mentions with the links whose role the schema allows, between an event and an entity of the same line.

        Args:
            passage: where they stand.
            mentions: its mentions.
            ends: what :meth:`ends` gave for them.
            logits: ``[e, f, roles]`` for these ends.
        """
        triggers = np.flatnonzero(mentions.types >= self._entity_count)
        fillers = np.flatnonzero(mentions.types < self._entity_count)
        e, a, role = np.unravel_index(np.flatnonzero(logits >= self._role_cutoffs), logits.shape)
        event_types, filler_types = mentions.types[triggers[e]] - self._entity_count, mentions.types[fillers[a]]
        same_line = passage.lines[ends.triggers[e]] == passage.lines[ends.firsts[a]]
        kept = same_line & self._allowed[event_types, filler_types, role]
        e, a, role = e[kept], a[kept], role[kept]
        links = np.stack([triggers[e], fillers[a], role], axis=1)
        return replace(mentions, links=links, link_logits=logits[e, a, role])

    def document(
        self, reading: Reading, windows: Sequence[Window], found: Sequence[Mentions]
    ) -> tuple[tuple[Entity, ...], tuple[Event, ...]]:
        """Entities and events of a whole reading from the mentions of its windows.

        Where windows overlap, a mention is taken from the one in which it stands farthest from the edges, and
        so is a link between two mentions: nothing is given twice or cut at a seam.
        """
        if not windows:
            return (), ()
        apart = all(before.stop <= after.start for before, after in itertools.pairwise(windows))
        merged = _joined(found) if apart else _merge(windows, found)
        probabilities = {
            head: self.calibration.probability(head, merged.logits).tolist() for head in ("entities", "events")
        }
        order = np.lexsort((merged.types, -merged.lasts, merged.firsts)).tolist()
        types, spans = merged.types.tolist(), self._spans(reading, merged)
        entities: dict[int, Entity] = {}
        for n in order:
            if types[n] < self._entity_count:
                start, end = spans[n]
                entities[n] = Entity(
                    f"t{len(entities) + 1}", self._names[types[n]], start, end, probabilities["entities"][n]
                )
        arguments = self._arguments(merged, entities)
        events: list[Event] = []
        for n in order:
            if types[n] >= self._entity_count:
                start, end = spans[n]
                events.append(
                    Event(
                        id=f"e{len(events) + 1}",
                        type=self._names[types[n]],
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
            argument = Argument(self._role_names[role], entities[filler].id, probabilities[k])
            arguments.setdefault(event, []).append(argument)
        return arguments

    def _spans(self, reading: Reading, mentions: Mentions) -> list[tuple[int, int]]:
        """Start and end of each mention in the text, without the proclitics of its first word."""
        words, ends = reading.words[mentions.firsts].tolist(), reading.words[mentions.lasts, 1].tolist()
        return [
            (cut(reading.text, start, stop, letters) if letters else start, end)
            for (start, stop), letters, end in zip(words, mentions.letters.tolist(), ends, strict=True)
        ]


def _joined(found: Sequence[Mentions]) -> Mentions:
    """One set of mentions from windows that do not overlap."""
    if len(found) == 1:
        return found[0]
    starts = itertools.accumulate((len(mentions.types) for mentions in found), initial=0)
    columns = {f.name: [getattr(mentions, f.name) for mentions in found] for f in fields(Mentions)}
    columns["links"] = [
        np.add(links, (start, start, 0)) for links, start in zip(columns["links"], starts, strict=False)
    ]
    return Mentions(**{name: np.concatenate(parts) for name, parts in columns.items()})


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
