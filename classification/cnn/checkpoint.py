"""A trained classifier in one file: written whole or not at all, read without running code from it."""

import hashlib
import os
import pickle
import zipfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from worker.compute.weights import WeightsError

FORMAT = 1


class ClassifierFileError(WeightsError):
    """A classifier's file that cannot be used: missing, damaged, changed, or of something else. The text names it."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ClassifierData:
    """All that scoring an image needs, and where it came from."""

    backbone: str  # a name in classification.cnn.backbones
    normalisation: str
    input_side: int  # pixels
    weights_title: str  # of what the backbone began with, in words
    weights_sha256: str  # of the backbone as it is used here
    backbone_state: dict[str, Tensor] | None  # None: not trained; the backbone is made again from its own weights
    head_weights: Tensor  # float32 (n_features, outputs)
    head_bias: Tensor  # float32 (outputs,)
    loss: str  # "bce": one output, of the positive class; "ce": one per class
    classes: tuple[str, ...]
    positive: str
    config: dict[str, Any]
    seed: int
    epochs: int  # that were trained, to the state that was kept
    about: dict[str, Any] = field(default_factory=dict)  # e.g. experiment, K, measures: numbers and text


def save_classifier(path: Path, data: ClassifierData) -> str:
    """Write `data` to `path` and return the file's SHA-256. Readers see the old file or the whole new one."""
    values = {one.name: getattr(data, one.name) for one in fields(data)}
    values["classes"] = list(data.classes)
    return save_atomically(path, {"format": FORMAT, "kind": "classifier", **values})


def load_classifier(path: Path, *, sha256: str | None = None) -> ClassifierData:
    """Read a classifier onto the CPU; with `sha256`, only when the file has that digest.

    Raises ClassifierFileError when it is missing, damaged, has changed since it was recorded, or is something else.
    """
    values = load_safely(path, sha256=sha256)
    if values.pop("kind", None) != "classifier" or values.pop("format", None) != FORMAT:
        raise ClassifierFileError(
            f"{path.name} is not a classifier of format {FORMAT}; a newer version of the product may have written it"
        )
    try:
        values["classes"] = tuple(values["classes"])
        return ClassifierData(**values)
    except (TypeError, KeyError) as error:
        raise ClassifierFileError(f"{path.name} is not a whole classifier: {error}") from error


def save_atomically(path: Path, values: dict[str, Any]) -> str:
    """`values` (tensors, numbers, text) through `torch.save`; on the disk before the name is. Returns the SHA-256."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            torch.save(values, file)
            file.flush()
            os.fsync(file.fileno())
        digest = file_sha256(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return digest


def load_safely(path: Path, *, sha256: str | None = None) -> dict[str, Any]:
    """What `save_atomically` wrote. Raises ClassifierFileError as `load_classifier` does."""
    if not path.is_file():
        raise ClassifierFileError(f"{path.name} is missing; restore the file from a backup")
    if sha256 is not None and file_sha256(path) != sha256:
        raise ClassifierFileError(f"{path.name} has changed since it was recorded; restore the file from a backup")
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        # PyTorch's own words advise to load it without protection
        raise ClassifierFileError(
            f"{path.name} cannot be read: damaged, or not made here ({type(error).__name__}); restore the file from a "
            "backup"
        ) from error
    if not isinstance(values, dict):
        raise ClassifierFileError(f"{path.name} is not a classifier")
    return values


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
