"""Training: a configuration and annotated articles in, a trained model out; resumable at any moment."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from datasets import Dataset
from transformers import (
    EarlyStoppingCallback,
    PrinterCallback,
    ProgressCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
    set_seed,
)

from rasid.artifact import ModelConfig
from rasid.decoding import Calibration
from rasid.document import Document
from rasid.predictor import Predictor
from rasid.schema import Schema
from rasid.windows import WindowSize
from rasid_annotations.corpus import fingerprint
from rasid_annotations.scoring import score
from rasid_training import calibration as calibrating
from rasid_training import hardware, run
from rasid_training.backend import TorchBackend
from rasid_training.config import Heads, Optimization, TrainingConfig
from rasid_training.encoders import LoadedEncoder, load_encoder
from rasid_training.examples import Collator, dataset, require_types
from rasid_training.export import Trained, versions
from rasid_training.model import RasidConfig, RasidModel


@dataclass(frozen=True, slots=True)
class Articles:
    """Annotated articles: to train on, and to choose on (may be empty)."""

    train: Sequence[Document]
    development: Sequence[Document] = ()


def train(
    config: TrainingConfig,
    schema: Schema,
    articles: Articles,
    output: Path,
    *,
    calibration: Calibration | None = None,
    provenance: Mapping[str, Any] | None = None,
    resume: bool = False,
    cache: Path | None = None,
) -> Trained:
    """Fine-tune an encoder with heads on annotated articles.

    Args:
        config: everything that decides the result.
        schema: the types.
        articles: what to train and to choose on.
        output: folder for checkpoints and TensorBoard logs.
        calibration: what to serve the model with where there are no development articles.
        provenance: entries for the model's record of where it comes from.
        resume: continue from the newest whole checkpoint in ``output``.
        cache: folder for computed features; None is one beside the checkpoints.

    Raises:
        TrainingError: ``output`` holds another run, or one that ``resume`` was not asked to continue.
        EncoderError: the encoder cannot be loaded.
        SchemaError: an article holds a type, role or modality that the schema does not have.
    """
    require_types([*articles.train, *articles.development], schema)
    identity = {
        "recipe": config.recipe(),
        "encoder": config.encoder.name,
        "schema": schema.to_dict(),
        "train": fingerprint(articles.train),
        "development": fingerprint(articles.development),
    }
    set_seed(config.optimization.seed)
    hardware.keep_memory()
    window = WindowSize(**asdict(config.windows))
    encoder = load_encoder(config.encoder, window)
    with _processes().main_process_first():
        checkpoint = run.newest_checkpoint(output)
        run.claim(output, identity, begun=checkpoint is not None, resume=resume)
        rows, lost = dataset(articles.train, encoder.tokenizer, schema, window, cache or output / "features")
    for line in lost:
        print(f"rasid: not representable, left out of training: {line}", file=sys.stderr)
    record = {
        "corpus": fingerprint(articles.train),
        "documents": [document.id for document in articles.train],
        "development": [document.id for document in articles.development],
        "versions": versions(),
        "not_representable": len(lost),
        **(provenance or {}),
    }
    served = ModelConfig(
        schema=schema,
        window=window,
        calibration=calibration or Calibration(),
        begin=encoder.begin,
        end=encoder.end,
        pad=encoder.pad,
        files={},
        provenance=record,
    )
    trained = Trained(_model(config.heads, schema, encoder), encoder.tokenizer, served)
    trainer = _trainer(trained, rows, config.optimization, articles.development, output)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    # The autocast of training stays around the model's forward; predictions and the graph must not run through it.
    trainer.accelerator.unwrap_model(trained.model, keep_fp32_wrapper=False)
    record["curve"] = _curve(trainer.state.log_history)
    if articles.development:
        record["development_f1"] = trainer.state.best_metric
        return _calibrated(trained, articles.development)
    return trained


def _model(heads: Heads, schema: Schema, encoder: LoadedEncoder) -> RasidModel:
    """The encoder with fresh heads."""
    config = RasidConfig(
        # Without the directory that it came from: a model tells nothing of the machine it was made on.
        encoder={**encoder.model.config.to_dict(), "_name_or_path": ""},
        schema=schema.to_dict(),
        spans=heads.spans,
        pair_width=heads.pair_width,
        dropout=heads.dropout,
    )
    return RasidModel(config, encoder=encoder.model)


def _trainer(
    trained: Trained, rows: Dataset, optimization: Optimization, development: Sequence[Document], output: Path
) -> _Trainer:
    arguments = _arguments(optimization, output, windows=len(rows), has_development=bool(development))
    config = trained.config
    collator = Collator(config.schema, config.begin, config.end, config.pad, config.window.longest)
    judge = _Judge(trained, development) if development else None
    trainer = _Trainer(trained.model, arguments, rows, collator, optimization, judge)
    trainer.pop_callback(PrinterCallback)
    trainer.pop_callback(ProgressCallback)
    trainer.add_callback(_Reporter())
    if judge and optimization.patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=optimization.patience))
    return trainer


def predictor(trained: Trained, calibration: Calibration | None = None) -> Predictor:
    """A predictor over a model in memory; ``calibration`` takes the place of the model's own."""
    config = trained.config if calibration is None else replace(trained.config, calibration=calibration)
    backend = TorchBackend(trained.model, pad=config.pad)
    return Predictor(config, trained.tokenizer, backend, max_characters=sys.maxsize)


