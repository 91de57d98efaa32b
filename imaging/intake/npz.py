"""NPZ files as MedMNIST has them: arrays {train,val,test}_images and _labels, read slice by slice out of the archive.

An NPZ is a ZIP of .npy files. None is unpacked whole, and none is unpickled: an array of Python objects is refused.
Each slice becomes a PNG in memory, so that all that holds for images in files holds for these as well.
"""

import csv
import io
import threading
import zipfile
import zlib
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from PIL import Image as PillowImage

from imaging.intake.layout import METADATA
from imaging.intake.limits import Limits
from imaging.intake.report import Report, SourceError, printable
from imaging.intake.sources import Budget, Entry

SPLITS = ("train", "val", "test")
IMAGES, LABELS = "_images.npy", "_labels.npy"
AHEAD = 32  # slices that are kept for threads that ask out of step
_ORGANS = (
    "bladder", "femur-left", "femur-right", "heart", "kidney-left", "kidney-right", "liver", "lung-left", "lung-right",
    "pancreas", "spleen",
)  # fmt: skip
# Grey two-dimensional datasets of MedMNIST v2 with one label each: the names of the classes in the order of their
# numbers, from medmnist.INFO (package medmnist 3.0.2, Apache-2.0). Yang et al., Sci Data 2023;10:41.
CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "pneumoniamnist": ("normal", "pneumonia"),
    "breastmnist": ("malignant", "normal, benign"),
    "octmnist": ("choroidal neovascularization", "diabetic macular edema", "drusen", "normal"),
    **{f"organ{view}mnist": _ORGANS for view in "acs"},
}
_HELP = "Make it with numpy.savez from whole numbers of 8 or 16 bits, as the files of MedMNIST are."


def is_npz(archive: zipfile.ZipFile) -> bool:
    """Whether a ZIP holds arrays of images, whatever its name."""
    return any(f"{split}{IMAGES}" in archive.namelist() for split in SPLITS)


def read_class_names(text: str, file_name: str) -> tuple[str, ...]:
    """Names in the order of the labels' numbers: "normal; pneumonia", or the name of a dataset of MedMNIST.

    Without `text` they are known for files that are called as MedMNIST's: pneumoniamnist_64.npz. () when they are not.
    Raises ValueError for an empty name or one that occurs twice.
    """
    text = text.strip()
    if not text:
        return CLASS_NAMES.get(PurePosixPath(file_name).stem.split("_")[0].lower(), ())
    if text.lower() in CLASS_NAMES:
        return CLASS_NAMES[text.lower()]
    names = tuple(name.strip() for name in text.split(";"))
    if "" in names or len({name.casefold() for name in names}) < len(names):
        raise ValueError("Give each class a name of its own, in the order of the numbers: normal; pneumonia")
    return names


@dataclass(frozen=True)
class _Array:
    """A member of the archive and what its header says."""

    member: zipfile.ZipInfo
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def slice_bytes(self) -> int:
        return int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize


