"""Opening freezes everything or changes nothing; closing ends the reading."""

from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.db import connection

from imaging.models import Image
from imaging.rendering import render_square
from imaging.services import DatasetError, add_image
from imaging.storage import load_pixels
from tests.turing.builders import make_dataset, make_draft, make_open_study
from turing.audit.verification import verify_audit
from turing.errors import StudyError
from turing.manifests import manifest_sha256
from turing.models import AuditEvent, PracticeFeedback, Study, Trial, TrialTruth
from turing.protocol import document_sha256
from turing.services import (
    audit_blinding,
    close_study,
    finish_opening,
    open_study,
    prepared_opening,
    rendering,
    update_study,
)
from turing.stimuli import decode_stimulus, load_stimulus, load_trial

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
    assert study.manifest_sha256 == manifest_sha256(study)
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


LATER = {"n_real": 2, "n_synthetic": 2}


def deep_dataset(origin="real", n=4, size=16):
    """16 bits, of which the upper ones are the same for all."""
    dataset = make_dataset(origin=origin, n=0)
    generator = np.random.default_rng([7, origin == "real"])
    for _ in range(n):
        pixels = generator.integers(1000, 5096, (size, size)).astype(np.uint16)
        add_image(dataset=dataset, pixels=pixels, label="deep")
    return dataset


def test_practice_repeats_and_phases_become_trials():
    study = make_open_study(
        n_practice=3,
        practice_feedback=True,
        n_repeats=2,
        order="blocks",
        block_size=2,
        later_phases=[LATER],
    )

    trials = list(study.trials.select_related("truth__image", "truth__repeat_of"))
    assert [trial.is_practice for trial in trials] == [True] * 3 + [False] * 10
    assert [trial.phase for trial in trials] == [1] * 8 + [2] * 5
    assert len({trial.truth.image_id for trial in trials}) == 11
    assert len({trial.stimulus_file for trial in trials}) == 13  # a repeat has a file of its own
    repeats = [trial for trial in trials if trial.truth.repeat_of]
    assert sorted(trial.phase for trial in repeats) == [1, 2]
    for trial in repeats:
        original = trial.truth.repeat_of
        assert (original.stimulus_sha256, original.phase) == (trial.stimulus_sha256, trial.phase)
        assert original.block != trial.block
    feedback = {one.trial_id: one.value for one in PracticeFeedback.objects.all()}
    assert feedback == {trial.pk: trial.truth.origin for trial in trials[:3]}
    assert study.manifest_sha256 == manifest_sha256(study)
    assert verify_audit().is_whole


def test_no_feedback_without_being_asked_for():
    make_open_study(n_practice=2)

    assert not PracticeFeedback.objects.exists()


@pytest.mark.parametrize("positive_class", ["real", "synthetic"])
def test_a_pair_is_both_images_and_the_truth_of_the_left_one(positive_class):
    study = make_open_study(
        n_real=4,
        n_synthetic=4,
        scale="pair",
        positive_class=positive_class,
        n_practice=2,
        practice_feedback=True,
        n_repeats=2,
    )

    trials = list(study.trials.select_related("truth__image__dataset", "truth__right_image__dataset"))
    assert len(trials) == 2 + 4 + 2
    for trial in trials:
        truth = trial.truth
        assert truth.image.dataset.origin == truth.origin
        assert {truth.origin, truth.right_image.dataset.origin} == {"real", "synthetic"}
        assert (truth.label, truth.right_label) == (truth.image.label, truth.right_image.label)
        both = b"".join(render_square(load_pixels(image), 16).tobytes() for image in (truth.image, truth.right_image))
        assert load_trial(trial, image_size=16) == both
    assert {trial.truth.origin for trial in trials[2:]} == {"real", "synthetic"}
    for one in PracticeFeedback.objects.select_related("trial__truth"):
        assert one.value == ("left" if one.trial.truth.origin == positive_class else "right")
    assert len({name for trial in trials for name in (trial.stimulus_file, trial.right_file)}) == 16
    assert study.manifest_sha256 == manifest_sha256(study)
    assert verify_audit().n_files == 16


def test_16_bits_reach_the_reader():
    study = make_open_study(
        real_dataset=deep_dataset(), synthetic_dataset=deep_dataset("synthetic"), bit_depth=16, image_size=12
    )

    for trial in study.trials.select_related("truth__image"):
        pixels = load_stimulus(trial.stimulus_file, image_size=12, bit_depth=16)
        expected = render_square(load_pixels(trial.truth.image), 12, bit_depth=16)
        assert np.array_equal(decode_stimulus(pixels, image_size=12, bit_depth=16), expected)
        assert pixels == expected.astype("<u2").tobytes()
        assert len(np.unique(expected)) > 100
    assert study.protocol["rendering"] == "imaging.rendering.render_square to 16-bit grey"
    assert study.leak_report.report["varying"] == {}


