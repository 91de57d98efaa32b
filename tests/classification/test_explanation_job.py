"""Explanations, run by the worker's own code: maps, scores, files, resume after a cancel, and refusals in words."""

import csv
import io
import json
import time
import zipfile

import numpy as np
import pytest
from PIL import Image as PillowImage

from classification.cnn.explaining import explain_images
from classification.cnn.grad_cam import overlay
from classification.explanation_job import KEPT
from classification.explanation_services import start_explanation
from classification.layer_choices import read_layers
from classification.loading import open_classifier
from imaging.rendering import render_square
from imaging.storage import load_pixels
from tests.classification.conftest import CLASSES, make_classifier
from tests.generation.conftest import run_job
from worker.execution.context import RunningJob
from worker.models import Job
from worker.services import request_cancel, resume_job

pytestmark = pytest.mark.django_db(transaction=True)


def started(classifier, dataset, **changes):
    values = {"class_name": "pneumonia", "created_by": None, **changes}
    return start_explanation(classifier=classifier, images=list(dataset.images.order_by("label")), **values)


def run(explanation):
    run_job(explanation.job)
    explanation.refresh_from_db()
    return explanation


def opened(explanation, name):
    with PillowImage.open(explanation.job.directory / name) as image:
        return np.array(image)


@pytest.fixture
def finished(classifier, chests):
    explanation = run(started(classifier, chests))
    assert explanation.job.state == Job.State.SUCCEEDED, explanation.job.error
    return explanation


def test_every_image_has_its_map_and_the_score_of_its_classifier(finished, classifier, chests):
    results = finished.results
    extractor, head = open_classifier(classifier, device="cpu")

    assert {key: results[key] for key in ("layer", "rows", "columns", "side")} == {
        "layer": "layer4", "rows": 2, "columns": 2, "side": 64,
    }  # fmt: skip
    assert [one["image"] for one in results["images"]] == finished.image_ids
    for one in results["images"]:
        image = chests.images.get(pk=one["image"])
        seen = render_square(load_pixels(image), 64)[None]
        (expected,) = explain_images(extractor.backbone, head, seen, classes=CLASSES, class_name="pneumonia")
        assert (one["label"], one["sha256"], one["reason"]) == (image.label, image.pixel_sha256, expected.reason)
        assert one["score"] == pytest.approx(head.scores(extractor(seen))[0], abs=1e-12)
        assert one["class_score"] == pytest.approx(expected.score, abs=1e-4)
        assert opened(finished, one["heat"])[:, :, 3] / 255 == pytest.approx(expected.heat, abs=0.003)
    assert any(opened(finished, one["heat"])[:, :, 3].max() == 255 for one in results["images"])


def test_picture_and_heat_are_the_same_square_of_an_image_that_is_not_square(finished, chests):
    """What a browser draws with heat over picture is what the overlay of the computation is."""
    wide = next(one for one in finished.results["images"] if chests.images.get(pk=one["image"]).width == 64)
    stored = load_pixels(wide["sha256"])

    picture, heat = opened(finished, wide["picture"]), opened(finished, wide["heat"])

    assert stored.shape == (40, 64)
    assert np.array_equal(picture, stored[:, 12:52])
    assert heat.shape == (64, 64, 4)
    with zipfile.ZipFile(finished.job.directory / "overlays.zip") as archive:
        place = finished.results["images"].index(wide) + 1
        packed = io.BytesIO(archive.read(f"overlays/{place:03d}-{wide['sha256'][:12]}.png"))
        drawn = np.array(PillowImage.open(packed))
    assert np.array_equal(drawn, overlay(picture, heat[:, :, 3] / 255, opacity=0.5))


