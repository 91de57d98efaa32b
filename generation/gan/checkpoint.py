"""One file with all that a run needs to go on bit for bit; written whole or not at all, read without running code."""

import hashlib
import math
import os
import pickle
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch

FORMAT = 2  # 1, of the first release, had no images_seen, recipe_state, measures, skipped_steps; it still loads
FILE_NAME = re.compile(r"checkpoint-(\d+)\.pt")


class CheckpointError(ValueError):
    """A checkpoint that cannot be used: damaged, changed, or of something else. The text names the file."""


@dataclass(frozen=True, kw_only=True)
class CheckpointData:
    """The content of a checkpoint. Tensors may be those of the running networks: save before the next step."""

    generator: str  # a name in generation.gan.registry
    config: dict[str, Any]
    classes: list[str]
    iteration: int  # steps done
    images_drawn: int  # position in the order of training images
    data_sha256: str  # of the training images
    # "generator" is always there and is the network that is sampled. Where that is an average, the weights that are
    # trained are "generator_raw". The others have the recipe's names.
    networks: dict[str, dict[str, Any]]
    optimisers: dict[str, dict[str, Any]]
    random_states: dict[str, Any]  # "torch", "latents", and "cuda" when it was trained there
    device: str  # "cpu" or "cuda"
    threads: int
    torch_version: str
    images_seen: int = 0  # real images, over all steps
    skipped_steps: int = 0  # left out because a loss or a gradient was not finite
    skipped_in_a_row: int = 0  # of these, the last ones
    recipe_state: dict[str, Any] = field(default_factory=dict)  # of `Recipe.state`
    measures: dict[str, float] = field(default_factory=dict)  # of this state, by name; {} when none were asked for
    processes: int = 1  # that trained it together


def save_checkpoint(path: Path, data: CheckpointData) -> str:
    """Write `data` to `path` and return the file's SHA-256. Readers see the old file or the whole new one.

    The content reaches the disk before the name does, so a power cut leaves no half file either.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    values = {field.name: getattr(data, field.name) for field in fields(data)}  # asdict would copy every tensor
    try:
        with temporary.open("wb") as file:
            torch.save({"format": FORMAT, **values}, file)
            file.flush()
            os.fsync(file.fileno())
        digest = file_sha256(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_directory(path.parent)
    return digest


def load_checkpoint(path: Path, *, sha256: str | None = None) -> CheckpointData:
    """Read a checkpoint onto the CPU; with `sha256`, only when the file has that digest.

    Raises CheckpointError when the file is missing, damaged, has changed since it was recorded, or is something else.
    Loading runs no code from the file (`weights_only`).
    """
    if not path.is_file():
        raise CheckpointError(f"Checkpoint {path.name} is missing; restore the file from a backup")
    if sha256 is not None and file_sha256(path) != sha256:
        raise CheckpointError(
            f"Checkpoint {path.name} has changed since it was recorded; restore the file from a backup"
        )
    try:
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, OSError, EOFError, KeyError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        # PyTorch's own words advise to load it without protection
        raise CheckpointError(
            f"Checkpoint {path.name} cannot be read: damaged, or not made here ({type(error).__name__}); "
            "restore the file from a backup"
        ) from error
    file_format = values.pop("format", None) if isinstance(values, dict) else None
    if file_format == 1:
        values["images_seen"] = values.get("images_drawn", 0)
    elif file_format != FORMAT:
        raise CheckpointError(
            f"Checkpoint {path.name} is not a checkpoint of format 1 or {FORMAT}; a newer version of the product may "
            "have written it"
        )
    try:
        return CheckpointData(**values)
    except TypeError as error:
        raise CheckpointError(f"Checkpoint {path.name}: {error}") from error


def checkpoint_name(iteration: int) -> str:
    return f"checkpoint-{iteration:08d}.pt"


def list_checkpoints(directory: Path) -> list[tuple[int, Path]]:
    """(iteration, file) of every checkpoint in `directory`, in order of the iteration as a number."""
    found = [(FILE_NAME.fullmatch(path.name), path) for path in directory.glob("checkpoint-*.pt")]
    return sorted((int(match[1]), path) for match, path in found if match)


def prune_checkpoints(directory: Path, *, keep: set[int]) -> None:
    """Remove every checkpoint but the newest and those of the iterations in `keep`, and what a killed writer left."""
    for iteration, path in list_checkpoints(directory)[:-1]:
        if iteration not in keep:
            path.unlink(missing_ok=True)
    for path in directory.glob(".checkpoint-*.tmp"):
        path.unlink(missing_ok=True)


def choose_best(values: Mapping[int, float], *, count: int, lower_is_better: bool = True) -> set[int]:
    """The `count` iterations with the best `values` (iteration -> measure), for `keep`; of equals, the earlier."""
    if count < 0:
        raise ValueError(f"count is {count}; it must be 0 or more")
    sign = 1 if lower_is_better else -1
    finite = [iteration for iteration, value in values.items() if math.isfinite(value)]
    return set(sorted(finite, key=lambda iteration: (sign * values[iteration], iteration))[:count])


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_directory(directory: Path) -> None:
    """Names in `directory` reach the disk: a power cut after this does not undo a rename."""
    if os.name == "nt":  # Windows cannot open a directory
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
