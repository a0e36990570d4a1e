"""The pretraining loop: settings in, an encoder in the `transformers` BERT format out; resumable at any moment.

Masked-language modelling (Devlin et al. 2019) with whole words hidden, the loss computed where something is hidden
only.
"""

from __future__ import annotations

import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from rasid.artifact import sha256
from rasid.files import replacing, replacing_folder, write_json
from rasid_training import hardware
from rasid_training.pretraining import encoder
from rasid_training.pretraining.batches import Batch, Batches, ahead
from rasid_training.pretraining.optimizer import Optimizer
from rasid_training.pretraining.reporter import Reporter
from rasid_training.pretraining.settings import Pretraining, PretrainingError
from rasid_training.pretraining.shards import Corpus, prepare
from rasid_training.run import claim

NEWEST, STABLE = "newest.pt", "stable.pt"
RECORD = "pretraining.json"
SETTINGS, START = "settings.json", "start"
_DROPOUT = 0.1  # for those who fine-tune the encoder; text that is read once or twice needs none


def pretrain(settings: Pretraining, *, resume: bool = False) -> Path:
    """Pretrain an encoder.

    The folder ``settings.output`` gets ``shards/`` (the tokenised text), ``newest.pt`` (the newest checkpoint),
    ``stable.pt`` (the last one before the learning rate falls: from it a run with more pieces goes on), ``logs/`` for
    TensorBoard and, at the end, ``encoder/``.

    Args:
        settings: everything that decides the weights.
        resume: continue the run that lies in the folder; it may have been meant to read fewer pieces.

    Returns:
        The directory of the encoder: ``config.json``, ``model.safetensors`` in half precision, ``tokenizer.json``,
        and ``pretraining.json`` with the settings, the curve and what was measured, and how the encoder was made
        that it went on from.

    Raises:
        TrainingError: the folder holds another run, or one that ``resume`` was not asked to continue.
        PretrainingError: a shard or a text is not what the settings say; the run has gone too far to be ended where
            they want.
    """
    hardware.keep_memory()
    folder = Path(settings.output)
    checkpoint = _checkpoint(folder, settings, resume=resume)
    torch.manual_seed(settings.optimization.seed)
    corpus = prepare(settings, folder / "shards")
    if corpus.tokenizer.get_vocab_size() > settings.encoder.vocabulary:
        raise PretrainingError(
            f"{folder / 'shards'}: its tokenizer has {corpus.tokenizer.get_vocab_size():,} pieces, the settings say "
            f"{settings.encoder.vocabulary:,}; they are not of one run"
        )
    run = _Run(settings, corpus, checkpoint)
    return run.write(folder / "encoder", speed=run.train(folder))


def prepare_only(settings: Pretraining) -> Path:
    """Tokenise the text and write the settings down, for a machine that has torch alone; the run's folder.

    The encoder to go on from, if any, is copied beside them, to ``start/``.
    """
    folder = Path(settings.output)
    prepare(settings, folder / "shards")
    if settings.start is not None:
        with replacing_folder(folder / START) as made:
            shutil.copytree(settings.start, made, dirs_exist_ok=True)
    write_json(folder / SETTINGS, settings.to_dict())
    return folder


def _checkpoint(folder: Path, settings: Pretraining, *, resume: bool) -> dict[str, Any] | None:
    """The checkpoint to continue from, if any; the run is written down.

    Raises:
        TrainingError: the folder is of another run, or of one that ``resume`` was not asked to continue.
        PretrainingError: the run has gone too far to end where the settings want.
    """
    identity = settings.recipe()
    del identity["optimization"]["pieces"]  # a run may be made longer
    if settings.start is not None:
        identity["start"] = sha256(encoder.weights_of(settings.start))
    begun = (folder / NEWEST).is_file()
    claim(folder, identity, begun=begun, resume=resume)
    if not begun:
        return None
    optimization = settings.optimization
    for name in (NEWEST, STABLE):
        if (folder / name).is_file():
            checkpoint = _load(folder / name)
            steady = not checkpoint["decaying"] and checkpoint["step"] <= optimization.falling
            if steady or checkpoint["pieces"] == optimization.pieces:
                return checkpoint
    raise PretrainingError(
        f"{folder} holds a run that has gone past where the learning rate would begin to fall in one of "
        f"{optimization.pieces:,} pieces; ask for more pieces, or name another output"
    )


