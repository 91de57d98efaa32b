"""Builds the archives that the intake tests read: good ones, and each kind of bad one."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage


def grey(seed: int, size: int = 12, *, bits: int = 8) -> np.ndarray:
    """Random pixels, another picture for each seed."""
    values = np.random.default_rng(seed).integers(0, 2**bits, size=(size, size))
    return values.astype(np.uint8 if bits == 8 else np.uint16)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def picture(seed: int) -> bytes:
    return encoded(grey(seed))


GOOD: dict[str, bytes] = {
    f"{label}/{n}.png": picture(n + base) for label, base in (("normal", 0), ("ill", 10)) for n in (1, 2)
}


def write_zip(path: Path, files: Mapping[str | zipfile.ZipInfo, bytes], *, deflate: bool = True) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            if isinstance(name, zipfile.ZipInfo):
                name.compress_type = archive.compression
            archive.writestr(name, data)
    return path


def write_folder(path: Path, files: Mapping[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def table(*rows: str) -> bytes:
    return ("\n".join(rows) + "\n").encode()
