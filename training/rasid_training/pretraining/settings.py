"""The settings of a pretraining run: plain dataclasses, so that a machine with torch alone can read them."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

from rasid.errors import RasidError


class PretrainingError(RasidError, ValueError):
    """A pretraining run cannot be started or continued; the message names the key or file and the remedy."""


class _Strict:
    """Read from a file, an unknown key is an error."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}


@dataclass(frozen=True)
class Domain(_Strict):
    """What the encoder will be used on; see :mod:`rasid_training.pretraining.domain`.

    Attributes:
        files: text of the domain, in the forms of :attr:`Text.files`; it tells which documents are near and is not
            itself learned from.
        share: of the pieces of the text to learn from; those of the nearest documents are kept.
    """

    files: list[str]
    share: float

    def __post_init__(self) -> None:
        _require(bool(self.files), "text.domain.files", "at least one file", self.files)
        _require(0 < self.share <= 1, "text.domain.share", "a share of the pieces, over 0 and up to 1", self.share)


@dataclass(frozen=True)
class Text(_Strict):
    """The text to learn from.

    Attributes:
        files: UTF-8 text, a paragraph a line, a blank line between documents, or ``.jsonl`` with a ``text`` in each
            line; a name in ``.xz`` is decompressed.
        development: pieces of whole documents at the end of the last file that are kept out of training, for the
            development loss.
        domain: learn only from the documents that are nearest to it; without it from all.
    """

    files: list[str]
    development: int = 200_000
    domain: Domain | None = None

    def __post_init__(self) -> None:
        _require(bool(self.files), "text.files", "at least one file", self.files)
        _require(self.development > 0, "text.development", "more than 0 pieces", self.development)


@dataclass(frozen=True)
class Shape(_Strict):
    """The encoder: BERT (Devlin et al. 2019) with a WordPiece vocabulary.

    Attributes:
        vocabulary: number of pieces, the special ones included.
        normalization: a name in :data:`rasid_training.normalization.NORMALIZATIONS`.
        layers: how many.
        width: of the hidden states; the feed-forward layers are four times as wide.
        heads: of attention in each layer; they share the width equally.
        longest: pieces in the longest window that the encoder can read.
    """

    vocabulary: int
    layers: int
    width: int
    heads: int
    normalization: Literal["arabert", "compact"] = "compact"
    longest: int = 512

    def __post_init__(self) -> None:
        for name in ("vocabulary", "layers", "width", "heads", "longest"):
            _require(getattr(self, name) > 0, f"encoder.{name}", "more than 0", getattr(self, name))
        _require(
            self.width % self.heads == 0, "encoder.heads", f"a divisor of the width, which is {self.width}", self.heads
        )
        _require(self.vocabulary <= 2**16, "encoder.vocabulary", f"at most {2**16}", self.vocabulary)


@dataclass(frozen=True)
class Stage(_Strict):
    """A part of the training in which sequences have one length.

    Attributes:
        until: share of all steps at which it ends.
        length: pieces of a sequence, the two around it included.
    """

    until: float
    length: int

    def __post_init__(self) -> None:
        _require(0 < self.until <= 1, "stages.until", "a share of the steps, over 0 and up to 1", self.until)
        _require(self.length > 2, "stages.length", "more than the two pieces around a sequence", self.length)


@dataclass(frozen=True)
class Masking(_Strict):
    """Share of the pieces to be guessed, in whole words: it falls in a straight line from ``first`` to ``last``."""

    first: float = 0.3
    last: float = 0.15

    def __post_init__(self) -> None:
        for name in ("first", "last"):
            _require(0 < getattr(self, name) < 1, f"masking.{name}", "a share between 0 and 1", getattr(self, name))


