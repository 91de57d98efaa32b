"""Opening freezes everything or changes nothing; closing ends the reading."""

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from imaging.models import Image
from imaging.rendering import render_square
from imaging.services import DatasetError, add_image
from imaging.storage import load_pixels
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.errors import StudyError
from turing.models import Study, Trial, TrialTruth
from turing.protocol import document_sha256
from turing.results.selectors import manifest_sha256
from turing.services import close_study, open_study
from turing.stimuli import load_stimulus

pytestmark = pytest.mark.django_db


def stimulus_files() -> set[Path]:
    return set((Path(settings.MEDIA_ROOT) / "stimuli").glob("*"))


def test_opening_makes_one_trial_per_image_with_its_truth():
    study = make_open_study(n_real=3, n_synthetic=4)

    trials = list(study.trials.select_related("truth__image"))
    assert [trial.position for trial in trials] == [1, 2, 3, 4, 5, 6, 7]
    assert sum(trial.truth.origin == "real" for trial in trials) == 3
    for trial in trials:
        dataset = study.real_dataset if trial.truth.origin == "real" else study.synthetic_dataset
        assert trial.truth.image.dataset == dataset
        assert trial.truth.label == trial.truth.image.label


def test_stimuli_are_the_one_rendering_of_the_image_and_nothing_else():
    study = make_open_study(size=24, image_size=10)

    for trial in study.trials.select_related("truth__image"):
        expected = render_square(load_pixels(trial.truth.image), 10).tobytes()
        assert load_stimulus(trial.stimulus_file, image_size=10) == expected
        assert (Path(settings.MEDIA_ROOT) / trial.stimulus_file).stat().st_size == 100


def test_file_names_say_nothing():
    study = make_open_study(n_real=5, n_synthetic=5)

    names = [Path(trial.stimulus_file) for trial in study.trials.all()]
    assert len({name.name for name in names}) == 10
    assert all(name.parent == Path("stimuli") and len(name.name) == 32 for name in names)
    for image in Image.objects.all():
        assert not any(image.pixel_sha256[:8] in name.name for name in names)


def test_the_same_seed_and_images_give_the_same_study_whatever_the_database_order():
    pixels = [np.full((8, 8), value, np.uint8) for value in range(6)]
    orders = []
    for sequence in (pixels, pixels[::-1]):
        real = make_dataset(n=0)
        for array in sequence:
            add_image(dataset=real, pixels=array, label="normal")
        synthetic = make_dataset(origin="synthetic", n=4, size=8)
        study = make_open_study(n_real=4, n_synthetic=3, real_dataset=real, synthetic_dataset=synthetic, seed=99)
        orders.append([trial.stimulus_sha256 for trial in study.trials.all()])

    assert orders[0] == orders[1]


def test_opening_freezes_datasets_and_hashes(investigator):
    study = open_study(study=make_draft(), by=investigator)

    study.refresh_from_db()
    assert (study.status, study.opened_by) == ("open", investigator)
    assert study.opened_at is not None
    assert study.protocol_sha256 == document_sha256(study.protocol)
    assert study.manifest_sha256 == manifest_sha256(study.pk, study.image_size)
    assert (study.protocol["seed"], study.protocol["real"]["candidates"], study.protocol["real"]["drawn"]) == (7, 3, 2)
    assert set(study.protocol["versions"]) == {"numpy", "pillow", "python"}
    for dataset in (study.real_dataset, study.synthetic_dataset):
        dataset.refresh_from_db()
        with pytest.raises(DatasetError, match="frozen"):
            add_image(dataset=dataset, pixels=np.zeros((8, 8), np.uint8), label="late")


def test_filters_decide_who_can_be_drawn():
    real = make_dataset(n=6, labels=["a", "b"])

    study = make_open_study(n_real=3, real_dataset=real, real_filters={"labels": ["b"]})

    labels = TrialTruth.objects.filter(trial__study=study, origin="real").values_list("label", flat=True)
    assert list(labels) == ["b", "b", "b"]


def test_a_study_is_opened_once():
    study = make_open_study()

    with pytest.raises(StudyError, match="cannot be opened: it is open for reading already"):
        open_study(study=study, by=None)

    assert study.trials.count() == 4


def test_the_same_pixels_on_both_sides_are_refused_and_nothing_stays():
    real, synthetic = make_dataset(), make_dataset(origin="synthetic")
    add_image(dataset=synthetic, pixels=load_pixels(real.images.first()), label="copied")
    study = make_draft(real_dataset=real, synthetic_dataset=synthetic)
    _assert_refused(study, "are in the real and in the synthetic dataset")


def test_images_that_look_the_same_once_rendered_are_refused_and_nothing_stays():
    """Two pictures that differ outside the central square alone."""
    real = make_dataset(n=0)
    for border in (0, 255):
        pixels = np.full((8, 10), 128, np.uint8)
        pixels[:, [0, -1]] = border
        add_image(dataset=real, pixels=pixels, label="normal")
    study = make_draft(real_dataset=real, n_real=2)
    assert study.image_size == 8
    _assert_refused(study, "look exactly the same at 8 px")


def test_a_missing_file_stops_the_opening_and_nothing_stays():
    study = make_draft(n_real=3, n_synthetic=3)
    sha256 = study.synthetic_dataset.images.order_by("pixel_sha256").last().pixel_sha256
    (Path(settings.MEDIA_ROOT) / "images" / sha256[:2] / sha256[2:4] / f"{sha256}.png").unlink()
    before = stimulus_files()

    opened = 0
    for seed in range(12):  # the broken image is in some of the draws, early or late
        draft = make_draft(
            real_dataset=study.real_dataset,
            synthetic_dataset=study.synthetic_dataset,
            n_real=3,
            n_synthetic=3,
            seed=seed,
        )
        try:
            opened += len(open_study(study=draft, by=None).trials.all())
        except FileNotFoundError:
            draft.refresh_from_db()
            assert (draft.status, draft.trials.count()) == ("draft", 0)

    assert 0 < opened < 12 * 6
    assert len(stimulus_files() - before) == opened


def _assert_refused(study: Study, message: str) -> None:
    before = stimulus_files()
    with pytest.raises(StudyError, match=message):
        open_study(study=study, by=None)
    study.refresh_from_db()
    assert (study.status, study.protocol, study.protocol_sha256) == ("draft", {}, "")
    assert (Trial.objects.count(), TrialTruth.objects.count()) == (0, 0)
    assert study.real_dataset.frozen_at is None
    assert stimulus_files() == before


def test_closing_is_recorded_and_final(investigator):
    study = make_open_study()

    close_study(study=study, by=investigator)

    study.refresh_from_db()
    assert (study.status, study.closed_by) == ("closed", investigator)
    assert study.closed_at is not None
    for verb, message in ((close_study, "cannot be closed: it is closed"), (open_study, "cannot be opened")):
        with pytest.raises(StudyError, match=message):
            verb(study=study, by=investigator)


def test_a_draft_cannot_be_closed():
    with pytest.raises(StudyError, match="cannot be closed: it is draft, not open"):
        close_study(study=make_draft(), by=None)
