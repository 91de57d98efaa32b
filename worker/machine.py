"""What a machine has and what of it is free: processors, memory, disk, GPUs. For people to look at.

GPUs are asked of `nvidia-smi`, which comes with their driver: PyTorch would take a few hundred MB of each GPU's memory
to answer, and seconds to be imported.
"""

import csv
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

MIB = 2**20
GPU_COMMAND = (
    "nvidia-smi",
    "--query-gpu=index,name,memory.used,memory.total,utilization.gpu",
    "--format=csv,noheader,nounits",
)
GPU_PATIENCE_SECONDS = 5


@dataclass(frozen=True, kw_only=True)
class Gpu:
    index: int
    name: str
    memory_used: int | None  # bytes, by all programs; None: it does not say
    memory_total: int | None
    load: int | None  # percent of the time that something ran on it


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Bytes, and processors. None: this system does not say."""

    processors: int
    load: float | None  # processes that wanted to run, mean of the last minute
    memory_total: int | None
    memory_free: int | None  # that programs can still get
    disk_total: int
    disk_free: int  # of the disk with the site's files
    gpus: tuple[Gpu, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def measure_machine(directory: Path) -> Machine:
    """As it is now; `directory` is on the disk that is asked for. Takes some 50 ms where there are GPUs."""
    disk = shutil.disk_usage(directory)
    memory = _memory(Path("/proc/meminfo"))
    return Machine(
        processors=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        load=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        memory_total=memory.get("MemTotal"),
        memory_free=memory.get("MemAvailable"),
        disk_total=disk.total,
        disk_free=disk.free,
        gpus=find_gpus(),
    )


def find_gpus() -> tuple[Gpu, ...]:
    """None where there is no driver, or where it does not answer."""
    try:
        answer = subprocess.run(GPU_COMMAND, capture_output=True, text=True, timeout=GPU_PATIENCE_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    return read_gpus(answer.stdout)


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """Of what nvidia-smi writes: lines like "0, NVIDIA H100 80GB HBM3, 1024, 81559, 37"; memory in MiB."""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if len(row) == 5]
    return tuple(
        Gpu(
            index=int(index),
            name=name,
            memory_used=_times(used, MIB),
            memory_total=_times(total, MIB),
            load=_times(load, 1),
        )
        for index, name, used, total, load in rows
        if index.isdecimal()
    )


def _times(text: str, unit: int) -> int | None:
    return int(text) * unit if text.isdecimal() else None  # "[N/A]" on parts of a GPU


def _memory(path: Path) -> dict[str, int]:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.replace(":", " ").split() for line in lines)
    return {words[0]: int(words[1]) * 1024 for words in pairs if len(words) == 3}