@dataclass(frozen=True)
class Steps(_Strict):
    """How the weights are found.

    Attributes:
        pieces: how many are read in all.
        batch_pieces: how many are read for one step of the optimizer.
        device_pieces: how many go through the encoder at once; more are accumulated.
        learning_rate: the highest, of what AdamW moves.
        muon_learning_rate: the highest, of what Muon moves, in the same measure.
        optimizer: ``muon`` orthogonalises the steps of the encoder's matrices and leaves the rest to AdamW.
        warmup: share of the steps in which the rate rises.
        decay: share of the steps, at the end, in which it falls to 0 in a straight line.
        weight_decay: of the matrices, the embeddings aside.
        max_gradient_norm: longer gradients are shortened to it.
        save_every: seconds between checkpoints.
        precision: ``auto`` takes bf16 where it multiplies matrices faster than fp32.
    """

    pieces: int
    batch_pieces: int = 8192
    device_pieces: int = 8192
    learning_rate: float = 5e-4
    muon_learning_rate: float = 2e-3
    optimizer: Literal["muon", "adamw"] = "muon"
    warmup: float = 0.02
    decay: float = 0.3
    weight_decay: float = 0.05
    max_gradient_norm: float = 1.0
    save_every: int = 300
    seed: int = 0
    precision: Literal["auto", "bf16", "fp32"] = "auto"

    def __post_init__(self) -> None:
        for name in ("pieces", "batch_pieces", "device_pieces", "max_gradient_norm", "save_every"):
            _require(getattr(self, name) > 0, f"optimization.{name}", "more than 0", getattr(self, name))
        for name in ("learning_rate", "muon_learning_rate"):
            _require(getattr(self, name) > 0, f"optimization.{name}", "more than 0", getattr(self, name))
        _require(
            self.warmup >= 0 and self.decay >= 0 and self.warmup + self.decay <= 1,
            "optimization.warmup and decay",
            "shares that add up to at most 1",
            (self.warmup, self.decay),
        )

    @property
    def steps(self) -> int:
        """How many steps there are."""
        return max(1, self.pieces // self.batch_pieces)

    @property
    def falling(self) -> int:
        """The step from which the learning rate falls."""
        return math.ceil(self.steps * (1 - self.decay))


@dataclass(frozen=True)
class Vectors(_Strict):
    """What the embeddings start from: for pieces see :mod:`rasid_training.pretraining.vectors`.

    Attributes:
        window: pieces to each side that count as neighbours; 0 draws the vectors of pieces at random instead.
        positions: ``waves`` are sines and cosines; ``random`` draws the vectors of positions.
        scale: root mean square of the entries that are not drawn.
    """

    window: int = 5
    positions: Literal["waves", "random"] = "waves"
    scale: float = 0.05

    def __post_init__(self) -> None:
        _require(self.window >= 0, "vectors.window", "0 or more pieces", self.window)
        _require(self.scale > 0, "vectors.scale", "more than 0", self.scale)


@dataclass(frozen=True)
class Pretraining(_Strict):
    """Everything that decides the weights, and the folder where they are written.

    Attributes:
        start: directory of a pretrained encoder in the BERT format to go on from: its vocabulary is used and its
            weights are the first. ``encoder`` must be of its shape, ``vectors`` has no effect.
        shifted: let a sequence begin at a position drawn at random, wherever the longest window has room for it.
        start_scale: root mean square that each matrix inside its layers is scaled to before the first step; without
            it they are taken as they are. Matrices that grew large in long training drown what passes by them, and
            hardly move any more.
    """

    text: Text
    encoder: Shape
    optimization: Steps
    output: str
    stages: list[Stage] = field(default_factory=lambda: [Stage(1.0, 128)])
    masking: Masking = field(default_factory=Masking)
    vectors: Vectors = field(default_factory=Vectors)
    shifted: bool = True
    start: str | None = None
    start_scale: float | None = None

    def __post_init__(self) -> None:
        _require(self.start_scale is None or self.start_scale > 0, "start_scale", "more than 0", self.start_scale)
        _require(
            self.start_scale is None or self.start is not None, "start_scale", "an encoder to go on from in start", None
        )
        ends = [stage.until for stage in self.stages]
        _require(
            bool(ends) and ends == sorted(set(ends)) and ends[-1] == 1,
            "stages.until",
            "shares that rise from stage to stage, the last one 1",
            ends,
        )
        _require(
            self.text.development >= self.encoder.longest,
            "text.development",
            f"at least the longest window, {self.encoder.longest} pieces",
            self.text.development,
        )
        longest = max(stage.length for stage in self.stages)
        _require(longest <= self.encoder.longest, "stages.length", f"at most {self.encoder.longest}", longest)
        _require(
            longest <= self.optimization.device_pieces <= self.optimization.batch_pieces,
            "optimization.device_pieces",
            f"at least a sequence of {longest} and at most a batch of {self.optimization.batch_pieces}",
            self.optimization.device_pieces,
        )

    def to_dict(self) -> dict[str, Any]:
        """The form of the configuration file."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Pretraining:
        """The inverse of :meth:`to_dict`."""
        domain = data["text"]["domain"]
        return cls(
            text=Text(**{**data["text"], "domain": None if domain is None else Domain(**domain)}),
            encoder=Shape(**data["encoder"]),
            optimization=Steps(**data["optimization"]),
            output=data["output"],
            stages=[Stage(**stage) for stage in data["stages"]],
            masking=Masking(**data["masking"]),
            vectors=Vectors(**data["vectors"]),
            shifted=data["shifted"],
            start=data["start"],
            start_scale=data["start_scale"],
        )

    def recipe(self) -> dict[str, Any]:
        """What decides the weights, without the paths of one machine."""
        data = self.to_dict()
        del data["output"]
        data["text"]["files"] = [_last(name) for name in self.text.files]
        if self.text.domain is None:
            del data["text"]["domain"]
        else:
            data["text"]["domain"]["files"] = [_last(name) for name in self.text.domain.files]
        if self.start is None:
            del data["start"], data["start_scale"]
        else:
            data["start"] = _last(self.start)
        return data


def _last(path: str) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1]


def _require(holds: bool, key: str, expected: str, found: object) -> None:
    if not holds:
        raise PretrainingError(f"{key}: expected {expected}, found {found!r}; change it in the configuration")
