"""The optimizer."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rasid_training.pretraining.optimizer import Optimizer
from rasid_training.pretraining.settings import Steps


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_steps_too_small_for_half_precision_add_up(name: str) -> None:
    model = nn.Sequential(nn.Linear(16, 16)).bfloat16()
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    before = model[0].weight.detach().clone()
    optimizer = Optimizer(model, Steps(1, learning_rate=1e-4, optimizer=name, weight_decay=0.0))  # type: ignore[arg-type]
    for _ in range(200):
        (model(torch.ones(1, 16, dtype=torch.bfloat16)).sum() - model[0].weight.sum() / 2).backward()
        optimizer.step(1.0)
    assert (model[0].weight - before).abs().max() > 0.005  # bf16 alone would have stayed at 1.0 step by step
