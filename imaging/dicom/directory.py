"""A DICOMDIR: what a medium says that it holds (DICOM PS3.3 F, PS3.10 8). Only names of files are read from it."""

import io
import warnings
from dataclasses import dataclass

from pydicom import dcmread

from imaging.dicom.reading import DicomError, looks_like_dicom

MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
MOST_RECORDS = 2_000_000


@dataclass(frozen=True, kw_only=True)
class Directory:
    """Names relative to the folder of the DICOMDIR, with forward slashes, as it writes them: capitals, as a rule."""

    images: tuple[str, ...]
    others: tuple[str, ...]  # reports, presentation states, ...: nothing to be seen by itself


def read_directory(data: bytes) -> Directory:
    """What the DICOMDIR lists. Raises DicomError for anything else; a record that makes no sense is left out."""
    if not looks_like_dicom(data):
        raise DicomError("This is not a DICOMDIR.", "directory")
    images: list[str] = []
    others: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            header = dcmread(io.BytesIO(data))
            if header.file_meta.get("MediaStorageSOPClassUID") != MEDIA_STORAGE_DIRECTORY:
                raise DicomError("This is not a DICOMDIR.", "directory")
            for record in list(header.get("DirectoryRecordSequence") or [])[:MOST_RECORDS]:
                parts = record.get("ReferencedFileID")
                if not parts:
                    continue  # a patient, study or series
                name = "/".join([parts] if isinstance(parts, str) else [str(part) for part in parts])
                (images if str(record.get("DirectoryRecordType")).strip() == "IMAGE" else others).append(name)
        except DicomError:
            raise
        except Exception as error:  # a parser of damaged input raises nearly anything
            raise DicomError(f"The DICOMDIR is damaged ({type(error).__name__}).", "directory") from error
    return Directory(images=tuple(images), others=tuple(others))