def test_files_are_there_for_the_page_and_for_download(finished):
    names = set(finished.job.artefacts.values_list("name", flat=True))

    assert names == {"overlays.zip"} | {one[kind] for one in finished.results["images"] for kind in ("picture", "heat")}
    with zipfile.ZipFile(finished.job.directory / "overlays.zip") as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("scores.csv").decode())))
        about = json.loads(archive.read("about.json"))
    assert [float(row["score for pneumonia"]) for row in rows] == [one["score"] for one in finished.results["images"]]
    assert (about["layer"], about["classifier_sha256"]) == ("layer4", finished.classifier.sha256)


def test_the_layers_of_the_classifier_are_known_afterwards(finished, classifier):
    classifier.refresh_from_db()

    assert [(one.name, one.rows, one.is_usable) for one in read_layers(classifier.layers)] == [
        ("layer4", 2, True), ("layer3", 4, True), ("layer2", 8, True), ("layer1", 16, True),
    ]  # fmt: skip


def test_a_cancelled_job_goes_on_after_the_images_it_has_done(classifier, chests, finished, monkeypatch):
    again = started(classifier, chests)
    progress = RunningJob.progress

    def cancel_after_the_second(context, done, total, unit="", message="", seconds_left=None):
        progress(context, done, total, unit, message, seconds_left)
        if message == "Computing the maps" and done == 2:
            request_cancel(job=Job.objects.get(pk=context.job_id))
            while not context.should_stop():  # until the heartbeat has told it
                time.sleep(0.05)

    monkeypatch.setattr(RunningJob, "progress", cancel_after_the_second)
    run_job(again.job)
    assert again.job.state == Job.State.CANCELLED
    assert len(json.loads((again.job.directory / KEPT).read_text())) == 2
    written = (again.job.directory / "heat" / "001.png").stat().st_mtime_ns
    monkeypatch.undo()
    resume_job(job=again.job)
    again.job.refresh_from_db()
    run(again)

    assert again.job.state == Job.State.SUCCEEDED, again.job.error
    assert (again.job.directory / "heat" / "001.png").stat().st_mtime_ns == written
    assert again.results == finished.results
    for one in again.results["images"]:
        assert np.array_equal(opened(again, one["heat"]), opened(finished, one["heat"]))


def test_where_the_last_layer_is_one_cell_the_last_that_says_something_is_taken(chests):
    small = make_classifier(chests, side=32)

    default = run(started(small, chests))
    asked = run(started(small, chests, layer="layer3", method="grad_cam_plus_plus", class_name="normal"))

    assert default.job.state == asked.job.state == Job.State.SUCCEEDED, default.job.error
    assert [(one.results["layer"], one.results["rows"]) for one in (default, asked)] == [("layer3", 2), ("layer3", 2)]


def test_a_layer_of_one_cell_is_refused_with_what_would_do(chests):
    small = make_classifier(chests, side=32)  # whose layers nobody has measured yet

    explanation = run(started(small, chests, layer="layer4"))

    assert (explanation.job.state, explanation.results) == (Job.State.FAILED, {})
    assert "At 32 × 32 pixels the layer layer4 gives maps of 1 × 1 cell(s)" in explanation.job.error
    assert "layer3 (2 × 2 cells)" in explanation.job.error
    assert "224 pixels (there layer4 (7 × 7 cells))" in explanation.job.error


def test_an_unknown_layer_a_lost_image_and_a_changed_file_are_named(classifier, chests):
    unknown, lost, changed = (started(classifier, chests, layer=layer) for layer in ("layer9", "", ""))

    run(unknown)
    chests.images.filter(pk=lost.image_ids[0]).delete()
    run(lost)
    changed.image_ids = changed.image_ids[1:]
    changed.save()
    classifier.path.write_bytes(b"something else")
    run(changed)

    assert {one.job.state for one in (unknown, lost, changed)} == {Job.State.FAILED}
    assert "no layer layer9. Choose one of: layer4 (2 × 2 cells), layer3" in unknown.job.error
    assert "1 of the 6 images are not there any more" in lost.job.error
    assert "has changed since it was recorded" in changed.job.error
