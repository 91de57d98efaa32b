"""Which files of an import wait, and what the report says of them."""

import json

import numpy as np
import pytest
from django.core.management import call_command
from django.urls import reverse

from imaging.models import Dataset, Image, QuarantinedImage, SignOff
from imaging.pseudonyms import patient_pseudonym, source_pseudonym
from imaging.storage import load_pixels
from tests.imaging.archives import GOOD, grey, picture, table, write_folder, write_zip
from tests.imaging.dicom.builders import make_file, ramp

pytestmark = pytest.mark.django_db


def other(n: int, **changes) -> bytes:
    return make_file(np.roll(ramp(), n, axis=1), **changes)


@pytest.mark.parametrize(
    ("said", "reason"), [("YES", "yes"), (None, "unknown"), ("", "unknown"), ("PERHAPS", "unknown")]
)
def test_a_header_that_does_not_say_no(said, reason, tmp_path, do_import):
    files = {"normal/a.dcm": other(1), "ill/b.dcm": other(2, BurnedInAnnotation=said, PatientID="P-7")}

    result = do_import(write_zip(tmp_path / "a.zip", files))

    assert (result["imported"], result["waiting"], result["counts"]) == (1, 1, {"normal": 1})
    assert result["waiting_files"] == [{"file": "ill/b.dcm", "reason": reason}]
    assert result["problems"] == []
    waiting = QuarantinedImage.objects.get()
    assert (waiting.reason, waiting.label, waiting.dataset) == (reason, "ill", Dataset.objects.get())
    assert (waiting.patient_pseudonym, waiting.source_pseudonym) == (
        patient_pseudonym("P-7"),
        source_pseudonym("b.dcm"),
    )
    assert (waiting.age_years, waiting.view_position, waiting.pixel_spacing_mm) == (45, "PA", 0.2)
    assert load_pixels(waiting.pixel_sha256).shape == (24, 20)
    assert [image.label for image in Image.objects.all()] == ["normal"]


def test_the_table_goes_before_the_header_and_speaks_for_pictures(tmp_path, do_import):
    rows = table("file,burned_in_annotation", "a.dcm,no", "b.dcm,yes", "1.png,YES", "2.png,unknown")
    files = {
        "normal/a.dcm": other(1, BurnedInAnnotation="YES"),
        "normal/b.dcm": other(2),
        "normal/1.png": picture(1),
        "normal/2.png": picture(2),
        "normal/3.png": picture(3),
        "metadata.csv": rows,
    }

    result = do_import(write_zip(tmp_path / "a.zip", files))

    assert {one["file"]: one["reason"] for one in result["waiting_files"]} == {
        "normal/b.dcm": "yes",
        "normal/1.png": "yes",
        "normal/2.png": "unknown",
    }
    assert result["imported"] == 2


def test_a_word_that_is_none_of_three(tmp_path, do_import):
    rows = table("file,burned_in_annotation", "normal/1.png,maybe")
    (problem,) = do_import(write_zip(tmp_path / "a.zip", {**GOOD, "metadata.csv": rows}))["problems"]
    assert problem["reason"] == "Row 2: burned_in_annotation: “maybe” is not yes, no or unknown."


@pytest.mark.parametrize("order", [1, -1])
def test_of_the_same_picture_twice_the_doubt_counts(order, tmp_path, do_import):
    clean, doubtful = make_file(), make_file(BurnedInAnnotation="YES")
    files = dict(zip(["normal/1.dcm", "normal/2.dcm"], [clean, doubtful][::order], strict=True))

    result = do_import(write_zip(tmp_path / "a.zip", {**GOOD, **files}))

    assert (result["imported"], result["waiting"], result["duplicates"]) == (4, 1, 1)


def test_a_dataset_of_which_all_waits(tmp_path, do_import, investigator_client):
    files = {f"normal/{n}.dcm": other(n, BurnedInAnnotation=None) for n in range(3)}

    result = do_import(write_zip(tmp_path / "a.zip", files))

    dataset = Dataset.objects.get()
    assert (result["imported"], result["waiting"], result["counts"]) == (0, 3, {})
    assert (dataset.images.count(), dataset.quarantined.count()) == (0, 3)
    assert "3 images wait in quarantine" in investigator_client.get(dataset.get_absolute_url()).content.decode()


def test_the_same_waits_again_in_another_dataset(tmp_path, do_import):
    """What was decided once is not taken over silently: the files may say other things there."""
    source = write_zip(tmp_path / "a.zip", {"normal/a.dcm": make_file(BurnedInAnnotation="YES")})
    do_import(source, name="First")
    do_import(source, name="Second")
    assert QuarantinedImage.objects.count() == 2


def test_the_command_says_where_they_wait_and_releases_nothing(tmp_path, capsys, data_dir):
    source = write_folder(tmp_path / "source", {**GOOD, "ill/b.dcm": make_file(BurnedInAnnotation="YES")})

    call_command("import_images", str(source), "--name", "Chests", "--skip-bad")

    said = " ".join(capsys.readouterr().out.split())
    assert "Imported 4 images as “Chests”" in said
    assert "1 images wait in quarantine" in said
    assert reverse("imaging:quarantine_list", args=[Dataset.objects.get().pk]) in said.replace(" ", "")
    assert (Image.objects.count(), QuarantinedImage.objects.count(), SignOff.objects.count()) == (4, 1, 0)

    call_command("import_images", str(source), "--name", "Again", "--json")
    assert json.loads(capsys.readouterr().out)["waiting"] == 1


def test_a_refused_import_leaves_nothing_waiting(tmp_path, do_import, data_dir):
    files = {"normal/a.dcm": make_file(BurnedInAnnotation="YES"), "normal/bad.png": b""}
    assert do_import(write_zip(tmp_path / "a.zip", files))["dataset_id"] is None
    assert not QuarantinedImage.objects.exists()
    assert not list(data_dir.rglob("*.png"))


def test_the_page_of_the_import(tmp_path, investigator_client):
    from tests.imaging.test_views import import_job

    job = import_job(tmp_path, files={**GOOD, "ill/b.dcm": make_file(BurnedInAnnotation="YES")}, state="succeeded")
    page = investigator_client.get(reverse("imaging:import_result", args=[job.pk])).content.decode()

    assert "1 more waits in quarantine" in page
    assert f'href="{reverse("imaging:quarantine_list", args=[Dataset.objects.get().pk])}"' in page
    assert "ill/b.dcm" in page
    assert (grey(1) == load_pixels(Image.objects.get(source_pseudonym=source_pseudonym("1.png"), label="normal"))).all()
