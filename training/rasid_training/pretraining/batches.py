"""Batches: sequences of shards, packed without padding, with whole words hidden.

Every batch follows from the settings and the number of its step alone, so a run that is continued sees what it would
have seen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rasid_training.pretraining.settings import Pretraining, Stage
from rasid_training.pretraining.shards import Corpus
from rasid_training.vocabulary import SPECIAL_PIECES

_DEVELOPMENT = 2**31  # seeds what hides words of the development part, whatever the seed of the run is
_KEPT, _OTHER = 0.1, 0.1  # of the hidden pieces: left as they are, replaced by another (Devlin et al. 2019)


@dataclass(frozen=True, slots=True)
class Batch:
    """Sequences with hidden pieces.

    Attributes:
        pieces: int64, shape (sequences, length): what the encoder reads.
        first: int64, shape (sequences,): the position of each sequence's first piece.
        hidden: int64, shape (hidden,): places in the flattened ``pieces`` to be guessed, ascending.
        targets: int64, shape (hidden,): what stands there.
        words: how many words are hidden.
    """

    pieces: np.ndarray
    first: np.ndarray
    hidden: np.ndarray
    targets: np.ndarray
    words: int


class Batches:
    """The batches of a run."""

    def __init__(self, corpus: Corpus, settings: Pretraining) -> None:
        self._corpus = corpus
        self._settings = settings
        self._begin, self._end, self._mask = map(corpus.number, ("[CLS]", "[SEP]", "[MASK]"))
        self._specials = np.zeros(2**16, dtype=bool)
        self._specials[[corpus.number(name) for name in SPECIAL_PIECES]] = True
        self._ends = [int(stage.until * self.steps) for stage in settings.stages]  # steps at which the stages end
        self._order = lru_cache(maxsize=2)(self._shuffled)

    @property
    def steps(self) -> int:
        """How many there are."""
        return self._settings.optimization.steps

    def stage(self, step: int) -> tuple[int, Stage]:
        """The stage of a step, and its number."""
        number = min(bisect_right(self._ends, step), len(self._ends) - 1)
        return number, self._settings.stages[number]

    def rate(self, step: int) -> float:
        """Share of pieces to hide at a step."""
        masking = self._settings.masking
        return masking.first + (masking.last - masking.first) * step / max(1, self.steps - 1)

    def at(self, step: int) -> list[Batch]:
        """What is read for one step of the optimizer, in parts that go through the encoder at once."""
        number, stage = self.stage(step)
        optimization = self._settings.optimization
        rows = optimization.batch_pieces // stage.length
        read = rows * (step - (self._ends[number - 1] if number else 0))
        sequences = np.stack([self._sequence(number, stage.length, read + row) for row in range(rows)])
        together = optimization.device_pieces // stage.length
        generator = np.random.default_rng([optimization.seed, step])
        return [
            self._shifted(self._hide(sequences[begin : begin + together], self.rate(step), generator), generator)
            for begin in range(0, rows, together)
        ]

    def development(self, length: int, rate: float = 0.15, together: int = 64) -> Iterator[Batch]:
        """The development part, hidden in the same way whatever the settings are."""
        pieces = self._corpus.development
        content = length - 2
        rows = len(pieces) // content
        sequences = self._framed(np.asarray(pieces[: rows * content], dtype=np.int64).reshape(rows, content))
        generator = np.random.default_rng(_DEVELOPMENT)
        for begin in range(0, rows, together):
            yield self._hide(sequences[begin : begin + together], rate, generator)

    def _sequence(self, stage: int, length: int, index: int) -> np.ndarray:
        content = length - 2
        # Each shard gives whole sequences; up to one of them is left over to move the cuts from epoch to epoch.
        counts = [max(0, len(shard) // content - 1) for shard in self._corpus.training]
        epoch, place = divmod(index, sum(counts))
        order, shift = self._order(stage, epoch, content, sum(counts))
        chosen = int(order[place])
        for shard, count in zip(self._corpus.training, counts, strict=True):
            if chosen < count:
                begin = chosen * content + shift
                return self._framed(np.asarray(shard[begin : begin + content], dtype=np.int64)[None])[0]
            chosen -= count
        raise AssertionError("the order names a sequence that no shard has")

    def _shuffled(self, stage: int, epoch: int, content: int, count: int) -> tuple[np.ndarray, int]:
        generator = np.random.default_rng([self._settings.optimization.seed, stage, epoch])
        return generator.permutation(count), int(generator.integers(content))

    def _framed(self, content: np.ndarray) -> np.ndarray:
        """Shape (rows, content) → (rows, content + 2): between the pieces that begin and end a window."""
        return np.pad(content, ((0, 0), (1, 1)), constant_values=((0, 0), (self._begin, self._end)))

    def _hide(self, sequences: np.ndarray, rate: float, generator: np.random.Generator) -> Batch:
        flat = sequences.reshape(-1)
        special = self._specials[flat]
        starts = self._corpus.starts[flat].copy()
        starts[1:] |= special[:-1]  # a word that was cut by the edge of its sequence
        word = np.cumsum(starts) - 1
        chosen = generator.random(int(word[-1]) + 1) < rate
        hidden = np.flatnonzero(chosen[word] & ~special)
        if not len(hidden):  # a batch must teach something
            hidden = np.flatnonzero(~special)[:1]
        pieces = flat.copy()
        fate = generator.random(len(hidden))
        others = generator.integers(0, self._settings.encoder.vocabulary, len(hidden))
        pieces[hidden] = np.where(fate < _KEPT, flat[hidden], np.where(fate < _KEPT + _OTHER, others, self._mask))
        first = np.zeros(len(sequences), dtype=np.int64)
        return Batch(pieces.reshape(sequences.shape), first, hidden, flat[hidden], len(np.unique(word[hidden])))

    def _shifted(self, batch: Batch, generator: np.random.Generator) -> Batch:
        """The batch at other positions, where that is asked for (Kiyono et al. 2021, *SHAPE*).

        An encoder that has read only short sequences, all from position 0 on, fails at the positions after them.
        """
        if not self._settings.shifted:
            return batch
        free = self._settings.encoder.longest - batch.pieces.shape[1]
        return replace(batch, first=generator.integers(0, free + 1, len(batch.pieces)))


def ahead(batches: Batches, first: int) -> Iterator[tuple[int, list[Batch]]]:
    """Steps and their batches from ``first`` on; the next one is made while the current one is used."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        coming = pool.submit(batches.at, first) if first < batches.steps else None
        for step in range(first, batches.steps):
            assert coming is not None
            current = coming.result()
            coming = pool.submit(batches.at, step + 1) if step + 1 < batches.steps else None
            yield step, current
