"""The optimizer: fp32 weights behind an encoder that computes in fp32 or bf16."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rasid_training.pretraining.settings import Steps


class Optimizer:
    """Moves the weights of a model; keeps them in fp32 whatever the model computes in.

    The matrices inside the layers are moved by Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/)
    with steps as long as those of AdamW (Liu et al. 2025, *Muon is Scalable for LLM Training*), so that rates of both
    can be compared; embeddings, biases and norms are left to AdamW (Loshchilov & Hutter 2019).
    """

    def __init__(self, model: nn.Module, settings: Steps) -> None:
        self._settings = settings
        named = list(model.named_parameters())
        self._parameters: list[Tensor] = [parameter for _, parameter in named]
        self._weights = [parameter.detach().float().clone() for parameter in self._parameters]
        matrices: list[Tensor] = []
        others: list[Tensor] = []
        for (name, _), weight in zip(named, self._weights, strict=True):
            inside = weight.ndim == 2 and "embeddings" not in name
            (matrices if inside else others).append(weight)
        self._rates = [settings.learning_rate]
        undecayed = [{"params": others, "weight_decay": 0.0}]
        rate, decay = settings.learning_rate, settings.weight_decay
        self._parts: list[torch.optim.Optimizer]
        if settings.optimizer == "muon":
            self._rates.insert(0, settings.muon_learning_rate)
            self._parts = [
                torch.optim.Muon(matrices, lr=self._rates[0], weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
                torch.optim.AdamW(undecayed, lr=rate, betas=(0.9, 0.98), fused=True),
            ]
        else:
            groups = [{"params": matrices, "weight_decay": decay}, *undecayed]
            self._parts = [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)]

    def step(self, share: float) -> float:
        """Move the weights along the model's gradients, which are emptied.

        Args:
            share: of the highest learning rate.

        Returns:
            The length of the gradient before it was shortened.
        """
        for weight, parameter in zip(self._weights, self._parameters, strict=True):
            weight.grad = torch.zeros_like(weight) if parameter.grad is None else parameter.grad.float()
            parameter.grad = None
        length = nn.utils.get_total_norm([weight.grad for weight in self._weights if weight.grad is not None])
        nn.utils.clip_grads_with_norm_(self._weights, self._settings.max_gradient_norm, length)
        for part, rate in zip(self._parts, self._rates, strict=True):
            for group in part.param_groups:
                group["lr"] = rate * share
            part.step()
        self.show()
        return float(length)

    def state(self) -> dict[str, Any]:
        """Everything that :meth:`restore` needs."""
        return {"weights": self._weights, "parts": [part.state_dict() for part in self._parts]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a :meth:`state`."""
        weights: list[Tensor] = state["weights"]
        with torch.no_grad():
            for weight, saved in zip(self._weights, weights, strict=True):
                weight.copy_(saved)
        for part, saved_part in zip(self._parts, state["parts"], strict=True):
            part.load_state_dict(saved_part)
        self.show()

    def show(self) -> None:
        """Let the model compute with the weights, in its own precision."""
        with torch.no_grad():
            torch._foreach_copy_(self._parameters, self._weights)
            for weight in self._weights:
                weight.grad = None
