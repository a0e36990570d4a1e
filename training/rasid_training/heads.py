"""The heads: from word vectors to the logits of spans, roles, modality and proclitics.

All share one encoder pass. Only what can be asked for is computed: spans within a line, and links between the mentions
that were found. Tables of all pairs of words would cost as much as a compact encoder itself.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

SpanDecoding = Literal["table", "tags"]
Spans = tuple[Tensor, Tensor, Tensor]
"""Number in the batch, first and last word of each span, ``[s]`` each."""

_TAG_OUTSIDE, _TAG_BEGIN, _TAG_INSIDE = range(3)


def picked(vectors: Tensor, number: Tensor, place: Tensor) -> Tensor:
    """Of ``[b, w, h]`` those at the places ``[...]`` in the windows ``[...]`` (broadcast): ``[..., h]``."""
    return functional.embedding(number * vectors.shape[1] + place, vectors.flatten(0, 1))


class Pairs(nn.Module):
    """Scores of ordered pairs of words by the scaled dot product of a query and a key.

    Rotary position embeddings (Su et al. 2021) on both make the score depend on the distance between the words,
    as in GlobalPointer (Su et al. 2022).

    Args:
        inputs: width of the word vectors.
        count: how many scores for each pair.
        width: width of a query and of a key; even.
    """

    def __init__(self, inputs: int, count: int, width: int) -> None:
        super().__init__()
        self.count, self.width = count, width
        self.queries = nn.Linear(inputs, count * width)
        self.keys = nn.Linear(inputs, width)

    def forward(self, rows: Tensor, columns: Tensor) -> Tensor:
        """``[b, w, inputs]`` twice to ``[b, count, w, w]``, the place of each word being its position."""
        places = torch.arange(rows.shape[1], device=rows.device)
        queries, keys = self.query(rows, places), self.key(columns, places)
        return (queries.transpose(1, 2) @ keys.unsqueeze(1).transpose(-1, -2)) * self.width**-0.5

    def at(self, rows: Tensor, columns: Tensor, pairs: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The scores ``[p, count]`` of some pairs alone: their number in the batch, row and column, ``[p]`` each."""
        number, row, column = pairs
        places = torch.arange(rows.shape[1], device=rows.device)
        queries, keys = self.query(rows, places), self.key(columns, places)
        return (queries[number, row] * keys[number, column].unsqueeze(1)).sum(dim=-1) * self.width**-0.5

    def product(self, rows: Tensor, row_places: Tensor, columns: Tensor, column_places: Tensor) -> Tensor:
        """``[b, r, inputs]`` at places ``[b, r]`` and ``[b, c, inputs]`` at ``[b, c]`` to ``[b, r, c, count]``."""
        queries, keys = self.query(rows, row_places), self.key(columns, column_places)
        scores = queries.flatten(1, 2) @ keys.transpose(1, 2) * self.width**-0.5
        return scores.unflatten(1, (-1, self.count)).transpose(2, 3)

    def query(self, words: Tensor, places: Tensor) -> Tensor:
        """The rotated queries ``[b, w, count, width]`` of words ``[b, w, inputs]`` at places ``[w]`` or ``[b, w]``."""
        cosine, sine = _rotary(places, self.width, words)
        queries = self.queries(words).unflatten(-1, (self.count, self.width))
        return _rotated(queries, cosine.unsqueeze(-2), sine.unsqueeze(-2))

    def key(self, words: Tensor, places: Tensor) -> Tensor:
        """The rotated keys ``[b, w, width]`` of words ``[b, w, inputs]`` at places ``[w]`` or ``[b, w]``."""
        return _rotated(self.keys(words), *_rotary(places, self.width, words))


