"""The heads: what training looks at is what prediction is given."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from rasid_training.heads import Roles, TableSpans, TagSpans


def _words() -> torch.Tensor:
    return torch.randn(3, 7, 16, generator=torch.Generator().manual_seed(0))


def test_the_logits_of_single_links_are_those_of_the_table() -> None:
    torch.manual_seed(0)
    roles, words = Roles(16, 4, 8), _words()
    pairs = torch.tensor([[0, 1, 2, 3], [2, 6, 0, 0], [1, 3, 3, 5], [0, 1, 2, 3]])
    tables = [
        roles.table(words[window][None], trigger[None, None], first[None, None], last[None, None])[0, 0, 0]
        for window, trigger, first, last in pairs
    ]
    torch.testing.assert_close(roles.at(words, pairs), torch.stack(tables))


def test_a_link_does_not_depend_on_the_others_in_the_table() -> None:
    torch.manual_seed(0)
    roles, words = Roles(16, 4, 8), _words()
    triggers, firsts, lasts = (torch.tensor([row] * 3) for row in ([5, 0], [1, 1, 4], [1, 2, 6]))
    table = roles.table(words, triggers, firsts, lasts)
    assert table.shape == (3, 2, 3, 4)
    alone = roles.table(words[2:], triggers[2:, 1:], firsts[2:, 2:], lasts[2:, 2:])
    torch.testing.assert_close(table[2, 1, 2], alone[0, 0, 0])


@pytest.mark.parametrize("head", [TableSpans, TagSpans])
def test_a_span_has_the_same_logits_alone_and_among_others(head: type[TableSpans] | type[TagSpans]) -> None:
    torch.manual_seed(0)
    spans, words = head(16, 2, 3, 8), _words()
    number, first, last = torch.ones(3, 7, 7).triu().nonzero(as_tuple=True)
    together = spans.at(words, (number, first, last))
    assert together.shape == (3 * 28, 5)
    for n in (0, 17, 40, 83):
        alone = spans.at(words[number[n]][None], (torch.tensor([0]), first[n][None], last[n][None]))
        torch.testing.assert_close(alone[0], together[n])


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
    every = torch.ones_like(valid).nonzero(as_tuple=True)
    logits = spans.at(words, every).view(3, 7, 7, 5).permute(0, 3, 1, 2)
    losses = functional.binary_cross_entropy_with_logits(logits, labels.float(), reduction="none")
    expected = losses.masked_fill(~valid.unsqueeze(1), 0.0).sum() / (7 + 4 + 7)
    torch.testing.assert_close(spans.loss(words, labels, valid), expected)
