"""The GPUs of one worker and which job has them. A job sees its own and no other (CUDA_VISIBLE_DEVICES)."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

VARIABLE = "WORKER_GPUS"  # of a worker process: "0,1", names such as "GPU-5e1b...", or "" for none


class Gpus:
    """`names` are what CUDA_VISIBLE_DEVICES takes: numbers, or the UUIDs of GPUs and of MIG parts."""

    def __init__(self, names: Sequence[str]) -> None:
        if len(set(names)) != len(names):
            raise ValueError(f"{VARIABLE} names a GPU twice: {', '.join(names)}")
        self.names = tuple(names)
        self._free = list(names)
        self._lock = threading.Lock()

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self, count: int) -> tuple[str, ...]:
        """The first `count` free ones. Raises ValueError when there are not so many."""
        with self._lock:
            if count > len(self._free):
                raise ValueError(f"{count} GPUs are wanted, {len(self._free)} of {len(self.names)} are free")
            taken, self._free = tuple(self._free[:count]), self._free[count:]
            return taken

    def give_back(self, taken: Sequence[str]) -> None:
        with self._lock:
            self._free = [name for name in self.names if name in self._free or name in taken]

    @contextmanager
    def taken(self, count: int) -> Iterator[tuple[str, ...]]:
        taken = self.take(count)
        try:
            yield taken
        finally:
            self.give_back(taken)


def gpus_from_environment() -> Gpus | None:
    """What WORKER_GPUS names; None when it is not set: then every job sees every GPU."""
    value = os.environ.get(VARIABLE)
    return None if value is None else Gpus([name.strip() for name in value.split(",") if name.strip()])


def find_gpus() -> list[str]:
    """Those that this process may use: CUDA_VISIBLE_DEVICES where it is set, else all that the driver knows."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    listed = subprocess.run(
        [program, "--query-gpu=uuid", "--format=csv,noheader"], capture_output=True, text=True, timeout=60, check=False
    )
    return listed.stdout.split() if listed.returncode == 0 else []
