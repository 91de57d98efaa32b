"""The files that rows of a database name: a backup with one of these rows must hold its file."""

from collections.abc import Iterator

from django.db.models import Model, QuerySet

from classification.models import Classifier
from generation.models import Checkpoint, ForeignGenerator
from imaging.models import DatasetReport, Image, QuarantinedImage
from imaging.storage import pixel_name
from turing.models import AnswerTable, Report, Trial


def referenced_files(alias: str) -> Iterator[str]:
    """Paths below the media folder, of the database `alias`; some more than once."""
    for pictures in (Image, QuarantinedImage):
        for sha256 in _all(pictures, alias).values_list("pixel_sha256", flat=True).iterator(chunk_size=5000):
            yield pixel_name(sha256)
    for names in _all(Trial, alias).values_list("stimulus_file", "right_file").iterator(chunk_size=5000):
        yield from filter(None, names)
    for sha256, declaration in _all(ForeignGenerator, alias).values_list("sha256", "declaration"):
        yield f"generators/{sha256}.{declaration['format']}"
    trained = _all(Checkpoint, alias).filter(run__isnull=False)
    for job, name in trained.values_list("run__job_id", "file_name"):
        yield f"jobs/{job}/{name}"
    for job, name in _all(Classifier, alias).values_list("experiment__job_id", "file_name"):
        yield f"jobs/{job}/{name}"
    for folder, reports in (("reports", _all(Report, alias)), ("dataset-reports", _all(DatasetReport, alias))):
        for key, files in reports.values_list("pk", "files"):
            yield from (f"{folder}/{key}/{name}" for name in files)
    for key in _all(AnswerTable, alias).values_list("pk", flat=True):
        yield f"answers/{key}.csv"


def _all(model: type[Model], alias: str) -> QuerySet[Model]:
    """Deleted and unfinished ones too."""
    return model._base_manager.using(alias).all()
