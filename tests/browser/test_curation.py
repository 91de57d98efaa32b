"""The guide to curation, followed literally: from a folder of DICOM files to a frozen, split dataset."""

import re

import pytest
from django.core.management import call_command

from imaging.dicom.reading import read_dicom
from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset, Image, SignOff
from imaging.selectors import patients_in_several_splits
from imaging.storage import load_pixels
from tests.browser import curation_walk
from worker.models import Job

pytestmark = pytest.mark.django_db(transaction=True)
SIDE = 96


@pytest.fixture
def folder(tmp_path):
    call_command("write_phantoms", tmp_path / "phantoms", "--dicom", "--patients", "40", "--size", str(SIDE))
    return tmp_path / "phantoms"


def test_from_a_folder_of_dicom_files_to_a_frozen_split_dataset(import_page, live_server, folder, tmp_path):
    # Arrange: what the files say
    facts = [read_dicom(path.read_bytes()).facts for path in folder.rglob("*.dcm")]
    wanted = [
        one
        for one in facts
        if one.view_position == "PA"
        and one.manufacturer.startswith("Alpha")
        and one.age_years is not None
        and one.age_years >= 19
    ]
    burned_in = sum(one.burned_in_annotation == "yes" for one in facts)

    def work():
        job = Job.objects.get()
        context = ForegroundContext(directory=tmp_path, on_progress=lambda *_: None)
        context.job_id = str(job.pk)
        Job.objects.update(result=run_import(context, ImportParameters(**job.parameters)), state="succeeded")

    # Act
    curation_walk.import_folder(import_page, live_server.url, folder, work=work)
    signed = curation_walk.sign_off(import_page)
    curation_walk.include(import_page)
    curation_walk.split_and_freeze(import_page)

    # Assert
    imported, included = (Dataset.objects.get(name=name) for name in (curation_walk.IMPORTED, curation_walk.INCLUDED))
    assert signed == burned_in == SignOff.objects.count() > 0
    assert imported.images.count() == len(facts)
    for sign_off in SignOff.objects.all():
        masked = load_pixels(Image.objects.filter(dataset=imported).get(pixel_sha256=sign_off.sha256_after))
        assert masked[: SIDE // 12, : SIDE // 2].max() == masked.min()
    assert included.images.count() == len(wanted) < len(facts)
    assert included.frozen_at is not None
    assert set(included.images.values_list("split", flat=True)) == {"train", "tune", "test"}
    assert patients_in_several_splits(included) == 0
    chart = import_page.request.get(f"{import_page.url}flow-chart.svg").text()
    assert f"{len(facts)} images" in chart
    assert re.search(rf"{len(wanted)} images: manufacturer", chart)
