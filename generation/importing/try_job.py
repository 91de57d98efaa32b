"""Runs the trial drawing of a generator from elsewhere, and shows it. Reads the file in a child process only."""

from typing import Any

from generation.gan.checkpoint import CheckpointData, save_checkpoint
from generation.gan.foreign import try_generator
from generation.gan.foreign_files import ForeignError
from generation.gan.foreign_settings import Declaration
from generation.gan.grids import grid_png
from generation.importing.parameters import TryParameters
from generation.importing.services import CHECKPOINT_NAME
from generation.models import ForeignGenerator
from worker.registry import JobContext, JobError


def run_trial(context: JobContext, parameters: TryParameters) -> dict[str, Any]:
    """Draw a few images of each class. Raises JobError, in words, when the file does not do what was declared."""
    foreign = ForeignGenerator.objects.get(pk=parameters.foreign_id)
    declaration = Declaration(**foreign.declaration)
    context.device("CPU, a process of its own")
    context.progress(0, 1, "", "Drawing a few images in a process of their own")
    try:
        trial = try_generator(foreign.path, declaration, columns=parameters.columns)
    except ForeignError as error:
        raise JobError(str(error)) from error
    context.raise_if_stopped()
    facts = trial.facts()
    if declaration.format == "safetensors":
        facts["checkpoint_sha256"] = _convert(context, foreign, declaration)
    path = context.directory / "trial.png"
    path.write_bytes(grid_png(trial.images, scale=2 if trial.side <= 128 else 1))
    context.artefact(path, kind="grid", step=0)
    for note in trial.notes:
        context.log(note, level="warning")
    with context.fenced():
        ForeignGenerator.objects.filter(pk=foreign.pk).update(trial=facts)
    context.progress(1, 1, "", "")
    return facts


def _convert(context: JobContext, foreign: ForeignGenerator, declaration: Declaration) -> str:
    """A state of one of our networks becomes a checkpoint of ours: drawn exactly, made again bit for bit."""
    import torch
    from safetensors.torch import load_file

    data = CheckpointData(
        generator=declaration.generator,
        config=dict(declaration.config or {}),
        classes=list(declaration.classes),
        iteration=0,
        networks={"generator": load_file(foreign.path)},  # values only: the format has no code, the child read it too
        device="cpu",
        torch_version=str(torch.__version__),
        **_unknown(),
    )
    return save_checkpoint(context.directory / CHECKPOINT_NAME, data)


def _unknown() -> dict[str, Any]:
    """What a checkpoint says of its training, which is not known of this one."""
    known = {"generator", "config", "classes", "iteration", "networks", "device", "torch_version"}
    empty: dict[str, Any] = {"data_sha256": "", "optimisers": {}, "random_states": {}}
    fields = set(CheckpointData.__dataclass_fields__) - known
    return {name: empty.get(name, {} if name in ("recipe_state", "measures") else 0) for name in fields}
