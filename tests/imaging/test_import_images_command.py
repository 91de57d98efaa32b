"""The import from the command line: same intake, a table of problems, an exit status."""

import json
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from imaging.models import Dataset, Image
from imaging.selectors import made_with
from tests.imaging.archives import GOOD, write_folder, write_zip
from tests.imaging.conftest import files_below
from tests.quick_database import copy_database

pytestmark = pytest.mark.django_db


def run(*arguments: object) -> str:
    out = StringIO()
    call_command("import_images", *map(str, arguments), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_import(write, tmp_path):
    source = write(tmp_path / "source", GOOD)

    output = run(source, "--name", "Chests", "--licence", "CC0", "--citation", "c", "--description", "d")

    dataset = Dataset.objects.get()
    assert (dataset.name, dataset.licence, dataset.citation, dataset.description) == ("Chests", "CC0", "c", "d")
    assert "Imported 4 images as “Chests” (ill 2, normal 2)." in output
    assert source.exists()


def test_images_that_a_generator_made(tmp_path):
    source = write_zip(tmp_path / "a.zip", GOOD)

    run(source, "--name", "Theirs", "--synthetic", "StyleGAN3 of others", "--licence", "CC0")

    dataset = Dataset.objects.get()
    assert (dataset.origin, dataset.licence) == ("synthetic", "CC0")
    provenance = [image.provenance for image in dataset.images.all()]
    assert provenance
    assert all(told == {"made_with": "StyleGAN3 of others", "imported": True} for told in provenance)
    assert made_with(dataset.images.all()) == "StyleGAN3 of others"


def test_real_images_have_no_maker(tmp_path):
    run(write_zip(tmp_path / "a.zip", GOOD), "--name", "Chests")

    dataset = Dataset.objects.get()
    assert dataset.images.exclude(provenance={}).count() == 0
    assert made_with(dataset.images.all()) == ""


def test_a_refusal_prints_the_problems_and_leaves_nothing(tmp_path, data_dir):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "ill/x.png": b""})
    before = files_below(data_dir)
    out = StringIO()

    with pytest.raises(CommandError, match=r"Nothing was imported: 1 problem found\.") as refusal:
        call_command("import_images", str(source), "--name", "Chests", stdout=out)

    assert refusal.value.returncode == 1
    assert "ill/x.png" in out.getvalue()
    assert "0 bytes" in out.getvalue()
    assert files_below(data_dir) == before
    assert (Dataset.objects.count(), Image.objects.count()) == (0, 0)


def test_skip_bad(tmp_path):
    source = write_zip(tmp_path / "a.zip", {**GOOD, "ill/x.png": b""})

    output = run(source, "--name", "Chests", "--skip-bad")

    assert "Imported 4 images" in output
    assert "1 files with problems left out" in output


def test_json(tmp_path):
    report = json.loads(run(write_zip(tmp_path / "a.zip", GOOD), "--name", "Chests", "--json"))

    assert report["dataset_id"] == str(Dataset.objects.get().pk)
    assert report["counts"] == {"ill": 2, "normal": 2}


@pytest.mark.parametrize(
    ("name", "words"), [("Taken", "There is a dataset called “Taken” already"), ("", "dataset_name must have")]
)
def test_names_are_checked(name, words, tmp_path):
    Dataset.objects.create(name="Taken", origin="real")

    with pytest.raises(CommandError, match=words):
        run(write_zip(tmp_path / "a.zip", GOOD), "--name", name)


@pytest.mark.sqlite_is_enough
def test_the_exit_status_of_the_process(tmp_path):
    """Through the front door: the status that scripts look at."""
    import os
    from pathlib import Path

    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "DATA_DIR": str(tmp_path / "installation"), "DATABASE_URL": ""}

    def manage(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *map(str, arguments)]
        return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)

    (tmp_path / "installation").mkdir()
    copy_database(tmp_path / "installation" / "db.sqlite3")
    bad = manage("import_images", write_zip(tmp_path / "bad.zip", {"a/x.png": b""}), "--name", "Bad")
    good = manage("import_images", write_zip(tmp_path / "good.zip", GOOD), "--name", "Good")

    assert (bad.returncode, good.returncode) == (1, 0)
    assert "Nothing was imported" in bad.stderr
