"""Several processes that train one run, one per GPU: what each computes and how they agree.

Every function does nothing, or gives back what it got, when no process group was initialised (`torchrun` and
`generation.gan.train_alone` do that), so that recipes and networks call them always. All processes hold the same
weights and random states; process `rank` of `world` computes images rank, rank + world, ... of every batch.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.autograd.function import once_differentiable

_alone: ContextVar[bool] = ContextVar("alone", default=False)


@dataclass(frozen=True, kw_only=True)
class World:
    """How many processes there are and which one this is."""

    size: int = 1
    rank: int = 0

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0


def world() -> World:
    if _alone.get() or not (distributed.is_available() and distributed.is_initialized()):
        return World()
    return World(size=distributed.get_world_size(), rank=distributed.get_rank())


@contextmanager
def alone() -> Iterator[None]:
    """Within it this process computes as if it were the only one: for what one process does and others do not."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def share(batch: Tensor) -> Tensor:
    """This process's part of what was drawn for a whole batch: rows rank, rank + world, ... of (B, ...)."""
    here = world()
    return batch if here.size == 1 else batch[here.rank :: here.size]


def average_gradients(*networks: nn.Module) -> None:
    """Replace each gradient by its mean over all processes: those of a mean over the whole batch.

    One message for all parameters of a number type. Processes compute the same losses, so that a parameter has a
    gradient in all of them or in none.
    """
    here = world()
    if here.size == 1:
        return
    parameters = [one for network in networks for one in network.parameters() if one.grad is not None]
    for kind in {one.dtype for one in parameters}:
        gradients = [one.grad for one in parameters if one.dtype == kind and one.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        distributed.all_reduce(flat)
        flat.div_(here.size)
        for gradient, mean in zip(gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))


def average(values: Tensor) -> Tensor:
    """The mean of `values` over all processes, without gradient."""
    here = world()
    if here.size == 1:
        return values
    total = values.detach().clone()
    distributed.all_reduce(total)
    return total.div_(here.size)


def agree(flag: bool) -> bool:
    """True in every process when any says True. Waits for the slowest; the flag goes through the CPU."""
    if world().size == 1:
        return flag
    value = torch.tensor([float(flag)])
    distributed.all_reduce(value, op=distributed.ReduceOp.MAX)
    return bool(value.item())


def require_divisible(batch_sizes: Iterable[int]) -> None:
    """Raises ValueError when a batch cannot be shared out evenly."""
    size = world().size
    uneven = sorted({batch for batch in batch_sizes if batch % size})
    if uneven:
        raise ValueError(
            f"Batches of {', '.join(str(batch) for batch in uneven)} images cannot be shared evenly among {size} "
            f"processes; choose batch sizes that are multiples of {size}, or another number of processes"
        )


class BatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose statistics in training are those of the whole batch of all processes.

    `nn.SyncBatchNorm` does the same on GPUs only. With one process this is `nn.BatchNorm2d`, bit for bit.
    """

    def forward(self, maps: Tensor) -> Tensor:
        here = world()
        if not self.training or here.size == 1:
            return super().forward(maps)
        count = maps.numel() // maps.shape[1] * here.size
        mean = _Sum.apply(maps.sum(dim=(0, 2, 3))) / count
        centred = maps - mean[:, None, None]
        variance = _Sum.apply(centred.square().sum(dim=(0, 2, 3))) / count
        with torch.no_grad():
            assert self.running_mean is not None and self.running_var is not None  # noqa: PT018, S101 - as made here
            assert self.num_batches_tracked is not None and self.momentum is not None  # noqa: PT018, S101
            self.num_batches_tracked.add_(1)
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), self.momentum)
        scaled = centred * (torch.rsqrt(variance + self.eps) * self.weight)[:, None, None]
        return scaled + self.bias[:, None, None]


class _Sum(torch.autograd.Function):
    """Sum over processes; every process uses it in a loss of its own, so gradients are summed too."""

    @staticmethod
    def forward(context, values: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    @once_differentiable
    def backward(context, gradient: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        total = gradient.clone()
        distributed.all_reduce(total)
        return total
