"""Many images as one array on disk: rendered as studies render them, kept for a resume, in bounded memory.

For jobs that compute on thousands of images: pictures are rendered one by one into a memory-mapped file.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imaging.rendering import render_square
from imaging.storage import load_pixels

NOTE_EVERY = 500  # images, at most, between two notes of how far it is
NOTE_BYTES = 2**26  # at most: what a cancel waits for to reach the disk


class RenderingError(ValueError):
    """An image that cannot be read, or a full disk; the text says which."""


def images_digest(hashes: Sequence[str], labels: Sequence[str]) -> str:
    """SHA-256 over lines "<pixel hash> <label>": which images, in which order, without the images."""
    lines = (f"{sha256} {label}\n" for sha256, label in zip(hashes, labels, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def render_to_file(
    path: Path, hashes: Sequence[str], *, size: int, step: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.uint8]:
    """Images of the store as (N, size, size) uint8 in the .npy file `path`, mapped for reading.

    What an earlier call has rendered into the file is not rendered again: a note beside it (`path` with .json) says
    which images it holds and how many of them are there. `step(done, total)` is called after each image; what it raises
    leaves the file as far as it is. Raises RenderingError for an image that cannot be read or a full disk.
    """
    note = path.with_suffix(".json")
    digest = hashlib.sha256("\n".join(hashes).encode()).hexdigest()
    begin = _rendered(path, note, digest, size)
    if begin < len(hashes):
        pixels = _open(path, len(hashes), size, begin)
        every = max(1, min(NOTE_EVERY, NOTE_BYTES // size**2))
        try:
            for position in range(begin, len(hashes)):
                step(position, len(hashes))
                try:
                    pixels[position] = render_square(load_pixels(hashes[position]), size)
                except (OSError, ValueError) as error:
                    raise RenderingError(f"Image {hashes[position][:12]} cannot be read: {error}") from error
                begin = position + 1
                if begin % every == 0:
                    _write_note(pixels, note, digest, size, begin)
        finally:
            _write_note(pixels, note, digest, size, begin)
    step(len(hashes), len(hashes))
    found: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    return found


def _open(path: Path, count: int, size: int, begin: int) -> np.memmap:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        return np.lib.format.open_memmap(path, mode="r+" if begin else "w+", dtype=np.uint8, shape=(count, size, size))
    except OSError as error:
        raise RenderingError(f"There is no room for the images ({count * size**2 / 1e9:.1f} GB): {error}") from error


def _rendered(path: Path, note: Path, digest: str, size: int) -> int:
    """How many of these images are in the file already."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        values = json.loads(note.read_text())
        if (values["digest"], values["size"]) == (digest, size) and path.is_file():
            return int(values["done"])
    return 0


def _write_note(pixels: np.memmap, note: Path, digest: str, size: int, done: int) -> None:
    pixels.flush()  # pixels are on the disk before the note says so
    temporary = note.with_suffix(".tmp")
    temporary.write_text(json.dumps({"digest": digest, "size": size, "done": done}))
    temporary.replace(note)
