"""The hardware: which device, how fast it multiplies matrices, and what share of that a run reaches."""

from __future__ import annotations

import ctypes
import sys
import time

import torch

from rasid_training.pretraining.settings import Shape

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4  # malloc.h of the GNU C library


def device() -> torch.device:
    """A GPU where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def keep_memory() -> None:
    """Let the process keep the memory it frees: giving it back and taking it again costs a quarter of a step.

    Takes effect with the GNU C library; elsewhere nothing is changed.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_MAX, 0)
        mallopt(_M_TRIM_THRESHOLD, -1)
        mallopt(_M_TOP_PAD, 256 * 2**20)


def peak(where: torch.device, dtype: torch.dtype, *, size: int | None = None, seconds: float = 1.0) -> float:
    """Floating point operations a second in the product of two square matrices: the best of several."""
    size = size or (8192 if where.type == "cuda" else 2048)
    a, b = (torch.randn(size, size, device=where).to(dtype) for _ in range(2))
    best = 0.0
    end = time.perf_counter() + seconds
    while not best or time.perf_counter() < end:
        begin = time.perf_counter()
        a @ b
        if where.type == "cuda":
            torch.cuda.synchronize(where)
        best = max(best, 2 * size**3 / (time.perf_counter() - begin))
    return best


def work(shape: Shape, *, length: int, rate: float) -> float:
    """Floating point operations to train on one piece, in sequences of ``length`` with a share ``rate`` hidden.

    Counts the products of matrices, each once forward and twice backward (Kaplan et al. 2020, section 2.1), the
    attention over the sequence, and the prediction of hidden pieces; nothing else.
    """
    layers = shape.layers * (12 * shape.width**2 + 2 * length * shape.width)
    prediction = rate * (shape.width * shape.vocabulary + shape.width**2)
    return 6 * (layers + prediction)