def predict_loosely(trained: Trained, documents: Sequence[Document]) -> list[Document]:
    """Candidates with raw probabilities, for ``rasid_training.calibration``."""
    return list(predictor(trained, calibrating.loose(trained.config.schema)).stream_documents(documents))


def is_main_process() -> bool:
    """Whether this is the process that writes, where several train together."""
    return bool(_processes().is_main_process)


def _processes() -> PartialState:
    """The processes that train together; without a GPU they must be asked for by name to be seen."""
    return PartialState(cpu=not torch.cuda.is_available())


def _calibrated(trained: Trained, development: Sequence[Document]) -> Trained:
    """The same with probabilities and thresholds fitted on the development articles."""
    candidates = predict_loosely(trained, development)
    calibration = calibrating.fit(development, candidates, trained.config.schema)
    return replace(trained, config=replace(trained.config, calibration=calibration))


class _Judge:
    """Measures a model in training on the development articles, by the decoding that is served."""

    def __init__(self, trained: Trained, development: Sequence[Document]) -> None:
        self.trained, self.development = trained, development

    def __call__(self) -> dict[str, float]:
        candidates = predict_loosely(self.trained, self.development)
        calibration = calibrating.fit(self.development, candidates, self.trained.config.schema)
        predicted = [calibrating.apply(document, calibration) for document in candidates]
        report = score(self.development, predicted, resamples=0)
        # A layer that the development articles lack, like the events of a corpus of entities, says nothing.
        strict = {name: layer.strict.total for name, layer in report.layers.items()}
        by_layer = {name: total.f1 for name, total in strict.items() if total.gold}
        return {"f1": sum(by_layer.values()) / max(len(by_layer), 1)} | {
            f"{name}_f1": f1 for name, f1 in by_layer.items()
        }


