"""Generators that somebody else made, run in a child process (`generation.gan.foreign_child`).

What the child cannot do: run Python code of the file (TorchScript and ONNX hold none, pickles are refused), use more
memory, time or open files than it is given, write a file, read this process's environment or standard input, and, on
Linux where the system allows user namespaces, reach any network. What it can: read files that the user of the worker
can read, and find a fault in PyTorch or ONNX Runtime. It is not a virtual machine.
"""

import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from generation.gan.data import seed_of
from generation.gan.foreign_child import REQUEST, SHAPE
from generation.gan.foreign_files import ForeignError, check_file
from generation.gan.foreign_settings import Declaration
from generation.gan.sampling import BLOCK_SIZE, draw_latents

MAX_SIDE = 2048  # pixels
PIXELS_AT_ONCE = 32 * 128**2  # of one forward pass
RANGE_MARGIN = 0.1  # of the declared range: how far values may lie outside
ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one child may use."""

    memory_bytes: int = 8 * 2**30  # above what the libraries take
    cpu_seconds: int = 7 * 24 * 3600  # a sampling job of 50,000 large images takes days on a CPU
    load_seconds: float = 300
    answer_seconds: float = 900  # for one forward pass
    threads: int = 0  # 0: as many as there are cores


TRIAL_LIMITS = Limits(cpu_seconds=600, load_seconds=180, answer_seconds=180)
SAMPLING_LIMITS = Limits()


class ForeignProcess(AbstractContextManager["ForeignProcess"]):
    """A running child with the generator loaded; use it in a `with` statement.

    Raises ForeignError, in words, when the file cannot be used, and whenever the child fails.
    """

    def __init__(self, path: Path, declaration: Declaration, limits: Limits = SAMPLING_LIMITS) -> None:
        check_file(path, format=declaration.format)
        self.declaration, self.limits = declaration, limits
        self._folder = tempfile.TemporaryDirectory(prefix="foreign-")
        request_read, self._requests = os.pipe()
        self._answers, answer_write = os.pipe()
        specification = {
            "root": str(ROOT),
            "path": str(path.resolve()),
            "format": declaration.format,
            "latent_dim": declaration.latent_dim,
            "latent_shape": declaration.latent_shape,
            "class_input": declaration.class_input,
            "n_classes": len(declaration.classes),
            "generator": declaration.generator,
            "config": declaration.config,
            "memory_bytes": limits.memory_bytes + path.stat().st_size,
            "cpu_seconds": limits.cpu_seconds,
            "threads": limits.threads or os.cpu_count() or 1,
            "requests": request_read,
            "answers": answer_write,
        }
        if declaration.format == "safetensors":
            specification |= {"class_input": "index", "latent_shape": "vector"}
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed in __exit__
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("foreign_child.py")), json.dumps(specification)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._stderr,
            pass_fds=(request_read, answer_write),
            cwd=self._folder.name,
            env={
                "HOME": self._folder.name,
                "TMPDIR": self._folder.name,
                "PATH": os.defpath,
                "OMP_WAIT_POLICY": "PASSIVE",
            },
            start_new_session=True,
        )
        os.close(request_read)
        os.close(answer_write)
        try:
            (length,) = struct.unpack("<I", self._answer(4, limits.load_seconds, "loaded"))
            self.has_network = bool(json.loads(self._read(length, limits.load_seconds))["has_network"])
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        for descriptor in (self._requests, self._answers):
            with suppress(OSError):
                os.close(descriptor)
        self._process.kill()
        self._process.wait()
        self._stderr.close()
        self._folder.cleanup()

    def draw(self, latents: NDArray[np.float32], *, class_index: int, seed: int) -> NDArray[np.float32]:
        """Images (B, channels, side, side) as the generator gives them, from latents (B, latent_dim)."""
        batch = len(latents)
        head = REQUEST.pack(batch, class_index, seed)
        try:
            _write(self._requests, head + np.ascontiguousarray(latents, dtype="<f4").tobytes())
        except BrokenPipeError:
            raise ForeignError(self._death()) from None
        shape = SHAPE.unpack(self._answer(SHAPE.size, self.limits.answer_seconds, "drew"))
        count, channels, height, width = shape
        if count != batch or channels != self.declaration.channels or height != width or not 4 <= height <= MAX_SIDE:
            raise ForeignError(
                f"It makes images of shape {shape[1:]} (channels, height, width); declared are "
                f"{self.declaration.channels} channels, and they must be square, 4 to {MAX_SIDE} pixels"
            )
        data = self._read(4 * count * channels * height * width, self.limits.answer_seconds)
        images = np.frombuffer(data, dtype="<f4").reshape(shape)
        if not np.isfinite(images).all():
            raise ForeignError("It makes values that are not numbers (NaN or infinite). Export another state of it")
        return images

    def _answer(self, count: int, seconds: float, what: str) -> bytes:
        """The first `count` bytes of an answer that is not a refusal."""
        if self._read(1, seconds) == b"\x00":
            return self._read(count, seconds)
        (length,) = struct.unpack("<I", self._read(4, seconds))
        words = self._read(min(length, 2000), seconds).decode("utf-8", "replace")
        words = "".join(character if character.isprintable() else " " for character in words)[:500]
        raise ForeignError(f"The generator could not be {'loaded' if what == 'loaded' else 'run'}: {words}")

    def _read(self, count: int, seconds: float) -> bytes:
        deadline = time.monotonic() + seconds
        parts = []
        while count:
            ready, _, _ = select.select([self._answers], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise ForeignError(f"The generator gave no answer within {seconds:.0f} s and was stopped")
            part = os.read(self._answers, min(count, 2**20))
            if not part:
                raise ForeignError(self._death())
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _death(self) -> str:
        status = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read()[-300:].decode("utf-8", "replace")
        said = " ".join("".join(c if c.isprintable() else " " for c in said).split())
        if status == -24:  # SIGXCPU
            return f"The generator used more than {self.limits.cpu_seconds} s of processor time and was stopped"
        return (
            f"The generator's process ended (status {status}): the file is damaged, or needs more memory than "
            f"{self.limits.memory_bytes / 2**30:g} GiB. {said}".strip()
        )


class ForeignGenerator:
    """Draws blocks of grey images from a running child, as `generation.gan.sampling.sample_block` does from ours."""

    def __init__(self, process: ForeignProcess) -> None:
        self._process, self.declaration = process, process.declaration
        side = self.values(seed=0, class_index=0, block=0, count=1).shape[-1]
        self._batch = max(1, min(BLOCK_SIZE, PIXELS_AT_ONCE // side**2))

    def values(self, *, seed: int, class_index: int, block: int, count: int = BLOCK_SIZE) -> NDArray[np.float32]:
        """The first `count` images of a block in one forward pass, as the generator gives them."""
        latents = self.latents(seed=seed, class_index=class_index, block=block)[:count]
        return self._process.draw(latents, class_index=class_index, seed=seed_of(seed, class_index, block))

    def latents(self, *, seed: int, class_index: int, block: int) -> NDArray[np.float32]:
        """(BLOCK_SIZE, latent_dim): those of our own generators, for uniform input through the normal distribution."""
        normal = draw_latents(
            seed=seed,
            class_index=class_index,
            indices=range(block * BLOCK_SIZE, (block + 1) * BLOCK_SIZE),
            dim=self.declaration.latent_dim,
            std=1.0,
        )
        return (2 * ndtr(normal) - 1 if self.declaration.latent == "uniform" else normal).astype(np.float32)

    def draw_block(
        self, *, seed: int, class_index: int, block: int, before_each: Callable[[], None] = lambda: None
    ) -> NDArray[np.uint8]:
        """(BLOCK_SIZE, side, side) uint8. Raises ForeignError."""
        latents = self.latents(seed=seed, class_index=class_index, block=block)
        images: list[NDArray[np.uint8]] = []
        for start in range(0, BLOCK_SIZE, self._batch):
            before_each()
            own_seed = seed_of(seed, class_index, block, start)
            part = latents[start : start + self._batch]
            images.append(self.grey_levels(self._process.draw(part, class_index=class_index, seed=own_seed)))
        return np.concatenate(images)

    def grey_levels(self, values: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(B, side, side) uint8 from (B, channels, side, side) in the declared range; channels are averaged."""
        low, high = self.declaration.low_high
        levels = (values.astype(np.float64).mean(axis=1) - low) * (255 / (high - low))
        return np.clip(np.round(levels), 0, 255).astype(np.uint8)


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a first drawing showed."""

    images: NDArray[np.uint8]  # (classes, columns, side, side)
    side: int
    lowest: float
    highest: float
    has_network: bool
    difference: int | None  # grey levels between two drawings of one block in two processes
    notes: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        return {
            "side": self.side,
            "lowest": round(self.lowest, 4),
            "highest": round(self.highest, 4),
            "has_network": self.has_network,
            "difference": self.difference,
            "notes": list(self.notes),
        }


def try_generator(
    path: Path, declaration: Declaration, *, columns: int = 8, classes: int = 8, limits: Limits = TRIAL_LIMITS
) -> Trial:
    """Load the file in a child, draw from it, and compare with what was declared.

    Raises ForeignError when the file cannot be used or does not do what was declared.
    """
    shown = range(min(classes, len(declaration.classes)))
    notes: list[str] = []
    with ForeignProcess(path, declaration, limits) as process:
        generator = ForeignGenerator(process)
        values = [generator.values(seed=1, class_index=index, block=0, count=columns) for index in shown]
        first = generator.draw_block(seed=1, class_index=0, block=0)
        has_network = process.has_network
    lowest, highest = (float(f([f(one) for one in values])) for f in (np.min, np.max))
    _check_range(declaration, lowest, highest, values)
    grids = np.stack([generator.grey_levels(one) for one in values])
    if np.ptp(grids) < 3:
        raise ForeignError("All its images are of one grey level. Check the range of its values that was declared")
    if len({image.tobytes() for image in grids[0]}) == 1:
        notes.append("All images of a class are the same: it makes nothing of the latents.")
    if len(grids) > 1 and all(np.array_equal(grids[0], other) for other in grids[1:]):
        notes.append("The same latent gives the same image in each class of the trial.")
    with ForeignProcess(path, declaration, limits) as process:
        second = ForeignGenerator(process).draw_block(seed=1, class_index=0, block=0)
    difference = int(np.abs(first.astype(np.int16) - second).max())
    if difference > 8:
        notes.append("It draws random numbers of its own: an image cannot be made again.")
    if has_network:
        notes.append("This machine does not allow to cut the generator's process off from the network.")
    return Trial(
        images=grids,
        side=int(grids.shape[-1]),
        lowest=lowest,
        highest=highest,
        has_network=has_network,
        difference=difference,
        notes=tuple(notes),
    )


def _check_range(declaration: Declaration, lowest: float, highest: float, values: list[NDArray[np.float32]]) -> None:
    low, high = declaration.low_high
    margin = RANGE_MARGIN * (high - low)
    outside = float(np.mean([np.mean((one < low - margin) | (one > high + margin)) for one in values]))
    if outside > 0.01:
        raise ForeignError(
            f"Its values go from {lowest:.3g} to {highest:.3g}; declared is {low:g} to {high:g}. "
            f"Choose the right range ({100 * outside:.0f} % of the values lie far outside)"
        )


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
