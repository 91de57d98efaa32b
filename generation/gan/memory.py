"""Memory: what to change when there is not enough."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

import torch

from generation.gan.recipe import Stage


class TrainingMemoryError(MemoryError):
    """The device's memory does not hold a step. The text says which setting to change."""


@contextmanager
def explain_out_of_memory(config: Any, stage: Callable[[], Stage]) -> Iterator[None]:
    """Turn PyTorch's and Python's own errors into a TrainingMemoryError in words."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, TrainingMemoryError) or not is_out_of_memory(error):
            raise
        raise TrainingMemoryError(out_of_memory_advice(config, stage())) from error


def is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)


def out_of_memory_advice(config: Any, stage: Stage) -> str:
    names = [one.name for one in fields(config) if "batch" in one.name]
    setting = " or ".join(names) or "the batch size"
    return (
        f"There is not enough memory for a step of {stage.batch_size} images of {stage.image_size} x "
        f"{stage.image_size} pixels. Lower {setting} (by half, say) and start a new run, or train on a machine or GPU "
        "with more memory that no other job uses at the same time. What was saved before is kept."
    )
