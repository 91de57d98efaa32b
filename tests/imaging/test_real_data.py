"""Real radiographs through the whole intake. The files are not part of the project; without them this is skipped."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging import storage
from imaging.intake.foreground import ForegroundContext
from imaging.intake.importing import run_import
from imaging.intake.parameters import ImportParameters
from imaging.models import Dataset, Image
from imaging.selectors import filter_images, patients_in_several_splits

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

pytestmark = [pytest.mark.django_db, pytest.mark.sqlite_is_enough]


def need(name: str) -> Path:
    path = DATA / name
    if not path.exists():
        pytest.skip(f"needs the radiographs {name} in shared/data beside the repository")
    return path


def do_import(source: Path, directory: Path) -> dict:
    context = ForegroundContext(directory=directory, on_progress=lambda *_: None)
    return run_import(context, ImportParameters(source=str(source), dataset_name="Real"))


def test_nih_256(tmp_path):
    source = need("nih-cxr-256.zip")

    report = do_import(source, tmp_path)

    # Assert: against the table, read independently
    with zipfile.ZipFile(source) as archive:
        rows = list(csv.DictReader(io.TextIOWrapper(archive.open("metadata.csv"))))
        pictures = {row["file"]: archive.read(row["file"]) for row in rows}
    assert report["problems"] == []
    assert report["imported"] + report["duplicates"] == len(rows) == 795
    doubled = {pair["file"] for pair in report["duplicate_files"]}
    rows = [row for row in rows if row["file"] not in doubled]
    dataset = Dataset.objects.get()
    assert report["counts"] == dict(sorted(Counter(row["label"] for row in rows).items()))
    assert dict(Counter(dataset.images.values_list("view_position", flat=True))) == Counter(
        r["view_position"] for r in rows
    )
    assert filter_images(dataset, {"age_min": 19, "view_positions": ["PA"]}).count() == sum(
        float(row["age_years"]) >= 19 and row["view_position"] == "PA" for row in rows
    )
    assert dataset.images.values("patient_pseudonym").distinct().count() == len({row["patient_id"] for row in rows})
    hashes = set(dataset.images.values_list("pixel_sha256", flat=True))
    first = np.array(PillowImage.open(io.BytesIO(pictures[rows[0]["file"]])).convert("L"))
    assert storage.pixel_sha256(first) in hashes


def test_nih_1024_folder(tmp_path):
    report = do_import(need("nih-cxr-1024"), tmp_path)

    assert report["problems"] == []
    assert report["counts"] == {"normal": 24, "pneumonia": 24}
    assert set(Image.objects.values_list("width", "height", "view_position")) == {(1024, 1024, "PA")}


def test_kermany_head(tmp_path):
    """Every tenth file of the published archive: RGB-coded JPEG, train and test folders."""
    source = tmp_path / "part.zip"
    with zipfile.ZipFile(need("kermany-cxr-224.zip")) as whole, zipfile.ZipFile(source, "w") as part:
        names = [name for name in whole.namelist() if not name.endswith("/")][::10]
        for name in names:
            part.writestr(name, whole.read(name))

    report = do_import(source, tmp_path)

    assert report["problems"] == []
    assert report["imported"] + report["duplicates"] == len(names)
    assert set(Image.objects.values_list("width", "height", "bit_depth")) == {(224, 224, 8)}
    assert set(Image.objects.values_list("split", "label").distinct()) == {
        (split, label) for split in ("train", "test") for label in ("normal", "pneumonia")
    }
    assert patients_in_several_splits(Dataset.objects.get()) == 0
