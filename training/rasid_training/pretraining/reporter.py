"""The reporter of a pretraining run: a progress bar or lines, TensorBoard, throughput and share of the peak."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

_EVERY = 50  # steps between rows of the curve
_LINES = 30.0  # seconds between lines where there is no terminal


class Reporter:
    """Follows a run step by step."""

    def __init__(
        self, logs: Path, steps: int, done: int, precision: str, peaks: Mapping[str, float], losses: list[float]
    ) -> None:
        """Start reporting.

        Args:
            logs: folder for TensorBoard.
            steps: of the whole run.
            done: steps that an earlier part of the run has done.
            precision: in which the model computes, a key of ``peaks``.
            peaks: floating point operations a second in matrix products, by precision.
            losses: of the steps since the curve's last row; it is kept up to date.
        """
        self._precision, self._peaks = precision, peaks
        self._writer = _writer(logs, done)
        self._bar = tqdm(total=steps, initial=done, unit="step", disable=not sys.stderr.isatty())
        self._losses = losses
        self._speeds: list[tuple[float, float]] = []  # pieces and operations a second
        self._recent = 0
        self._next = time.monotonic()

    def follow(self, step: int, loss: float, seconds: float, pieces: int, work: float) -> dict[str, float] | None:
        """Take note of a step.

        Args:
            step: its number.
            loss: mean over the hidden pieces, in nats.
            seconds: that it took.
            pieces: that it read.
            work: floating point operations for each.

        Returns:
            A row of the curve, every now and then.
        """
        self._losses.append(loss)
        self._speeds.append((pieces / seconds, pieces / seconds * work))
        self._bar.update()
        last = step + 1 == self._bar.total
        if (step + 1) % _EVERY and not last:
            return None
        mean = statistics.fmean(self._losses)
        recent = self._speeds[self._recent :]
        speed, operations = (statistics.median(column) for column in zip(*recent, strict=True))
        self._losses.clear()
        self._recent = len(self._speeds)
        told = (
            f"loss {mean:.3f}, {speed:,.0f} pieces/s, "
            f"{operations / self._peaks[self._precision]:.0%} of the {self._precision} peak"
        )
        self._bar.set_postfix_str(told)
        if self._bar.disable and (last or time.monotonic() >= self._next):
            print(f"rasid: step {step + 1:,} of {self._bar.total:,}, {told}", file=sys.stderr, flush=True)
            self._next = time.monotonic() + _LINES
        if self._writer is not None:
            self._writer.add_scalar("loss", mean, step + 1)
            self._writer.add_scalar("pieces_per_second", speed, step + 1)
        return {"step": step + 1, "loss": round(mean, 4)}

    def reached(self) -> dict[str, Any]:
        """Median throughput of this part of the run, and the shares of the peaks."""
        if not self._speeds:
            return {}
        speed, operations = (statistics.median(column) for column in zip(*self._speeds, strict=True))
        return {
            "pieces_per_second": round(speed),
            "gflops": round(operations / 1e9),
            "peak_gflops": {name: round(peak / 1e9) for name, peak in self._peaks.items()},
            "share_of_peak": {name: round(operations / peak, 3) for name, peak in self._peaks.items()},
        }

    def close(self) -> None:
        """Write what is left."""
        self._bar.close()
        if self._writer is not None:
            self._writer.close()


def _writer(logs: Path, done: int) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:  # a machine with torch alone
        return None
    # What an interrupted part logged after its last checkpoint is written again.
    return SummaryWriter(str(logs), purge_step=done or None)
