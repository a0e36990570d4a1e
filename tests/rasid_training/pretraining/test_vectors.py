"""Static vectors."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from rasid_training.pretraining.vectors import static_vectors


def test_static_vectors_bring_pieces_of_one_setting_together() -> None:
    generator = np.random.default_rng(0)
    topics = [generator.choice(np.arange(10 * t, 10 * t + 10), size=30) for t in generator.integers(0, 4, 800)]
    vectors = static_vectors(
        [np.concatenate(topics).astype(np.uint16)], vocabulary=50, width=8, window=4, ignored=[45], seed=0
    )
    assert vectors.shape == (50, 8)
    assert vectors.square().mean().sqrt() == pytest.approx(1, rel=1e-3)
    assert not vectors[40:].any()  # never seen, or ignored
    unit = nn.functional.normalize(vectors[:40], dim=1)
    nearest = (unit @ unit.T - 2 * torch.eye(40)).argmax(dim=1)
    assert (nearest // 10 == torch.arange(40) // 10).float().mean() > 0.95
