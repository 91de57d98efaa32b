"""From a PACS to a dataset: retrieve image by image into a folder of its own, then the ordinary import of that folder.

The folder has what a PACS sends, names of patients too: it is readable by the server alone, and goes when the images
are imported, or after a week. Until then a retrieval that was broken off goes on where it stopped.
"""

import csv
import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from imaging.intake.importing import ImportRefusedError, run_import
from imaging.intake.layout import METADATA
from imaging.intake.limits import LIMITS, Limits
from imaging.intake.metadata import check_label
from imaging.intake.pacs import InstanceError, Pacs, PacsAccess, PacsError, PacsQuery
from imaging.intake.parameters import ImportParameters
from imaging.intake.preparing import AS_IT_IS, CROP, Choices
from worker.models import Job
from worker.registry import JobContext, JobError

RETRIEVE = "imaging.retrieve"
KEPT_SECONDS = 7 * 24 * 3600
SPARE_BYTES = 2**30  # that a retrieval leaves free on the disk
UNLABELLED = "unlabelled"


@dataclass(frozen=True, kw_only=True)
class RetrieveParameters:
    """The address of the PACS and its credentials are settings, and stored nowhere else."""

    study_date: str = ""
    modality: str = ""
    body_part: str = ""
    dataset_name: str
    label: str = UNLABELLED  # class of all images
    skip_bad: bool = False
    window: int = 1  # this and the next three: see `preparing.Choices`
    bits: int = AS_IT_IS
    size: int = AS_IT_IS
    fit: str = CROP
    licence: str = ""
    citation: str = ""
    description: str = ""
    created_by_id: int | None = None

    def __post_init__(self) -> None:
        _ = self.query
        Choices(window=self.window, bits=self.bits, size=self.size, fit=self.fit)
        check_label(self.label)
        if not self.label.strip():
            raise ValueError("label is empty; say which class the images are of")
        if not self.dataset_name.strip() or len(self.dataset_name) > 200:
            raise ValueError(f"dataset_name must have 1 to 200 characters, not {self.dataset_name!r}")

    @property
    def query(self) -> PacsQuery:
        return PacsQuery(study_date=self.study_date, modality=self.modality, body_part=self.body_part)


def pacs_access(url: str = "") -> PacsAccess:
    """As the environment says; `url` instead of DICOMWEB_URL. Raises PacsError."""
    address = url or settings.DICOMWEB_URL
    if not address:
        raise PacsError("No PACS is set. Give its address, or set DICOMWEB_URL in the environment of the server.")
    try:
        return PacsAccess(
            url=address,
            user=settings.DICOMWEB_USER,
            password=settings.DICOMWEB_PASSWORD,
            token=settings.DICOMWEB_TOKEN,
            ca_bundle=settings.DICOMWEB_CA_BUNDLE,
        )
    except ValueError as error:
        raise PacsError(f"{error}.") from error


def run_retrieval(
    context: JobContext, parameters: RetrieveParameters, *, access: PacsAccess | None = None, limits: Limits = LIMITS
) -> dict[str, Any]:
    """Retrieve and import; returns the report of the import. Raises JobError in words, ImportRefusedError as it does.

    May be run again after a crash or a cancel at any point.
    """
    before = Job.objects.filter(pk=context.job_id).values_list("result", flat=True).first()
    if before and before.get("dataset_id"):  # an earlier attempt was killed after its last step
        return dict(before)
    remove_forgotten_folders()
    try:
        access = access or pacs_access()
        with _own_folder(access, parameters) as folder:
            lost = _retrieve(context, Pacs(access), parameters, folder, limits)
            if lost and not parameters.skip_bad:
                raise JobError(
                    f"Nothing was imported: {_lost_in_words(lost)}. Start again, which asks for these alone, or start "
                    "again and skip the bad files."
                )
            try:
                result = run_import(context, _import_parameters(parameters, folder), limits=limits)
            except ImportRefusedError as error:
                for problem in error.result["problems"]:  # damaged on the way, perhaps: asked for again next time
                    if problem["file"].endswith(".dcm"):
                        (folder / Path(problem["file"]).name).unlink(missing_ok=True)
                raise
    except PacsError as error:
        raise JobError(str(error)) from error
    if lost:
        result["notes"] = [*result["notes"], f"Left out: {_lost_in_words(lost)}."]
    return result