def _rotary(places: Tensor, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine ``[..., width / 2]`` of the rotation at each place ``[...]``."""
    frequencies = 10000.0 ** (-torch.arange(0, width, 2, device=places.device, dtype=torch.float32) / width)
    angles = places.float().unsqueeze(-1) * frequencies
    return angles.cos().to(like.dtype), angles.sin().to(like.dtype)


def _rotated(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    left, right = vectors.chunk(2, dim=-1)
    return torch.cat([left * cosine - right * sine, left * sine + right * cosine], dim=-1)


class TableSpans(nn.Module):
    """Span scoring: each span of words has a logit for each type.

    The logit adds how well the first and last word go together (:class:`Pairs`, one score for entity types and
    one for event types) to what the first, the last and each word between say by themselves. Any set of spans
    can be represented: nested and crossing, within one type too.
    """

    def __init__(self, inputs: int, entity_types: int, event_types: int, width: int) -> None:
        super().__init__()
        self.types = entity_types + event_types
        self.share = ([1.0] * entity_types + [0.0] * event_types, [0.0] * entity_types + [1.0] * event_types)
        self.pairs = Pairs(inputs, 2, width)
        self.words = nn.Linear(inputs, 3 * self.types)
        self._start_low()

    def _start_low(self) -> None:
        # Nearly all spans are none: to start there, with no word between counting, saves the first epochs.
        nn.init.zeros_(self.words.bias)
        with torch.no_grad():
            self.words.bias[: self.types] = -4.0
            self.words.weight[2 * self.types :] = 0.0

    def at(self, words: Tensor, spans: Spans) -> Tensor:
        """The logits ``[s, types]`` of spans over words ``[b, w, inputs]``."""
        # Sums over many words need full precision, under bf16 too.
        first, last, inside = self.words(words).float().chunk(3, dim=-1)
        total = inside.cumsum(dim=1)
        number, begin, end = spans
        count = words.shape[1]
        tables = self.pairs(words, words).transpose(0, 1).flatten(1)
        pairs = tables[:, (number * count + begin) * count + end].float().transpose(0, 1)
        # A product with zeros and ones gives each type the score of its share; ONNX Runtime expands more slowly.
        return (
            pairs @ torch.tensor(self.share, device=pairs.device)
            + picked(first - total + inside, number, begin)
            + picked(last + total, number, end)
        )

    def loss(self, words: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """The binary cross-entropy over all valid spans, a sum over spans and types for each word.

        Args:
            words: ``[b, w, inputs]``.
            labels: ``[b, types, w, w]`` 1 where a mention of the type goes from word to word.
            valid: ``[b, w, w]`` whether a span may go from word to word.
        """
        number, begin, end = valid.nonzero(as_tuple=True)
        logits, targets = self.at(words, (number, begin, end)), labels[number, :, begin, end]
        spans = functional.binary_cross_entropy_with_logits(logits.float(), targets.float(), reduction="sum")
        return spans / valid.diagonal(dim1=1, dim2=2).sum().clamp(min=1)


class TagSpans(nn.Module):
    """Per-type tagging: each word has, for each type, a tag begin, inside or outside.

    Of mentions of one type that overlap, tags can show the longest only. A span's logit is that of the probability
    that the tags spell it and end there.
    """

    def __init__(self, inputs: int, entity_types: int, event_types: int, width: int) -> None:  # noqa: ARG002
        super().__init__()
        self.types = entity_types + event_types
        self.tags = nn.Linear(inputs, 3 * self.types)
        self._start_low()

    def _start_low(self) -> None:
        nn.init.zeros_(self.tags.bias)
        with torch.no_grad():
            self.tags.bias.view(self.types, 3)[:, _TAG_OUTSIDE] = 3.0

    def _log_tags(self, words: Tensor) -> Tensor:
        """``[b, types, w, 3]`` log probabilities."""
        batch, length, _ = words.shape
        return self.tags(words).float().view(batch, length, self.types, 3).transpose(1, 2).log_softmax(dim=-1)

    def at(self, words: Tensor, spans: Spans) -> Tensor:
        """The logits ``[s, types]`` of spans over words ``[b, w, inputs]``."""
        tags = self._log_tags(words).transpose(1, 2)
        begin, inside = tags[..., _TAG_BEGIN], tags[..., _TAG_INSIDE]
        # The span ends at a word if the next one is not inside; after the last word there is nothing.
        stop = torch.log1p(-inside[:, 1:].exp().clamp(max=1 - 1e-6))
        stop = functional.pad(stop, (0, 0, 0, 1))
        total = inside.cumsum(dim=1)
        number, row, column = spans
        log_probability = picked(begin - total, number, row) + picked(total + stop, number, column)
        log_probability = log_probability.clamp(min=-30.0, max=-1e-6)
        return log_probability - torch.log(-torch.expm1(log_probability))

    def loss(self, words: Tensor, labels: Tensor, valid: Tensor) -> Tensor:
        """The cross-entropy of the tags; arguments as in :meth:`TableSpans.loss`."""
        tags = self._log_tags(words)
        covered = labels.to(tags.dtype)
        # inside[j] = some mention began before j and ends at or after j; the longest mention wins.
        ends_later = covered.flip(-1).cumsum(-1).flip(-1).clamp(max=1)
        before = (ends_later.cumsum(-2) - ends_later).diagonal(dim1=-2, dim2=-1).clamp(max=1)
        begins = covered.amax(dim=-1)
        target = torch.where(before > 0, _TAG_INSIDE, torch.where(begins > 0, _TAG_BEGIN, _TAG_OUTSIDE))
        losses = -tags.gather(-1, target.unsqueeze(-1).long()).squeeze(-1)
        real = valid.diagonal(dim1=1, dim2=2)
        return losses.masked_fill(~real.unsqueeze(1), 0.0).sum() / real.sum().clamp(min=1)


class Roles(nn.Module):
    """Links between a trigger and a filler, by the trigger's first word and the filler's first and last."""

    def __init__(self, inputs: int, roles: int, width: int) -> None:
        super().__init__()
        self.trigger = nn.Sequential(nn.Linear(inputs, inputs), nn.GELU())
        self.filler = nn.Sequential(nn.Linear(inputs, inputs), nn.GELU())
        self.first = Pairs(inputs, roles, width)
        self.last = Pairs(inputs, roles, width)
        self.trigger_alone = nn.Linear(inputs, roles)
        self.first_alone = nn.Linear(inputs, roles)
        self.last_alone = nn.Linear(inputs, roles)

    def table(self, words: Tensor, triggers: Tensor, firsts: Tensor, lasts: Tensor) -> Tensor:
        """The logits ``[b, e, f, roles]`` of all links between the triggers and the fillers of each window.

        Args:
            words: ``[b, w, inputs]``.
            triggers: ``[b, e]`` first word of each trigger.
            firsts, lasts: ``[b, f]`` first and last word of each filler.
        """
        number = torch.arange(len(words), device=words.device).unsqueeze(-1)
        trigger = self.trigger(picked(words, number, triggers))
        first, last = (self.filler(picked(words, number, place)) for place in (firsts, lasts))
        return (
            self.first.product(trigger, triggers, first, firsts)
            + self.last.product(trigger, triggers, last, lasts)
            + self.trigger_alone(trigger).unsqueeze(2)
            + (self.first_alone(first) + self.last_alone(last)).unsqueeze(1)
        )

    def at(self, words: Tensor, pairs: Tensor) -> Tensor:
        """The logits ``[p, roles]`` of some links of a batch ``[b, w, inputs]``: the same as in :meth:`table`.

        ``pairs`` is ``[p, 4]``: window, trigger's first word, filler's first and last word.
        """
        trigger, filler = self.trigger(words), self.filler(words)
        window, row, first, last = pairs.unbind(-1)
        return (
            self.first.at(trigger, filler, (window, row, first))
            + self.last.at(trigger, filler, (window, row, last))
            + self.trigger_alone(trigger)[window, row]
            + self.first_alone(filler)[window, first]
            + self.last_alone(filler)[window, last]
        )


SPAN_HEADS: dict[SpanDecoding, type[TableSpans] | type[TagSpans]] = {"table": TableSpans, "tags": TagSpans}
