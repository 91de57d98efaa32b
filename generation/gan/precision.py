"""Backward pass and optimiser step in the precision of the run; a step that is not finite is left out.

bfloat16 needs no more than autocast; float16 scales the loss so that small gradients do not vanish (Micikevicius et
al. 2018, arXiv 1710.03740, section 3.2). Nothing here waits for the device.
"""

from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm
from torch.profiler import record_function

from generation.gan.distributed import average, average_gradients

DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Stepper:
    """`backward(loss)` as often as there are losses, then `step()`: for one optimiser of the weights of `networks`."""

    def __init__(self, optimiser: torch.optim.Optimizer, *networks: nn.Module, precision: str, device: str) -> None:
        """`precision` float32, bfloat16 or float16. Raises ValueError for another."""
        if precision not in DTYPES:
            raise ValueError(f"precision is {precision!r}; it must be {', '.join(DTYPES)}")
        self.optimiser, self.networks = optimiser, networks
        self.device = torch.device(device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == "float16")
        self.losses: list[Tensor] = []

    def backward(self, loss: Tensor) -> None:
        """Gradients of `loss` (0-dim) are added to those that are there."""
        self.losses.append(loss.detach())
        self.scaler.scale(loss).backward()

    def step(self, *, skip: Tensor | None = None) -> Tensor:
        """Average the gradients over all processes, move the weights, clear the gradients.

        Returns a 0-dim float32: 1.0 when the step was left out because a loss or a gradient was not finite, or because
        `skip` (another step's answer) says so; then neither weights nor the optimiser's state change.
        """
        with record_function("optimiser"):
            average_gradients(*self.networks)
            if self.scaler.is_enabled():
                self.scaler.unscale_(self.optimiser)
            gradients = [one.grad for network in self.networks for one in network.parameters() if one.grad is not None]
            total = get_total_norm(gradients) + average(torch.stack(self.losses).sum().float())
            skipped = (~torch.isfinite(total)).float()
            if skip is not None:
                skipped = torch.maximum(skipped, skip)
            if self.optimiser.defaults.get("fused"):
                self.optimiser.found_inf = skipped  # type: ignore[attr-defined] # as GradScaler.step does
                self.optimiser.step()
                del self.optimiser.found_inf  # type: ignore[attr-defined]
            elif not bool(skipped):
                self.optimiser.step()
            if self.scaler.is_enabled():
                self.scaler.update()
            self.losses.clear()
            self.optimiser.zero_grad(set_to_none=True)
        return skipped

    def state(self) -> dict[str, Any]:
        """The loss scale; {} unless float16."""
        return self.scaler.state_dict()

    def load_state(self, values: dict[str, Any]) -> None:
        if self.scaler.is_enabled():
            self.scaler.load_state_dict(values)


def autocast(precision: str, *, device: str) -> AbstractContextManager[Any]:
    """Within it, the forward pass computes in `precision`; does nothing for float32."""
    dtype = DTYPES[precision]
    return torch.autocast(torch.device(device).type, dtype=dtype, enabled=dtype is not None)


class KeptBuffers:
    """Copies of networks' buffers (the running statistics of batch norm), to undo what a step that is left out did."""

    def __init__(self, *networks: nn.Module) -> None:
        self.live = [buffer for network in networks for buffer in network.buffers()]
        self.kept = [buffer.clone() for buffer in self.live]

    def keep(self) -> None:
        for kept, live in zip(self.kept, self.live, strict=True):
            kept.copy_(live)

    def restore_where(self, skipped: Tensor) -> None:
        """Back to what was kept when `skipped` (0-dim) is not 0."""
        back = skipped > 0
        for kept, live in zip(self.kept, self.live, strict=True):
            live.copy_(torch.where(back, kept, live))
