"""Addresses, and what a browser sends from the forms of the generators."""

from dataclasses import fields

from django.urls import reverse

from generation.gan.config import AcganConfig
from generation.models import TrainingRun
from imaging.models import Dataset
from worker.compute.settings import Settings, setting_range
from worker.models import JobArtefact


def add_grid(run: TrainingRun, step: int) -> JobArtefact:
    return JobArtefact.objects.create(job=run.job, name=f"grids/grid-{step:08d}.png", kind="grid", step=step)


def compare_address(*runs: TrainingRun) -> str:
    return reverse("generation:run_compare") + "?" + "&".join(f"run={run.pk}" for run in runs)


def new_address(dataset: Dataset, preset: str = "kong") -> str:
    return reverse("generation:run_new") + f"?dataset={dataset.pk}&preset={preset}"


def training_data(*, config: Settings | None = None, **changes) -> dict:
    """What a browser sends: settings with the prefix of their form, a box that is not ticked left out."""
    config = config or AcganConfig(iterations=50, seed=3)
    boxes = {one.name for one in fields(config) if isinstance(one.default, bool) and not setting_range(one).choices}
    sent = {
        f"set-{name}": ", ".join(map(str, value)) if isinstance(value, list) else value
        for name, value in config.to_dict().items()
        if name not in boxes or value
    }
    return {"name": "From the page", "device": "auto", "keep_best": 3, **sent, **changes}


def sample_data(checkpoint, **changes) -> dict:
    values = {"dataset_name": "Drawn", "checkpoint": checkpoint.pk, "seed": 9, "class_0": 4, "class_1": 0}
    return {**values, **changes}