class _Slices:
    """Slices of one array, mostly asked for one after the other."""

    def __init__(self, archive: zipfile.ZipFile, array: _Array, budget: Budget) -> None:
        self.array = array
        self._archive, self._budget = archive, budget
        self._lock = threading.Lock()
        self._stream: IO[bytes] | None = None
        self._next = 0
        self._ahead: dict[int, bytes] = {}

    def read(self, index: int) -> bytes:
        """Raises SourceError when the member ends too early or is a ZIP bomb."""
        with self._lock:
            if index in self._ahead:
                return self._ahead.pop(index)
            if self._stream is None or index < self._next:
                self._open()
            assert self._stream is not None  # noqa: S101  opened above
            while True:
                data = self._read_next(self._stream)
                if self._next > index:
                    return data
                self._ahead[self._next - 1] = data
                if len(self._ahead) > AHEAD:
                    del self._ahead[min(self._ahead)]

    def _open(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = self._archive.open(self.array.member)
        _read_header(self._stream, self.array.member.filename)
        self._next = 0
        self._ahead.clear()

    def _read_next(self, stream: IO[bytes]) -> bytes:
        size, member = self.array.slice_bytes, self.array.member
        try:
            data = stream.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise SourceError(
                f"{member.filename} is damaged inside the file ({printable(str(error), 120) or 'it ends too early'}).",
                "Copy or download the file again.",
            ) from error
        if len(data) < size:
            raise SourceError(f"{member.filename} ends after {self._next:,} images.", "Copy or download it again.")
        self._next += 1
        self._budget.spend(size, size)
        limits, read = self._budget.limits, self._next * size
        if read > limits.ratio_from_bytes and read > limits.max_ratio * max(1, member.compress_size):
            raise SourceError(
                f"{member.filename} unpacks to more than {limits.max_ratio} times its packed size: this is a ZIP "
                "bomb, not radiographs.",
                "Do not use this file.",
            )
        return data


class NpzSource(AbstractContextManager["NpzSource"]):
    """Images are called after split and place in the array, from 0: train/17.png. Their classes stand in a table."""

    def __init__(self, archive: zipfile.ZipFile, limits: Limits, class_names: tuple[str, ...]) -> None:
        self._archive, self._limits, self._class_names = archive, limits, class_names
        self._slices: dict[str, _Slices] = {}
        self._table = b""

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def entries(self, report: Report) -> list[Entry]:
        """Raises SourceError for arrays that are no grey images with one class each."""
        budget = Budget(self._limits)
        table = io.StringIO()
        writer = csv.writer(table)
        writer.writerow(["file", "label"])
        found = [Entry(METADATA, METADATA)]
        members = {member.filename: member for member in self._archive.infolist()}
        for split in SPLITS:
            if f"{split}{IMAGES}" not in members:
                continue
            images = self._open_array(members[f"{split}{IMAGES}"])
            _check_images(images, self._limits)
            if f"{split}{LABELS}" not in members:
                raise SourceError(f"There are {split}_images but no {split}_labels.", _HELP)
            names = self._read_labels(self._open_array(members[f"{split}{LABELS}"]), len_images=images.shape[0])
            if len(found) + len(names) > self._limits.max_files:
                raise SourceError(
                    f"The file holds more than {self._limits.max_files:,} images.", "Split it over several imports."
                )
            self._slices[split] = _Slices(self._archive, images, budget)
            for index, name in enumerate(names):
                path = f"{split}/{index}.png"
                writer.writerow([path, name])
                found.append(Entry(path, path))
        self._table = table.getvalue().encode()
        return found

    def read(self, entry: Entry) -> bytes:
        if entry.handle == METADATA:
            return self._table
        split, _, index = str(entry.handle).removesuffix(".png").partition("/")
        slices = self._slices[split]
        data = slices.read(int(index))
        pixels = np.frombuffer(data, dtype=slices.array.dtype).reshape(slices.array.shape[1:])
        if pixels.ndim == 3 and pixels.shape[2] == 1:
            pixels = pixels[:, :, 0]
        file = io.BytesIO()
        PillowImage.fromarray(pixels.astype(pixels.dtype.newbyteorder("="))).save(file, "PNG", compress_level=0)
        return file.getvalue()

    def _open_array(self, member: zipfile.ZipInfo) -> _Array:
        if member.flag_bits & 0x1:
            raise SourceError("The file is encrypted.", "Make it again without a password.")
        try:
            with self._archive.open(member) as stream:
                shape, fortran, dtype = _read_header(stream, member.filename)
                offset = stream.tell()
        except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, RuntimeError) as error:
            raise SourceError(
                f"{member.filename} is damaged ({printable(str(error), 120)}).", "Copy or download the file again."
            ) from error
        if fortran and len(shape) > 1:
            raise SourceError(f"{member.filename} is stored column by column (Fortran order).", _HELP)
        array = _Array(member, shape, dtype)
        if not shape or member.file_size != offset + shape[0] * array.slice_bytes:
            raise SourceError(
                f"{member.filename} does not have the length that its header says.", "Copy or download the file again."
            )
        return array

    def _read_labels(self, array: _Array, *, len_images: int) -> list[str]:
        """The class of each image."""
        name, columns = array.member.filename, int(np.prod(array.shape[1:], dtype=np.int64))
        if array.shape[0] != len_images:
            raise SourceError(f"{name} has {array.shape[0]:,} labels for {len_images:,} images.", _HELP)
        if columns != 1:
            raise SourceError(
                f"{name} has {columns} labels for each image (several findings at once, as in ChestMNIST). Here each "
                "image is of one class.",
                "Make an NPZ of one finding: a label of 0 or 1 for each image.",
            )
        if array.dtype.kind not in "iub" or array.shape[0] > self._limits.max_files:
            raise SourceError(f"{name} has labels of the type {array.dtype}; whole numbers are read.", _HELP)
        with self._archive.open(array.member) as stream:
            _read_header(stream, name)
            data = stream.read(array.shape[0] * array.dtype.itemsize)
        numbers = np.frombuffer(data, dtype=array.dtype).astype(np.int64)
        if not self._class_names:
            raise SourceError(
                f"The classes of this file are the numbers {_few(numbers)}; what they are called is not known.",
                "Give the names of the classes in the order of the numbers, for example: normal; pneumonia",
            )
        outside = numbers[(numbers < 0) | (numbers >= len(self._class_names))]
        if len(outside):
            raise SourceError(
                f"{name} has the label {outside[0]}, but there are {len(self._class_names)} names of classes "
                f"({'; '.join(self._class_names)}).",
                "Give as many names as there are classes, in the order of the numbers from 0.",
            )
        return [self._class_names[number] for number in numbers]


def _read_header(stream: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, order and type of a .npy file; the stream stands at its first value then. Raises SourceError."""
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read(stream)
    except (ValueError, KeyError) as error:
        raise SourceError(f"{name} is not a readable array ({printable(str(error), 120)}).", _HELP) from error
    if dtype.hasobject:
        raise SourceError(f"{name} holds Python objects, which can run code when they are read.", _HELP)
    return shape, fortran, dtype


def _check_images(array: _Array, limits: Limits) -> None:
    name, shape = array.member.filename, array.shape
    is_grey = len(shape) == 3 or (len(shape) == 4 and shape[3] == 1)
    is_colour = len(shape) == 4 and shape[3] == 3 and array.dtype.itemsize == 1
    if not (is_grey or is_colour):
        words = " x ".join(map(str, shape))
        raise SourceError(f"{name} has the shape {words}; images x height x width is read.", _HELP)
    if array.dtype.kind != "u" or array.dtype.itemsize > 2:
        raise SourceError(f"{name} has values of the type {array.dtype}; grey of 8 or 16 bits is read.", _HELP)
    if 0 in shape[1:] or shape[1] * shape[2] > limits.max_pixels:
        raise SourceError(f"{name} has images of {shape[2]} x {shape[1]} pixels.", _HELP)


def _few(numbers: np.ndarray) -> str:
    known = [str(number) for number in np.unique(numbers)]
    return ", ".join(known[:6]) + (", ..." if len(known) > 6 else "")


__all__ = ["CLASS_NAMES", "NpzSource", "is_npz", "read_class_names"]
