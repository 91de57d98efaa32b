"""Traces synthetic images back to the real ones that their generator was trained on."""

from generation.models import TrainingRun
from generation.selectors import training_rows
from imaging.lineage import NOTHING, Lineage
from imaging.models import Dataset

RUN_KEY = "run"  # in the provenance of an image that was sampled from a run


def trace_samples(dataset: Dataset) -> Lineage:
    """What the runs that the images of `dataset` were sampled from have learnt from."""
    sampled = dataset.images.order_by().filter(provenance__has_key=RUN_KEY)
    names = {str(name) for name in sampled.values_list("provenance__run", flat=True).distinct()}
    found = NOTHING
    for run in TrainingRun.objects.select_related("dataset").filter(pk__in=names):
        rows = training_rows(run.dataset, run.filters, run.limits, seed=run.config["seed"])
        hashes = frozenset(sha256 for sha256, _ in rows)
        people = run.dataset.images.exclude(patient_pseudonym="").values_list("pixel_sha256", "patient_pseudonym")
        patients = frozenset(patient for sha256, patient in people if sha256 in hashes)
        found |= Lineage(images=hashes, patients=patients, unknown=0)
        names.discard(str(run.pk))
    lost = sampled.filter(provenance__run__in=sorted(names)).count() if names else 0
    return found | Lineage(images=frozenset(), patients=frozenset(), unknown=lost)