def remove_forgotten_folders() -> None:
    """Remove what no retrieval has gone on with for a week."""
    for path in _root().iterdir():
        if time.time() - path.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _retrieve(
    context: JobContext, pacs: Pacs, parameters: RetrieveParameters, folder: Path, limits: Limits
) -> dict[str, int]:
    """Fill the folder; what could not be had, by reason."""

    def searching(found: int) -> None:
        context.raise_if_stopped()
        context.progress(0, 0, "images", f"Searching: {found:,} images so far")

    instances = pacs.find(parameters.query, step=searching)
    if not instances:
        raise JobError(f"The PACS has no image for {parameters.query}. Look for something else.")
    if len(instances) > limits.max_files:
        raise JobError(
            f"The PACS has {len(instances):,} images for this; {limits.max_files:,} are allowed. Ask for less."
        )
    names: list[str] = []
    lost: dict[str, int] = {}
    total = 0
    for done, instance in enumerate(instances):
        context.raise_if_stopped()
        context.progress(done, len(instances), "images", "Retrieving from the PACS")
        name = f"{hashlib.sha256(instance.uid.encode()).hexdigest()[:32]}.dcm"
        path = folder / name
        if not path.exists():
            _refuse_full_disk(folder)
            try:
                data = pacs.retrieve(instance)
            except InstanceError as error:
                lost[error.reason] = lost.get(error.reason, 0) + 1
                continue
            _write(path, data)
        names.append(name)
        total += path.stat().st_size
        if total > limits.max_total_bytes:
            raise JobError(f"The images have more than {limits.max_total_bytes / 2**30:g} GiB. Ask for less at once.")
    if not names:
        raise JobError(f"Nothing was imported: {_lost_in_words(lost)}.")
    for stray in {path.name for path in folder.iterdir()} - {
        *names,
        METADATA,
    }:  # no longer in the PACS, or half written
        (folder / stray).unlink()
    with (folder / METADATA).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "label"), *((name, parameters.label) for name in names)])
    context.log(f"Retrieved {len(names)} images for {parameters.query}")
    return lost


def _import_parameters(parameters: RetrieveParameters, folder: Path) -> ImportParameters:
    prepared, told = ("window", "bits", "size", "fit"), ("licence", "citation", "description", "created_by_id")
    taken = ("dataset_name", "skip_bad", *prepared, *told)
    values = asdict(parameters)
    return ImportParameters(
        source=str(folder), source_name="the PACS", delete_source=True, **{name: values[name] for name in taken}
    )


@contextmanager
def _own_folder(access: PacsAccess, parameters: RetrieveParameters) -> Iterator[Path]:
    """The folder for this address and query, for one process at a time."""
    key = hashlib.sha256(f"{access.url}|{parameters.query}".encode()).hexdigest()[:32]
    folder, lock = _root() / key, _root() / f"{key}.lock"
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PacsError("These images are being retrieved already. Wait until that has ended.") from error
        folder.mkdir(mode=0o700, exist_ok=True)
        yield folder


def _root() -> Path:
    root = Path(settings.DATA_DIR) / "pacs"
    root.mkdir(mode=0o700, exist_ok=True)
    return root


def _refuse_full_disk(folder: Path) -> None:
    if shutil.disk_usage(folder).free < SPARE_BYTES:
        raise JobError(
            "The disk of the server is nearly full. Make room, then start again: it goes on where it stopped."
        )


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.replace(path)


def _lost_in_words(lost: dict[str, int]) -> str:
    words = {"missing": "not in the PACS any more", "damaged": "damaged or cut off on the way"}
    return ", ".join(f"{n:,} image{'s' if n > 1 else ''} {words[reason]}" for reason, n in sorted(lost.items()))
