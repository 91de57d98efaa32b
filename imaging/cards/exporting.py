"""A dataset as a ZIP archive: class folders, metadata.csv and the card. `import_images` reads it back.

Pixels, classes, splits, which images are of one patient, and all metadata are the same then. Pseudonyms are not: an
import makes new ones of those in the archive. The same dataset gives the same bytes.
"""

import csv
import shutil
import unicodedata
import uuid
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO

from imaging.cards.content import card_parts
from imaging.cards.export_parameters import ExportParameters
from imaging.cards.markdown import card_markdown
from imaging.intake.layout import METADATA, NEUTRAL, SPLITS, is_junk
from imaging.models import Dataset, Image
from imaging.storage import open_pixels
from worker.registry import JobContext, JobError

FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # no dates: the same dataset gives the same bytes
CARD = "README.md"  # an import leaves it out
COLUMNS = {  # of metadata.csv -> field
    "label": "label",
    "patient_id": "patient_pseudonym",
    "age_years": "age_years",
    "sex": "sex",
    "view_position": "view_position",
    "manufacturer": "manufacturer",
    "modality": "modality",
    "body_part": "body_part",
    "study_year": "study_year",
    "pixel_spacing_mm": "pixel_spacing_mm",
    "follow_up": "follow_up",
    "split": "split",
}
AT_ONCE = 500  # records in memory
FORBIDDEN = set('/\\:*?"<>|')  # in the name of a folder, on some system

ExportWarner = Callable[[Dataset], list[str]]
_WARNERS: list[ExportWarner] = []


def register_export_warner(warner: ExportWarner) -> None:
    """`warner` says in sentences why the archive of a dataset is to be kept from somebody. Again: changes nothing."""
    if warner not in _WARNERS:
        _WARNERS.append(warner)


def export_warnings(dataset: Dataset) -> list[str]:
    return [sentence for warner in _WARNERS for sentence in warner(dataset)]


def archive_name(dataset: Dataset) -> str:
    plain = unicodedata.normalize("NFKD", dataset.name).encode("ascii", "ignore").decode()
    words = "".join(one if one.isalnum() else "-" for one in plain).strip("-").lower()
    return f"{words[:60] or 'dataset'}.zip"


def run_export(context: JobContext, parameters: ExportParameters) -> dict[str, Any]:
    """Raises JobError when the dataset is gone, a file of it is missing, or the disk is full."""
    dataset = Dataset.objects.filter(pk=uuid.UUID(parameters.dataset_id)).first()
    if dataset is None:
        raise JobError("The dataset is no longer there.")

    def step(done: int, total: int) -> None:
        context.raise_if_stopped()
        context.progress(done, total, "images", "Writing the archive")

    path = context.directory / archive_name(dataset)
    partial = path.with_suffix(".part")
    try:
        count = write_archive(dataset, partial, step=step)
        partial.replace(path)
    except OSError as error:
        raise JobError(f"The archive cannot be written: {error}. Make room on the disk, then export again.") from error
    finally:
        partial.unlink(missing_ok=True)
        path.with_suffix(".csv").unlink(missing_ok=True)
    context.artefact(path, kind="file")
    return {"images": count, "bytes": path.stat().st_size}


def write_archive(dataset: Dataset, path: Path, *, step: Callable[[int, int], None]) -> int:
    """Write the archive to `path`, one image at a time; returns how many. `step(done, total)` may raise.

    Raises JobError for a pixel file that is missing, OSError for a full disk.
    """
    keys = list(dataset.images.order_by("label", "pixel_sha256").values_list("pk", flat=True))
    table = path.with_suffix(".csv")
    with zipfile.ZipFile(path, "w") as archive, table.open("w", newline="", encoding="utf-8") as file:
        rows = _table(file)
        for done, image in enumerate(_images(keys), start=1):
            name = f"{_folder(image.label)}/{image.pixel_sha256}.png"
            _add_pixels(archive, name, image)
            rows.writerow([name, *(_cell(getattr(image, field)) for field in COLUMNS.values())])
            step(done, len(keys))
        file.flush()
        with table.open("rb") as source, archive.open(_entry(METADATA, zipfile.ZIP_DEFLATED), "w") as target:
            shutil.copyfileobj(source, target)
        archive.writestr(_entry(CARD, zipfile.ZIP_DEFLATED), card_markdown(dataset.name, card_parts(dataset)))
    table.unlink()
    return len(keys)


def _images(keys: list[uuid.UUID]) -> Iterator[Image]:
    for begin in range(0, len(keys), AT_ONCE):
        chunk = keys[begin : begin + AT_ONCE]
        found = Image.objects.in_bulk(chunk)
        yield from (found[key] for key in chunk if key in found)


def _add_pixels(archive: zipfile.ZipFile, name: str, image: Image) -> None:
    try:
        source = open_pixels(image.pixel_sha256)
    except FileNotFoundError:
        raise JobError(
            f"The pixels of image {image.pixel_sha256[:12]} are missing on the disk. Restore them from a backup, or "
            "export a version without this image."
        ) from None
    with source, archive.open(_entry(name, zipfile.ZIP_STORED), "w") as target:  # a PNG is compressed already
        shutil.copyfileobj(source, target)


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, FIRST_DAY)
    entry.compress_type = compression
    entry.create_system = 3  # the same on every system
    entry.external_attr = 0o644 << 16
    return entry


def _folder(label: str) -> str:
    """The class as a folder, or, where no folder can be called so, a neutral one: metadata.csv has the class."""
    usable = (
        label == unicodedata.normalize("NFC", label).strip(" .")
        and not set(label) & FORBIDDEN
        and label.lower() not in NEUTRAL | set(SPLITS)
        and not is_junk(f"{label}/x.png")
    )
    return label if usable else "images"


def _table(file: TextIO) -> Any:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["file", *COLUMNS])
    return rows


def _cell(value: Any) -> str:
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)
