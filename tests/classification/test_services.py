"""Starting an experiment: what is kept, what is frozen, what is refused and in which words."""

import pytest

from classification.cnn.config import ClassifierConfig, SweepSettings
from classification.models import Experiment
from classification.parameters import EXPERIMENT
from classification.services import ClassificationError, record_results, start_experiment
from tests.factories import DatasetFactory, ExperimentFactory, ImageFactory
from tests.imaging.archives import grey
from worker.models import Job

pytestmark = pytest.mark.django_db

SPLITS = ("train", "tune", "test")


def dataset(name, *, origin="real", splits=SPLITS, labels=("normal", "pneumonia"), first=0):
    made = DatasetFactory(name=name, origin=origin)
    for number, (split, label) in enumerate((split, label) for split in splits for label in labels):
        ImageFactory(dataset=made, split=split, label=label, pixels=grey(first + number, 8))
    return made


@pytest.fixture
def real():
    return dataset("Chests")


@pytest.fixture
def synthetic():
    return dataset("Made", origin="synthetic", splits=("",), first=50)


def start(real, made, **changes):
    values = {
        "name": "Does it help?",
        "kind": "kong",
        "dataset": real,
        "synthetic": made,
        "positive": "pneumonia",
        "config": ClassifierConfig(seed=7),
        "design": SweepSettings(),
        "weights": {"kind": "none"},
        "created_by": None,
    }
    return start_experiment(**{**values, **changes})


def test_it_is_kept_queued_and_its_datasets_are_frozen(real, synthetic):
    other = dataset("Elsewhere", splits=("",), first=80)

    started = start(real, synthetic, external=[other], limits={"normal": 20})

    kept = Experiment.objects.get()
    assert (kept.pk, kept.classes, kept.positive, kept.limits) == (
        started.pk,
        ["normal", "pneumonia"],
        "pneumonia",
        {"normal": 20},
    )
    assert ClassifierConfig.from_dict(kept.config) == ClassifierConfig(seed=7)
    assert list(kept.external.all()) == [other]
    job = Job.objects.get()
    assert (job.kind, job.state, job.seed) == (EXPERIMENT, "queued", 7)
    assert job.parameters["experiment_id"] == str(kept.pk)
    for one in (real, synthetic, other):
        one.refresh_from_db()
        assert one.frozen_at is not None


@pytest.mark.parametrize("missing", SPLITS)
def test_a_split_without_images_is_refused_and_nothing_is_frozen(synthetic, missing):
    real = dataset("Part", splits=[split for split in SPLITS if split != missing])

    with pytest.raises(ClassificationError, match="Split it on its page"):
        start(real, synthetic)

    real.refresh_from_db()
    assert (Experiment.objects.count(), Job.objects.count(), real.frozen_at) == (0, 0, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"positive": "lesion"}, "The positive class is 'lesion'; it must be normal or pneumonia"),
        ({"synthetic": None}, "Choose the synthetic images"),
        ({"name": "  "}, "needs a name"),
        ({"limits": {"lesion": 3}}, "a limit for class lesion"),
        ({"limits": {"normal": 1}}, "whole number from 2"),
    ],
)
def test_what_cannot_be_used_is_refused(real, synthetic, changes, words):
    with pytest.raises(ClassificationError, match=words):
        start(real, synthetic, **changes)


def test_origins_and_classes_of_the_other_sets_must_fit(real, synthetic):
    three = dataset("Three", labels=("lesion", "normal", "pneumonia"), first=20)

    for changes, words in (
        ({"dataset": synthetic}, "is synthetic"),
        ({"synthetic": real}, "cannot be used as synthetic images"),
        ({"dataset": three}, "has 3 classes"),
        ({"external": [real]}, "it is no external test set"),
        ({"external": [synthetic]}, "cannot be used as an external test set"),
        ({"external": [three]}, "must have normal and pneumonia"),
    ):
        with pytest.raises(ClassificationError, match=words):
            start(real, synthetic, **changes)


def test_a_name_is_given_once(real, synthetic):
    start(real, synthetic)

    with pytest.raises(ClassificationError, match="called “Does it help\\?” already"):
        start(real, synthetic)


def test_results_are_written_once():
    experiment = ExperimentFactory()

    record_results(experiment=experiment, results={"summary": ["first"]})
    record_results(experiment=experiment, results={"summary": ["second"]})

    experiment.refresh_from_db()
    assert experiment.results == {"summary": ["first"]}
