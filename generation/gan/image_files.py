"""Training images in a directory, mapped into memory instead of read: sets larger than the machine's memory.

A directory holds `pixels.npy` (N, side, side[, 3]) uint8, `labels.npy` (N,) int64 and `classes.json`. What is made
from it stands beside it and is made again when the pixels change: smaller levels (`pixels-0128.npy`) and digests.
"""

import hashlib
import json
import mmap
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from generation.gan.data import TrainingImages

PIXELS, LABELS, CLASSES = "pixels.npy", "labels.npy", "classes.json"
BLOCK_BYTES = 2**24  # pixels handled at a time: 16 MB, 64 MB as floating point numbers
FLUSH_EVERY = 16  # blocks that are written to the disk at a time: a second or so of a slow one

Step = Callable[[int, int], None]  # told how many images of how many are done, now and then; leaves by raising


def silently(done: int, total: int) -> None:
    """A `Step` that neither tells nor stops."""


def open_training_images(path: Path, *, step: Step = silently) -> "TrainingImages":
    """The images of a directory, mapped, or of an .npz file with `pixels`, `labels` and `classes`, read into memory.

    `step` is called while a directory's digest is computed, the first time that it is opened. Raises ValueError, naming
    the file, when one is missing or is not what it should be.
    """
    from generation.gan.data import TrainingImages

    try:
        if path.is_dir():
            return TrainingImages(
                pixels=np.load(path / PIXELS, mmap_mode="r", allow_pickle=False),
                labels=np.load(path / LABELS, allow_pickle=False).astype(np.int64),
                classes=tuple(json.loads((path / CLASSES).read_text(encoding="utf-8"))),
                step=step,
            )
        with np.load(path, allow_pickle=False) as file:
            return TrainingImages(
                pixels=file["pixels"],
                labels=file["labels"].astype(np.int64),
                classes=tuple(str(name) for name in file["classes"]),
            )
    except (OSError, KeyError, ValueError, EOFError) as error:
        raise ValueError(
            f"{path} cannot be read as training images: {error}. It must be a directory with {PIXELS}, {LABELS} and "
            f"{CLASSES}, or an .npz file with pixels, labels and classes"
        ) from error


class ImageWriter:
    """Writes a directory for `open_training_images` image by image, in little memory.

    Fill `pixels[i]`, then `finish`; without that the directory is not complete and cannot be opened.
    """

    def __init__(self, directory: Path, *, count: int, side: int, colour: bool = False) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        shape = (count, side, side, 3) if colour else (count, side, side)
        (directory / CLASSES).unlink(missing_ok=True)
        self.pixels = np.lib.format.open_memmap(directory / PIXELS, mode="w+", dtype=np.uint8, shape=shape)

    def finish(self, *, labels: NDArray[np.int64], classes: tuple[str, ...]) -> "TrainingImages":
        self.pixels.flush()
        np.save(self.directory / LABELS, labels)
        (self.directory / CLASSES).write_text(json.dumps(list(classes)), encoding="utf-8")
        return open_training_images(self.directory)


