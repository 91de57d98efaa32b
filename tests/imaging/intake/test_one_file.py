"""One image by itself, without an archive or a folder around it."""

import pytest

from imaging.models import Image
from imaging.pseudonyms import source_pseudonym
from tests.imaging.archives import picture
from tests.imaging.dicom.builders import make_file

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("name", "data"), [("a.dcm", make_file()), ("IM00001", make_file()), ("a.png", picture(1))])
def test_it_becomes_a_dataset_of_one(name, data, tmp_path, do_import):
    (tmp_path / name).write_bytes(data)
    (tmp_path / "another.png").write_bytes(picture(2))

    result = do_import(tmp_path / name, folders="anything", one_class="normal")

    assert result["counts"] == {"normal": 1}
    assert Image.objects.get().source_pseudonym == source_pseudonym(name)


def test_an_upload_goes_by_the_name_that_it_had(tmp_path, do_import):
    (tmp_path / "5d6d9a3e.upload").write_bytes(picture(1))
    options = {"folders": "anything", "one_class": "normal"}

    assert do_import(tmp_path / "5d6d9a3e.upload", source_name="mine.png", **options)["imported"] == 1
    (problem,) = do_import(tmp_path / "5d6d9a3e.upload", source_name="mine.jpg", name="B", **options)["problems"]
    assert (problem["file"], problem["reason"]) == ("mine.jpg", "The name ends with .jpg, but the content is PNG.")


def test_without_a_class_it_is_refused(tmp_path, do_import):
    (tmp_path / "a.dcm").write_bytes(make_file())

    refused = do_import(tmp_path / "a.dcm")

    assert refused["dataset_id"] is None
    assert "There is no class folder" in refused["problems"][0]["reason"]


def test_something_else_is_neither(tmp_path, do_import):
    (tmp_path / "letter.pdf").write_bytes(b"%PDF-1.7 and so on")

    refused = do_import(tmp_path / "letter.pdf", skip_bad=True)

    assert [one["reason"] for one in refused["problems"]] == ["This is neither a ZIP archive nor an image."]
