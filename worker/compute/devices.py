"""Where a run computes, in words, and how exactly it repeats."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch


def choose_device(wanted: str = "auto") -> str:
    """ "auto" -> "cuda" where there is one, else "cpu". Raises ValueError for a device that is not there."""
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted not in ("cpu", "cuda"):
        raise ValueError(f"device is {wanted!r}; it must be auto, cpu or cuda")
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is 'cuda', but PyTorch finds no CUDA device on this machine; choose auto or cpu")
    return wanted


def device_name(device: str) -> str:
    """In words, for the record: the GPU's name, or the number of CPU threads."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


@contextmanager
def deterministic_algorithms(*, exact: bool = True) -> Iterator[None]:
    """Within it PyTorch uses only algorithms that give the same bits each time, on CPU and CUDA; then as before.

    `exact` False, for networks with an operation that has none: PyTorch chooses the fastest.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
    enabled = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    settings: Any = torch.utils.deterministic
    fill, benchmark = settings.fill_uninitialized_memory, torch.backends.cudnn.benchmark
    torch.use_deterministic_algorithms(exact)
    settings.fill_uninitialized_memory = False  # costs time and changes nothing here
    torch.backends.cudnn.benchmark = not exact
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=warn_only)
        settings.fill_uninitialized_memory = fill
        torch.backends.cudnn.benchmark = benchmark
