"""What counts as known to a classifier: by kind of experiment, arm, and the classifiers that it began with."""

import pytest

from classification.models import Experiment
from classification.scoring.learnt import learnt_from
from tests.classification.scoring.conftest import fill
from tests.factories import ClassifierFactory, ExperimentFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def experiment() -> Experiment:
    """Two training images of each class, one of them kept; one image to tune and one to test; two synthetic ones."""
    found = ExperimentFactory(
        limits={"normal": 1},
        results={
            "arms": [
                {"name": "OD", "counts": [{"label": "normal", "real": 1, "synthetic": 0}]},
                {"name": "GCB", "counts": [{"label": "normal", "real": 1, "synthetic": 1}]},
            ]
        },
    )
    fill(found.dataset, 2, first=0, split="train")
    fill(found.dataset, 2, first=10, split="train", label="pneumonia")
    fill(found.dataset, 1, first=20, split="tune")
    fill(found.dataset, 1, first=30, split="test")
    fill(found.synthetic, 2, first=40)
    return found


def patients(classifier):
    return set(learnt_from(classifier).patients)


def test_training_and_tuning_images_are_known_and_test_images_are_not(experiment):
    known = learnt_from(ClassifierFactory(experiment=experiment, arm="OD"))

    assert len(known.images) == 4  # one of two normal ones, for the limit
    assert {"p10", "p11", "p20"} < known.patients
    assert len(known.patients & {"p0", "p1"}) == 1
    assert "p30" not in known.patients


def test_synthetic_images_are_known_to_arms_that_took_some(experiment):
    made = set(experiment.synthetic.images.values_list("pixel_sha256", flat=True))

    arms = {arm: learnt_from(ClassifierFactory(experiment=experiment, arm=arm)).images & made for arm in ("OD", "GCB")}

    assert arms == {"OD": set(), "GCB": made}


def test_what_it_began_with_is_known_too(experiment):
    older = ClassifierFactory(experiment=experiment, arm="OD")
    newer = ClassifierFactory(
        experiment__synthetic=None,
        experiment__kind=Experiment.Kind.SINGLE,
        experiment__weights={"kind": "classifier", "classifier": str(older.pk)},
    )
    fill(newer.experiment.dataset, 1, first=60, split="train")

    assert learnt_from(newer).patients == learnt_from(older).patients | {"p60"}


def test_a_machine_reader_knows_the_images_that_it_drew(experiment):
    """Five real images but two synthetic ones: of each split the share that the synthetic ones suffice for."""
    Experiment.objects.filter(pk=experiment.pk).update(kind=Experiment.Kind.ORIGIN)
    fill(experiment.synthetic, 4, first=45)
    experiment.refresh_from_db()

    known = learnt_from(ClassifierFactory(experiment=experiment, arm="Machine reader"))

    made = set(experiment.synthetic.images.values_list("pixel_sha256", flat=True))
    assert len(known.images & made) == 5  # as many as real training and tuning images; the sixth is for testing
    assert known.patients == {"p0", "p1", "p10", "p11", "p20"}
