"""Static vectors of pieces: the positive pointwise mutual information of neighbours, factorised.

What word2vec finds step by step (Levy & Goldberg 2014, *Neural Word Embedding as Implicit Matrix Factorization*) is
counted once and found by a randomised singular value decomposition (Halko et al. 2011), in about a minute.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_SMOOTHING = 0.75  # of the neighbours' frequencies (Levy, Goldberg & Dagan 2015)
_BLOCK = 2**22


def static_vectors(
    shards: Sequence[np.ndarray], *, vocabulary: int, width: int, window: int, ignored: Sequence[int], seed: int = 0
) -> Tensor:
    """One vector a piece, whose inner products approximate how much more often two pieces meet than by chance.

    Args:
        shards: piece numbers in the order of the text.
        vocabulary: number of pieces. Takes 8 bytes of memory for each pair of pieces.
        width: of the vectors.
        window: pieces to each side that count as neighbours; the nearer ones count more, as in word2vec.
        ignored: pieces that get no vector but 0, like those that are no text.
        seed: of the decomposition.

    Returns:
        float32, shape (vocabulary, width); the root mean square of the entries is 1.
    """
    meetings = _meetings(shards, vocabulary, window)
    for piece in ignored:
        meetings[piece] = 0
        meetings[:, piece] = 0
    information = _information(meetings)
    torch.manual_seed(seed)
    left, values, _ = torch.svd_lowrank(information, q=min(vocabulary, width + 32), niter=2)
    vectors = left[:, :width] * values[:width].sqrt()
    if vectors.shape[1] < width:
        vectors = torch.nn.functional.pad(vectors, (0, width - vectors.shape[1]))
    return vectors / vectors.square().mean().sqrt().clamp_min(1e-12)


def _meetings(shards: Sequence[np.ndarray], vocabulary: int, window: int) -> Tensor:
    """How often each two pieces stand within ``window`` of each other, weighted by nearness: symmetric."""
    counts = torch.zeros(vocabulary * vocabulary)
    for shard in shards:
        for begin in range(0, len(shard), _BLOCK):
            block = torch.from_numpy(np.asarray(shard[begin : begin + _BLOCK + window], dtype=np.int64))
            for distance in range(1, window + 1):
                pairs = block[:-distance] * vocabulary + block[distance:]
                weight = torch.tensor((window + 1 - distance) / window).expand(len(pairs))
                counts.scatter_add_(0, pairs, weight)
    square = counts.view(vocabulary, vocabulary)
    return square.add_(square.T.clone())


def _information(meetings: Tensor) -> Tensor:
    """Positive pointwise mutual information, in place."""
    rows = meetings.sum(dim=1).clamp_min(1)
    columns = rows**_SMOOTHING
    meetings *= columns.sum()
    meetings /= rows[:, None]
    meetings /= columns[None, :]
    return meetings.log_().clamp_min_(0)
