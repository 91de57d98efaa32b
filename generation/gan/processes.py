"""The process group of a run on several GPUs: joining it, whoever started the processes, and leaving it."""

import os
import sys
from datetime import timedelta
from pathlib import Path

import torch

# Its functions take the group of the moment of import as their default, and optimisers import it: imported while a
# group lives, it would keep that group, and its threads, to the end of the interpreter, which may then abort.
import torch.distributed.nn.functional
from torch import distributed

from worker.compute.devices import choose_device

PATIENCE = timedelta(hours=2)  # that processes wait for the first one, which saves and measures
BACKENDS = {"cpu": "gloo", "cuda": "cpu:gloo,cuda:nccl"}  # `distributed.agree` speaks through the CPU


def check_devices(wanted: str, *, processes: int) -> str:
    """The kind of device, "cpu" or "cuda", that each of so many processes is to train on.

    Raises ValueError, in words, when this machine does not have them. Several processes share a CPU only when "cpu" is
    asked for by name: it makes nothing faster.
    """
    device = choose_device(wanted)
    if processes < 1:
        raise ValueError(f"The number of GPUs is {processes}; it must be 1 or more")
    if processes == 1 or wanted == "cpu":
        return device
    found = torch.cuda.device_count() if device == "cuda" else 0
    if found < processes:
        has = f"has {found} GPU{'s' if found > 1 else ''}" if found else "has no GPU that PyTorch can use"
        raise ValueError(
            f"The run asks for {processes} GPUs, but this worker {has}. Choose {found or 1}, or a machine with more"
        )
    return device


def join_group(device: str, *, rank: int, processes: int, meeting: Path) -> str:
    """Join the group of `processes` processes of this machine; they meet through the file `meeting`, which must be new.

    Returns this process's device, "cpu" or "cuda:<rank>".
    """
    if sys.platform == "linux":  # one machine: nothing goes through a network, and none needs to be there
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    if device == "cuda":
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        BACKENDS[device], init_method=f"file://{meeting}", rank=rank, world_size=processes, timeout=PATIENCE
    )
    return f"cuda:{rank}" if device == "cuda" else device


def join_torchrun(wanted: str) -> None:
    """Join the process group that `torchrun` started; nothing alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or distributed.is_initialized():
        return
    device = choose_device(wanted)
    if device == "cuda":
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group(BACKENDS[device], timeout=PATIENCE)


def leave_group() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()
