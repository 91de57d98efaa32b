"""The images of an experiment: which, in which role, and what stands behind the synthetic ones."""

import numpy as np
import pytest

from classification.image_sets import collect_images
from classification.selectors import image_rows
from imaging.intake.foreground import ForegroundContext
from imaging.rendering import render_square
from tests.factories import DatasetFactory, ExperimentFactory, ImageFactory, TrainingRunFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db


@pytest.fixture
def context(tmp_path):
    return ForegroundContext(directory=tmp_path, on_progress=lambda *_: None)


@pytest.fixture
def experiment():
    experiment = ExperimentFactory(config={"seed": 3}, limits={"normal": 2})
    for number in range(12):
        ImageFactory(
            dataset=experiment.dataset,
            split=("train", "tune", "test")[number // 2 % 3],
            label=("normal", "pneumonia")[number % 2] if number < 6 else "normal",
            patient_pseudonym=f"p{number}",
            pixels=grey(number, 20),
        )
    run = TrainingRunFactory(dataset=experiment.dataset, filters={"splits": ["train"]})
    for number, label in enumerate(experiment.classes):
        ImageFactory(
            dataset=experiment.synthetic, label=label, provenance={"run": str(run.pk)}, pixels=grey(50 + number, 20)
        )
    return experiment


def test_every_role_has_its_images_rendered_and_labelled(context, experiment):
    sets = collect_images(context, experiment, side=10)

    assert {role: images.counts() for role, images in sets.items()} == {
        "train": {"normal": 2, "pneumonia": 1},
        "tune": {"normal": 3, "pneumonia": 1},
        "test": {"normal": 3, "pneumonia": 1},
        "synthetic": {"normal": 1, "pneumonia": 1},
    }
    tested = {row.sha256[:12]: row for row in image_rows(experiment.dataset, split="test")}
    stored = {f"p{number}": grey(number, 20) for number in range(12)}
    for name, patient, pixels in zip(sets["test"].names, sets["test"].patients, sets["test"].pixels, strict=True):
        assert tested[name].patient == patient
        np.testing.assert_array_equal(pixels, render_square(stored[patient], 10))


def test_what_the_generator_has_seen_goes_along(context, experiment):
    synthetic = collect_images(context, experiment, side=10)["synthetic"]

    rows = image_rows(experiment.dataset, split="train")
    expected = {row.sha256[:12] for row in rows} | {row.patient for row in rows}
    assert synthetic.synthetic.all()
    assert synthetic.trained_on == (expected, expected)


def test_synthetic_images_of_unknown_origin_say_so(context, experiment):
    ImageFactory(dataset=experiment.synthetic, label="normal", pixels=grey(70, 20))

    assert collect_images(context, experiment, side=10)["synthetic"].trained_on is None


def test_an_external_set_is_tested_on_its_test_images_where_it_is_split(context, experiment):
    whole = DatasetFactory(name="Whole")
    split = DatasetFactory(name="Split")
    for number, (dataset, part) in enumerate(((whole, ""), (whole, ""), (split, "train"), (split, "test"))):
        ImageFactory(dataset=dataset, split=part, label="normal", pixels=grey(80 + number, 20))
    experiment.external.set([whole, split])

    sets = collect_images(context, experiment, side=10)

    assert (len(sets["external: Whole"]), len(sets["external: Split"])) == (2, 1)


def test_limits_draw_the_same_images_for_the_same_seed(experiment):
    dataset = experiment.dataset
    drawn = [image_rows(dataset, split="train", limits={"normal": 2}, seed=seed) for seed in (3, 3, 4, 5, 6)]

    assert drawn[0] == drawn[1]
    assert any(rows != drawn[0] for rows in drawn[2:])