class _Reporter(TrainerCallback):
    """Tells how far the training is, in some ten lines; the whole curve goes to TensorBoard."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,  # noqa: ARG002
        logs: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Called with each row that is logged."""
        if not state.is_world_process_zero or logs is None or state.epoch is None:
            return
        epochs = int(args.num_train_epochs)
        every = max(1, epochs // 10)
        if "loss" in logs and (round(state.epoch) % every == 0 or round(state.epoch) == epochs):
            print(f"rasid: epoch {round(state.epoch)} of {epochs}, loss {float(logs['loss']):.4g}", file=sys.stderr)
        if "eval_f1" in logs:
            print(f"rasid: epoch {state.epoch:.0f} of {epochs}, development F1 {logs['eval_f1']:.3f}", file=sys.stderr)


class _Trainer(Trainer):
    """The ``transformers`` Trainer with a rate of its own for the heads and evaluation by decoding."""

    def __init__(
        self,
        model: RasidModel,
        arguments: TrainingArguments,
        rows: Dataset,
        collator: Collator,
        optimization: Optimization,
        judge: _Judge | None,
    ) -> None:
        # An evaluation set must be there for evaluation to take place; the judge has its own articles.
        evaluated = rows if judge else None
        super().__init__(
            model=model, args=arguments, train_dataset=rows, eval_dataset=evaluated, data_collator=collator
        )
        self.optimization = optimization
        self.judge = judge
        self.model_accepts_loss_kwargs = False

    def create_optimizer(self, model: torch.nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW with four groups: encoder or heads, decayed or not (biases and norms are not)."""
        if self.optimizer is None:
            model = model or self.model
            assert model is not None
            decayed = set(self.get_decay_parameter_names(model))
            groups: dict[tuple[bool, bool], list[torch.nn.Parameter]] = {}
            for name, parameter in model.named_parameters():
                if parameter.requires_grad:
                    groups.setdefault((name.startswith("encoder."), name in decayed), []).append(parameter)
            self.optimizer = torch.optim.AdamW(
                [
                    {
                        "params": parameters,
                        "lr": self.optimization.learning_rate if encoder else self.optimization.head_learning_rate,
                        "weight_decay": self.optimization.weight_decay if decay else 0.0,
                    }
                    for (encoder, decay), parameters in groups.items()
                ],
                betas=(0.9, 0.98),
                fused=True,
            )
        return self.optimizer

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """F1 on the development articles; every process computes the same."""
        if self.judge is None:
            return {}
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in self.judge().items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics


def _arguments(optimization: Optimization, output: Path, *, windows: int, has_development: bool) -> TrainingArguments:
    every = optimization.evaluate_every if has_development else optimization.save_every
    # The best model can be loaded at the end only if it was saved when it was evaluated.
    share = optimization.batch_size * optimization.gradient_accumulation * _processes().num_processes
    steps = every * math.ceil(windows / share)
    gpu = torch.cuda.is_available()
    auto = "bf16" if gpu and torch.cuda.is_bf16_supported() else "fp32"
    return TrainingArguments(
        output_dir=str(output / run.CHECKPOINTS),
        per_device_train_batch_size=optimization.batch_size,
        gradient_accumulation_steps=optimization.gradient_accumulation,
        num_train_epochs=optimization.epochs,
        learning_rate=optimization.head_learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=optimization.warmup,
        max_grad_norm=optimization.max_gradient_norm,
        seed=optimization.seed,
        bf16=(auto if optimization.precision == "auto" else optimization.precision) == "bf16",
        train_sampling_strategy="group_by_length",  # half of a batch of sentences would be padding
        use_cpu=not gpu,
        logging_strategy="epoch",
        report_to="tensorboard",
        eval_strategy="steps" if has_development else "no",
        eval_steps=steps if has_development else None,
        save_strategy="steps",
        save_steps=steps,
        save_total_limit=2,
        load_best_model_at_end=has_development,
        metric_for_best_model="f1" if has_development else None,
        greater_is_better=True if has_development else None,
        remove_unused_columns=False,
        dataloader_pin_memory=gpu,
        disable_tqdm=not sys.stderr.isatty(),
    )


def _curve(history: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """Epoch, loss and development F1 as they were logged."""
    kept = ("epoch", "loss", "eval_f1", "eval_entities_f1", "eval_triggers_f1", "eval_arguments_f1")
    rows = [{key: round(float(row[key]), 4) for key in kept if key in row} for row in history]
    return [row for row in rows if len(row) > 1]