def test_8_bits_are_rendered_from_16():
    study = make_open_study(real_dataset=deep_dataset(), synthetic_dataset=deep_dataset("synthetic"))

    for trial in study.trials.all():
        assert len(load_stimulus(trial.stimulus_file, image_size=16)) == 256


def test_an_8_bit_image_that_came_later_stops_an_opening_in_16_bits():
    real = deep_dataset()
    study = make_draft(real_dataset=real, synthetic_dataset=deep_dataset("synthetic"), bit_depth=16)
    add_image(dataset=real, pixels=np.zeros((16, 16), np.uint8), label="late")

    _assert_refused(study, "16 bits cannot be shown: 1 of the images in")


def test_phases_that_share_too_few_images_are_refused_and_nothing_stays():
    real, synthetic = make_dataset(n=3), make_dataset(origin="synthetic", n=9)
    study = make_draft(real_dataset=real, synthetic_dataset=synthetic, later_phases=[LATER])

    _assert_refused(study, "phases 1 and 2 share candidates and ask for 4 together; 3 match their filters")


def test_progress_is_told_step_by_step():
    steps = []

    open_study(study=make_draft(n_real=8, n_synthetic=5), by=None, progress=lambda *step: steps.append(step))

    assert [done for done, _ in steps] == [*range(1, 14), 18, 23, 26]  # rendered one by one, fetched in batches of five
    assert {total for _, total in steps} == {26}


def test_preparing_changes_nothing_and_takes_no_lock():
    """While it lasts, others can write: here the draft itself, and its images."""
    study = make_draft()
    files, events = stimulus_files(), AuditEvent.objects.count()

    with prepared_opening(study=study) as prepared:
        study.refresh_from_db()
        assert (study.status, Trial.objects.count(), AuditEvent.objects.count()) == ("draft", 0, events)
        study.real_dataset.refresh_from_db()
        assert study.real_dataset.frozen_at is None
        assert len(stimulus_files() - files) == 4
        finish_opening(prepared=prepared, by=None)

    study.refresh_from_db()
    assert study.status == "open"


@pytest.mark.parametrize(
    "change",
    [
        lambda study: update_study(study=study, seed=8),
        lambda study: update_study(study=study, n_real=1),
        lambda study: update_study(study=study, image_size=15),
        lambda study: update_study(study=study, leak_limit=0.9),
        lambda study: update_study(study=study, later_phases=[{"n_real": 1, "n_synthetic": 1}]),
        lambda study: add_image(
            dataset=study.real_dataset, pixels=np.full((16, 16), 9, np.uint8), label="late"
        ),
    ],
)  # fmt: skip
def test_what_changes_meanwhile_stops_the_opening(change):
    study = make_draft()
    before = stimulus_files()

    with pytest.raises(StudyError, match="were changed while it was being opened"):
        _open_after(study, lambda: change(study))

    study.refresh_from_db()
    assert (study.status, Trial.objects.count(), study.protocol_sha256) == ("draft", 0, "")
    assert stimulus_files() == before
    open_study(study=study, by=None)


def _open_after(study, deed) -> None:
    """Opens it, and does something when everything is prepared."""
    with prepared_opening(study=study) as prepared:
        deed()
        finish_opening(prepared=prepared, by=None)


def test_new_words_do_not_stop_it():
    study = make_draft()

    _open_after(study, lambda: update_study(study=study, question="And this?"))

    study.refresh_from_db()
    assert study.protocol["question"] == "And this?"


def test_of_two_openings_at_once_one_wins():
    study = make_draft()
    before = stimulus_files()

    with pytest.raises(StudyError, match="cannot be opened: it is open"):
        _open_after(study, lambda: open_study(study=study, by=None))

    assert len(stimulus_files() - before) == study.trials.count() == 4
    assert verify_audit().is_whole


def test_the_audit_can_be_made_again_with_everything():
    """Of an open study from its files, as it was at the opening."""
    study = make_open_study(scale="pair", n_real=4, n_synthetic=4, n_practice=2, n_repeats=2, later_phases=[LATER])

    report = audit_blinding(study=study)

    assert report == study.leak_report.report
    assert (report["n_real"], report["n_synthetic"]) == (6, 6)  # neither practice nor repeats


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_images_are_rendered(monkeypatch):
    """On SQLite nobody else can write while one is."""
    seen = []
    render = rendering.render_square
    monkeypatch.setattr(
        rendering,
        "render_square",
        lambda *args, **names: seen.append(connection.in_atomic_block) or render(*args, **names),
    )

    make_open_study()

    assert seen == [False] * 4
