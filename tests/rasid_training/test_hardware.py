"""What the hardware does: the count of work."""

from __future__ import annotations

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertForMaskedLM

from rasid_training import hardware
from rasid_training.pretraining.settings import Shape


def test_the_work_of_a_piece_is_what_torch_counts() -> None:
    shape = Shape(vocabulary=1000, layers=3, width=64, heads=4)
    config = BertConfig(
        vocab_size=1000,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        attn_implementation="eager",
    )
    model = BertForMaskedLM(config)
    pieces = torch.randint(5, 1000, (4, 32))
    with FlopCounterMode(display=False) as counter:
        states = model.bert(input_ids=pieces).last_hidden_state.flatten(0, 1)[:32]
        model.cls(states).sum().backward()
    assert hardware.work(shape, length=32, rate=0.25) * pieces.numel() == pytest.approx(
        counter.get_total_flops(), rel=0.01
    )
