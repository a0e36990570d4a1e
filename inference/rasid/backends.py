"""Backends: what computes the scores of windows. ONNX Runtime here; torch in rasid_training."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from rasid.decoding import Ends, Floats, Scores
from rasid.errors import ModelError
from rasid.passages import Passage

INPUTS = ("pieces", "first", "last", "rows", "columns")
OUTPUTS = ("spans", "proclitics", "modality", "words")
LINK_INPUTS = ("words", "triggers", "firsts", "lasts")
LINK_OUTPUTS = ("roles",)
_LARGE = 64 << 20  # bytes of a graph


class Backend(Protocol):
    """Computes scores in two steps, since what links are asked for depends on the mentions that were found.

    It may be called by several threads at once.

    Attributes:
        together: how many pieces are given at once where there are as many; they count with their padding.
    """

    together: int

    def scores(self, passages: Sequence[Passage], *, alone: bool) -> list[Scores]:
        """The scores of each passage, whatever others are given with it.

        ``alone`` tells that no others are computed meanwhile, so that all threads can serve these.
        """
        ...

    def roles(self, scores: Sequence[Scores], ends: Sequence[Ends]) -> list[Floats]:
        """``[triggers, fillers, roles]`` the logits of the links between the ends, for each passage."""
        ...


class OnnxBackend:
    """ONNX Runtime on the CPU: a window at a time on one thread, as many windows at once as there are threads.

    Nothing is padded and no window can change another's scores. Windows side by side also use many cores better than
    one window whose matrix products are divided. Only where a single window of a large model is all there is, are its
    products divided among the threads. A session does the one or the other: of a large model, each is loaded when it
    is first of use. See https://onnxruntime.ai/docs/performance/tune-performance/threading.html.
    """

    together = 256  # pieces; enough work to hand over to a thread at once

    def __init__(self, graph: Path, links: Path, *, threads: int = 1) -> None:
        """Name the two graphs of a model; ``threads`` is how many may serve a single window.

        Raises:
            ModelError: one of them cannot be loaded.
        """
        self._path = graph
        self._links = _session(links)
        # Dividing a small model's products takes longer than computing them on one thread.
        self._threads = threads if graph.stat().st_size >= _LARGE else 1
        self._sessions: dict[int, Any] = {}
        self._lock = threading.Lock()
        if self._threads == 1:
            self._session(1)

    def scores(self, passages: Sequence[Passage], *, alone: bool) -> list[Scores]:
        """The scores of each passage."""
        session = self._session(self._threads if alone else 1)
        return [
            Scores(*session.run(OUTPUTS, {name: getattr(passage, name) for name in INPUTS})) for passage in passages
        ]

    def _session(self, threads: int) -> Any:
        with self._lock:
            if threads not in self._sessions:
                self._sessions[threads] = _session(self._path, threads)
            return self._sessions[threads]

    def roles(self, scores: Sequence[Scores], ends: Sequence[Ends]) -> list[Floats]:
        """``[triggers, fillers, roles]`` for each passage."""
        return [
            self._links.run(LINK_OUTPUTS, {"words": one.words} | {name: getattr(e, name) for name in LINK_INPUTS[1:]})[
                0
            ]
            for one, e in zip(scores, ends, strict=True)
        ]


def _session(path: Path, threads: int = 1) -> Any:
    import onnxruntime  # slow to import, needed only here

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    try:
        # The fused form of this layer adds up one number after the other: it takes many times as long as its parts.
        return onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
    except Exception as problem:
        raise ModelError(
            f"{path} cannot be loaded by ONNX Runtime {onnxruntime.__version__} "
            f"({str(problem).splitlines()[0]:.200}); copy or export the model again"
        ) from None
