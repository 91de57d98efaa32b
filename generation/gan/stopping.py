"""Leaving a long computation half way, because the run is to stop.

A training step of a large network takes minutes on a CPU; nobody waits so long for a cancel. What is left half way is
worth nothing: the caller puts back the state of before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Abort = Callable[[], bool]


class StoppedError(Exception):
    """Raised within a computation that is to be left."""


def leave_if(abort: Abort | None) -> None:
    """Raises StoppedError when `abort` says so."""
    if abort is not None and abort():
        raise StoppedError


@contextmanager
def stoppable(abort: Abort) -> Iterator[None]:
    """Within it `abort` is asked at every operation of a forward, backward or double backward pass.

    To be exact: whenever a result is kept for the derivative, and whenever one is used in it. The numbers stay the
    same. It costs a call of Python each time, so it is for passes that take long.
    """

    def pass_on(values: Tensor) -> Tensor:
        leave_if(abort)
        return values

    with torch.autograd.graph.saved_tensors_hooks(pass_on, pass_on):
        yield


@contextmanager
def stoppable_network(network: nn.Module, abort: Abort | None) -> Iterator[None]:
    """Within it `abort` is asked before every layer of `network`, also without derivatives.

    A compiled network is left as it is: it would be compiled anew.
    """
    modules = [] if abort is None or getattr(network, "_compiled_call_impl", None) else list(network.modules())

    def ask(*_: Any) -> None:
        leave_if(abort)

    handles = [module.register_forward_pre_hook(ask) for module in modules]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