def halvings(side: int, size: int) -> list[int]:
    """[side / 2, side / 4, ..., size]. Raises ValueError when `size` is none of these."""
    sizes = [side // 2]
    while sizes[-1] > size and sizes[-1] % 2 == 0:
        sizes.append(sizes[-1] // 2)
    if side % 2 or sizes[-1] != size:
        raise ValueError(
            f"The training images have {side} pixels a side; this run needs {size}, which is not the same halved once "
            "or more. Render them at the size of the generator"
        )
    return sizes


def box_levels(pixels: NDArray[np.uint8], sizes: list[int], *, step: Step = silently) -> dict[int, NDArray[np.uint8]]:
    """uint8 (N, side, side[, 3]) -> the same at each of `sizes`, which are `halvings` of side, in one pass.

    The mean of each 2 x 2 pixels of a level, in floating point, is the next (the data preparation of Karras et al.
    2018, arXiv 1710.10196); only what is kept is rounded, half to even. Levels of mapped pixels are files beside
    theirs, and are mapped too; those that are there are not made again. When `step` raises, no file is left.
    """
    levels: dict[int, NDArray[np.uint8]] = {}
    temporary: dict[int, Path] = {}
    for size in sizes:
        shape = (len(pixels), size, size, *pixels.shape[3:])
        path = _level_path(pixels, size)
        if path is None:
            levels[size] = np.empty(shape, dtype=np.uint8)
            continue
        kept = _kept_level(path, shape, pixels)
        if kept is None:
            temporary[size] = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            kept = np.lib.format.open_memmap(temporary[size], mode="w+", dtype=np.uint8, shape=shape)
        levels[size] = kept
    missing = [size for size in sizes if size in temporary or _level_path(pixels, size) is None]
    if missing:
        try:
            _fill(pixels, {size: levels[size] for size in missing}, sizes, step)
        except BaseException:
            for path in temporary.values():
                path.unlink(missing_ok=True)
            raise
    for size, written in temporary.items():
        path = written.with_name(f"pixels-{size:04d}.npy")
        levels[size].flush()  # type: ignore[attr-defined] # a memmap
        written.replace(path)
        levels[size] = np.load(path, mmap_mode="r", allow_pickle=False)
    return levels


def _fill(pixels: NDArray[np.uint8], levels: dict[int, NDArray[np.uint8]], sizes: list[int], step: Step) -> None:
    block = max(1, BLOCK_BYTES // max(1, pixels[0].size)) if len(pixels) else 1
    for start in range(0, len(pixels), block):
        step(start, len(pixels))
        if start // block % FLUSH_EVERY == FLUSH_EVERY - 1:
            for kept in levels.values():
                if isinstance(kept, np.memmap):
                    kept.flush()  # at the end alone it would take as long as all of this
        level = pixels[start : start + block].astype(np.float32)
        for size in sizes:
            level = level[:, 0::2, 0::2] + level[:, 0::2, 1::2] + level[:, 1::2, 0::2] + level[:, 1::2, 1::2]
            level *= np.float32(0.25)
            if size in levels:
                levels[size][start : start + block] = np.rint(level)


def expect(pixels: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
    """Ask the system for these rows of mapped pixels all at once; read one by one, each would wait for the disk."""
    mapping = pixels.base
    if not isinstance(mapping, mmap.mmap) or not hasattr(mmap, "MADV_WILLNEED"):
        return
    first = pixels.ctypes.data - np.frombuffer(mapping, dtype=np.uint8).ctypes.data
    stride, size = pixels.strides[0], pixels[0].nbytes
    for row in rows.tolist():
        start = first + row * stride
        page = start - start % mmap.PAGESIZE
        mapping.madvise(mmap.MADV_WILLNEED, page, start + size - page)


def remembered(pixels: NDArray[np.uint8], about: bytes, compute: Callable[[], str]) -> str:
    """`compute()`, a digest of `pixels` and `about`; of mapped pixels it is kept in a file while they stay as they are.

    "As they are" is by size and time of change of the file, as in `make`: reading 100 GB at each start takes minutes.
    """
    source = _file_of(pixels)
    if source is None:
        return compute()
    stat = source.stat()
    key = hashlib.sha256(repr((stat.st_size, stat.st_mtime_ns, pixels.shape)).encode() + about).hexdigest()
    path = source.with_suffix(".sha256.json")
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict) or not isinstance(known.get(key), str):
        known = {**(known if isinstance(known, dict) else {}), key: compute()}
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            temporary.write_text(json.dumps(known), encoding="utf-8")
            temporary.replace(path)
        except OSError:  # a read-only directory: computed again next time
            temporary.unlink(missing_ok=True)
    digest: str = known[key]
    return digest


def _file_of(pixels: NDArray[np.uint8]) -> Path | None:
    name = getattr(pixels, "filename", None) if isinstance(pixels, np.memmap) else None
    return Path(name) if name else None


def _level_path(pixels: NDArray[np.uint8], size: int) -> Path | None:
    source = _file_of(pixels)
    return None if source is None else source.with_name(f"{source.stem}-{size:04d}.npy")


def _kept_level(path: Path, shape: tuple[int, ...], pixels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    source = _file_of(pixels)
    try:
        if source is None or path.stat().st_mtime_ns < source.stat().st_mtime_ns:
            return None
        kept: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return kept if kept.shape == shape and kept.dtype == np.uint8 else None