def _made(start: Path) -> dict[str, Any]:
    """How the encoder that was gone on from was made, as far as it tells; its curve is left out."""
    record = start / RECORD
    if not record.is_file():
        return {}
    told: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return {key: value for key, value in told.items() if key != "curve"}


def _load(path: Path) -> dict[str, Any]:
    return torch.load(path, map_location="cpu", weights_only=True)


class _Run:
    """A run in memory."""

    def __init__(self, settings: Pretraining, corpus: Corpus, checkpoint: dict[str, Any] | None) -> None:
        self.settings, self.corpus = settings, corpus
        self.batches = Batches(corpus, settings)
        self.device = hardware.device()
        self.peaks = {
            name: hardware.peak(self.device, dtype)
            for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))
        }
        precision = checkpoint["precision"] if checkpoint else settings.optimization.precision
        if precision == "auto":
            precision = max(self.peaks, key=lambda name: self.peaks[name])
        self.precision: str = precision
        self.model = encoder.model(settings.encoder, "sdpa" if self.device.type == "cuda" else "eager")
        if checkpoint is None and settings.start is not None:
            encoder.go_on_from(settings.start, self.model, scale=settings.start_scale)
        elif checkpoint is None:
            encoder.initialise(self.model, settings, corpus)
        module: nn.Module = self.model
        module.to(self.device).train()
        self.optimizer = Optimizer(self.model, settings.optimization)  # takes the weights before they are rounded
        if precision == "bf16":
            self.model.bfloat16()
        # Compilation pays on a GPU; on a CPU the matrix products take most of the time already.
        self.encode = torch.compile(self.model.bert) if self.device.type == "cuda" else self.model.bert
        self.step, self.seconds = 0, 0.0
        self.curve: list[dict[str, float]] = []
        self.losses: list[float] = []  # since the curve's last row
        if checkpoint is not None:
            self.optimizer.restore(checkpoint["optimizer"])
            self.step, self.seconds = checkpoint["step"], checkpoint["seconds"]
            self.curve, self.losses = checkpoint["curve"], checkpoint["losses"]

    def train(self, folder: Path) -> dict[str, Any]:
        """All steps that are left; the throughput that was reached."""
        optimization = self.settings.optimization
        reporter = Reporter(folder / "logs", self.batches.steps, self.step, self.precision, self.peaks, self.losses)
        saved = time.monotonic()
        try:
            for step, parts in ahead(self.batches, self.step):
                if step == optimization.falling:
                    self._save(folder / STABLE)
                begin = time.perf_counter()
                loss = self._gradients(parts)
                self.optimizer.step(_share(step, self.batches.steps, optimization.warmup, optimization.decay))
                passed = time.perf_counter() - begin
                self.step, self.seconds = step + 1, self.seconds + passed
                _, stage = self.batches.stage(step)
                work = hardware.work(self.settings.encoder, length=stage.length, rate=self.batches.rate(step))
                row = reporter.follow(
                    step, loss, passed, stage.length * (optimization.batch_pieces // stage.length), work
                )
                if row is not None:
                    self.curve.append(row)
                if time.monotonic() - saved > optimization.save_every:
                    self._save(folder / NEWEST)
                    saved = time.monotonic()
        except KeyboardInterrupt:
            self._save(folder / NEWEST)
            print(f"\nrasid: stopped after {self.step:,} steps; continue with --resume", file=sys.stderr)
            raise
        finally:
            reporter.close()
        self._save(folder / NEWEST)
        return reporter.reached()

    def _gradients(self, parts: list[Batch]) -> float:
        """Add up the gradients of a step; the mean loss of its hidden pieces, in nats."""
        hidden = sum(len(part.hidden) for part in parts)
        total = torch.zeros((), device=self.device)
        for part in parts:
            loss = self._loss(part) / hidden
            loss.backward()
            total += loss.detach()
        return float(total)

    def _loss(self, batch: Batch) -> Tensor:
        """Sum of the losses over the hidden pieces."""
        pieces, first, hidden, targets = (
            torch.from_numpy(array).to(self.device, non_blocking=True)
            for array in (batch.pieces, batch.first, batch.hidden, batch.targets)
        )
        positions = first[:, None] + torch.arange(pieces.shape[1], device=self.device)
        states = self.encode(input_ids=pieces, position_ids=positions).last_hidden_state.flatten(0, 1)
        guesses = self.model.cls(states.index_select(0, hidden))
        return functional.cross_entropy(guesses.float(), targets, reduction="sum")

    @torch.no_grad()
    def development(self) -> dict[str, float]:
        """Loss on the development part in nats for each hidden piece and for each hidden word.

        Only the loss for each word can be compared between vocabularies. ``longest`` is that of a word in sequences as
        long as the encoder can read: much more than ``word`` and it cannot read them.
        """
        longest = self.settings.encoder.longest
        piece, word = self._development(min(128, longest))
        return {"piece": piece, "word": word, "longest": self._development(longest)[1]}

    def _development(self, length: int) -> tuple[float, float]:
        self.model.eval()
        loss, pieces, words = 0.0, 0, 0
        for batch in self.batches.development(length, together=max(1, 8192 // length)):
            loss += float(self._loss(batch))
            pieces += len(batch.hidden)
            words += batch.words
        self.model.train()
        return loss / pieces, loss / words

    def _save(self, path: Path) -> None:
        state = {
            "step": self.step,
            "pieces": self.settings.optimization.pieces,
            "seconds": self.seconds,
            "precision": self.precision,
            "curve": self.curve,
            "losses": self.losses,
            "decaying": self.step > self.settings.optimization.falling,
            "optimizer": self.optimizer.state(),
        }
        with replacing(path) as partial:
            torch.save(state, partial)

    def write(self, folder: Path, *, speed: dict[str, Any]) -> Path:
        """The encoder, with the record of its making, whole or not at all."""
        development = self.development()
        record = {
            "recipe": self.settings.recipe(),
            "pieces": self.step * self.settings.optimization.batch_pieces,
            "corpus": {"training": self.corpus.pieces, "development": len(self.corpus.development)},
            "development_loss": {name: round(value, 4) for name, value in development.items()},
            "hours": round(self.seconds / 3600, 2),
            "precision": self.precision,
            "speed": speed,
            "versions": {"torch": torch.__version__},
            "curve": self.curve,
        }
        if self.settings.start is not None:
            record["start"] = _made(Path(self.settings.start))
        self.model.float()
        self.optimizer.show()  # the weights themselves, not what bf16 left of them
        model = self.model.cpu().half()
        model.config.dtype = torch.float16
        model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = _DROPOUT
        with replacing_folder(folder) as made:
            model.save_pretrained(made)
            self.corpus.tokenizer.save(str(made / "tokenizer.json"))
            write_json(made / RECORD, record)
        print(
            f"rasid: development loss {development['piece']:.3f} a piece, {development['word']:.3f} a word, "
            f"{development['longest']:.3f} a word in the longest windows (nats)",
            file=sys.stderr,
        )
        return folder


def _share(step: int, steps: int, warmup: float, decay: float) -> float:
    """Share of the highest learning rate: it rises, stays, and falls to 0."""
    rise = (step + 1) / max(1.0, warmup * steps)
    fall = (steps - step) / max(1.0, decay * steps)
    return min(1.0, rise, fall)
