"""The heads: what training looks at is what prediction is given."""

from __future__ import annotations

import torch
from torch.nn import functional

from rasid_training.heads import Roles, TableSpans


def _words() -> torch.Tensor:
    return torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0))


def test_the_logits_of_single_links_are_those_of_the_tables() -> None:
    torch.manual_seed(0)
    roles, words = Roles(16, 4, 8), _words()
    pairs = torch.tensor([[0, 1, 2, 3], [2, 6, 0, 0], [1, 3, 3, 5], [0, 1, 2, 3]])
    first, last = roles(words)
    row, trigger, begin, end = pairs.unbind(-1)
    expected = first[row, :, trigger, begin] + last[row, :, trigger, end]
    torch.testing.assert_close(roles.at(words, pairs), expected)


def test_without_a_link_there_is_a_gradient_of_zero() -> None:
    roles, words = Roles(16, 4, 8), _words()
    logits = roles.at(words, torch.zeros(0, 4, dtype=torch.long))
    assert logits.shape == (0, 4)
    logits.sum().backward()
    used = [weights for name, weights in roles.named_parameters()]
    assert all(weights.grad is not None and not weights.grad.any() for weights in used)


def test_the_loss_of_spans_is_over_the_valid_ones_for_each_word() -> None:
    torch.manual_seed(0)
    spans, words = TableSpans(16, 2, 3, 8), _words()
    valid = torch.ones(3, 7, 7, dtype=torch.bool).triu()
    valid[1, 4:] = valid[1, :, 4:] = False  # a window of four words
    labels = (torch.rand(3, 5, 7, 7, generator=torch.Generator().manual_seed(1)) < 0.1) & valid.unsqueeze(1)
    losses = functional.binary_cross_entropy_with_logits(spans(words), labels.float(), reduction="none")
    expected = losses.masked_fill(~valid.unsqueeze(1), 0.0).sum() / (7 + 4 + 7)
    torch.testing.assert_close(spans.loss(words, labels, valid), expected)
