"""Backends: what computes the scores of a batch of windows. ONNX Runtime here; torch in rasid_training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from rasid.decoding import Floats, Scores
from rasid.errors import ModelError
from rasid.tokenizer import Ints, Reading
from rasid.windows import Window

INPUTS = ("input_ids", "attention_mask", "first", "last")
OUTPUTS = ("spans", "proclitics", "modality", "roles_first", "roles_last")


@dataclass(frozen=True, slots=True)
class Batch:
    """Windows as arrays of the model's inputs, padded to the longest.

    Attributes:
        input_ids: ``[b, t]`` piece ids with the special pieces around.
        attention_mask: ``[b, t]`` 1 for a piece, 0 for padding.
        first, last: ``[b, w]`` position in ``t`` of each word's first and last piece; 0 for padding.
        lengths: the number of words of each window.
    """

    input_ids: Ints
    attention_mask: Ints
    first: Ints
    last: Ints
    lengths: tuple[int, ...]

    @classmethod
    def of(cls, windows: Sequence[tuple[Reading, Window]], *, begin: int, end: int, pad: int, longest: int) -> Batch:
        """Pack windows; ``begin``, ``end``, ``pad`` are special pieces' ids, ``longest`` the encoder's limit."""
        stretches = []
        for reading, window in windows:
            low = int(reading.first[window.start])
            high = min(int(reading.last[window.stop - 1]) + 1, low + longest - 2)  # one word longer than the encoder
            stretches.append((reading, window, low, high))
        rows = len(stretches)
        pieces = max(high - low for _, _, low, high in stretches) + 2
        lengths = tuple(len(window) for _, window, _, _ in stretches)
        input_ids = np.full((rows, pieces), pad, dtype=np.int64)
        attention_mask = np.zeros((rows, pieces), dtype=np.int64)
        first = np.zeros((rows, max(lengths)), dtype=np.int64)
        last = np.zeros((rows, max(lengths)), dtype=np.int64)
        for row, (reading, window, low, high) in enumerate(stretches):
            count = high - low
            input_ids[row, 0] = begin
            input_ids[row, 1 : count + 1] = reading.pieces[low:high]
            input_ids[row, count + 1] = end
            attention_mask[row, : count + 2] = 1
            words = slice(window.start, window.stop)
            first[row, : len(window)] = np.minimum(reading.first[words] - low, count - 1) + 1
            last[row, : len(window)] = np.minimum(reading.last[words] - low, count - 1) + 1
        return cls(input_ids, attention_mask, first, last, lengths)

    def split(self, outputs: Sequence[Floats]) -> list[Scores]:
        """The scores of each window from the graph's outputs in the order of ``OUTPUTS``, without padding."""
        spans, proclitics, modality, roles_first, roles_last = outputs
        return [
            Scores(
                spans=spans[row, :, :n, :n],
                proclitics=proclitics[row, :n],
                modality=modality[row, :n],
                roles_first=roles_first[row, :, :n, :n],
                roles_last=roles_last[row, :, :n, :n],
            )
            for row, n in enumerate(self.lengths)
        ]


class Backend(Protocol):
    """Computes scores.

    ``batches`` tells whether windows may be computed together without changing each other's scores.
    """

    batches: bool

    def __call__(self, batch: Batch) -> list[Scores]:
        """The scores of each window of the batch."""
        ...


class OnnxBackend:
    """ONNX Runtime on the CPU.

    The int8 graph scales its activations by their range over the whole input, so that windows computed
    together would change each other's scores: it takes one window at a time.
    """

    def __init__(self, path: Path, *, threads: int | None = None, batches: bool = True) -> None:
        import onnxruntime  # slow to import, needed only here

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads is not None:
            options.intra_op_num_threads = threads
        self.batches = batches
        try:
            self._session: Any = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as problem:
            raise ModelError(
                f"{path} cannot be loaded by ONNX Runtime {onnxruntime.__version__} "
                f"({str(problem).splitlines()[0]:.200}); copy or export the model again"
            ) from None

    def __call__(self, batch: Batch) -> list[Scores]:
        feeds = {name: getattr(batch, name) for name in INPUTS}
        return batch.split(self._session.run(OUTPUTS, feeds))
