"""What is kept of a DICOM header: an allow-list. Everything else, names and dates and numbers, is never stored."""

import re
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset

DAYS = {"D": 1.0, "W": 7.0, "M": 30.436875, "Y": 365.2425}  # of a unit of age (DICOM PS3.5, value representation AS)
OLDEST_AGE = 120
FIRST_YEAR = 1895  # Röntgen's
NO, YES, UNKNOWN = "no", "yes", "unknown"


@dataclass(frozen=True, kw_only=True)
class DicomFacts:
    """The header of one radiograph. "" or None: not in the file, or not to be understood.

    `patient_id` is only there to be turned into a pseudonym; it must not be stored.
    """

    patient_id: str = ""
    age_years: float | None = None  # PatientAge; dates of birth are not looked at
    sex: str = ""  # F, M, O
    view_position: str = ""  # PA, AP, LL, ...: capitals
    manufacturer: str = ""
    modality: str = ""  # DX, CR, ...
    body_part: str = ""  # CHEST, ...: capitals
    study_year: int | None = None  # of the acquisition, else of the study; nothing finer of any date
    row_spacing_mm: float | None = None  # between the centres of two rows
    column_spacing_mm: float | None = None
    burned_in_annotation: str = UNKNOWN  # yes, no, unknown

    @property
    def spacing_mm(self) -> float | None:
        """Of the pixels once they are square: the finer one."""
        if self.row_spacing_mm is None or self.column_spacing_mm is None:
            return None
        return min(self.row_spacing_mm, self.column_spacing_mm)


def read_facts(header: Dataset) -> DicomFacts:
    """What may be kept of `header`. A value that cannot be understood is as if it were missing, never an error."""
    rows, columns = _spacing(header)
    return DicomFacts(
        patient_id=_text(header, "PatientID", 200),
        age_years=parse_age(_text(header, "PatientAge", 16)),
        sex=_one_of(_text(header, "PatientSex", 16).upper(), "FMO"),
        view_position=_code(header, "ViewPosition"),
        manufacturer=_text(header, "Manufacturer", 100),
        modality=_code(header, "Modality"),
        body_part=_code(header, "BodyPartExamined"),
        study_year=parse_year(_text(header, "AcquisitionDate", 16)) or parse_year(_text(header, "StudyDate", 16)),
        row_spacing_mm=rows,
        column_spacing_mm=columns,
        burned_in_annotation={"NO": NO, "YES": YES}.get(_text(header, "BurnedInAnnotation", 16).upper(), UNKNOWN),
    )


def parse_age(text: str) -> float | None:
    """Years from an age string such as "045Y", "008M", "003W", "010D"; None when it is none, or above 120 years."""
    match = re.fullmatch(r"\s*(\d{1,3})([DWMY])\s*", text.upper())
    if match is None:
        return None
    years = int(match[1]) if match[2] == "Y" else int(match[1]) * DAYS[match[2]] / DAYS["Y"]
    return round(years, 3) if years <= OLDEST_AGE else None


def parse_year(text: str) -> int | None:
    """The year of a date such as "20190312" or "2019-03-12", or of a year alone; None when it is none of these."""
    match = re.fullmatch(r"((?:18|19|20)\d{2})(?:-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01]))?", text)
    year = int(match[1]) if match is not None else 0
    return year if year >= FIRST_YEAR else None


def _spacing(header: Dataset) -> tuple[float | None, float | None]:
    """Row and column spacing in mm: of the patient's plane where it is known, else of the detector."""
    for name in ("PixelSpacing", "ImagerPixelSpacing"):
        values = _value(header, name)
        try:
            found = tuple(float(value) for value in values) if values is not None else ()
        except (TypeError, ValueError):
            continue
        if len(found) == 2 and all(0 < value <= 10 for value in found):
            return found[0], found[1]
    return None, None


def _code(header: Dataset, name: str) -> str:
    return _text(header, name, 16).upper()


def _text(header: Dataset, name: str, limit: int) -> str:
    value = _value(header, name)
    text = "" if value is None else str(value).rstrip("\0 ").strip()
    return text if len(text) <= limit and text.isprintable() else ""


def _value(header: Dataset, name: str) -> Any:
    """The value; None where the element is missing, empty or cannot be read at all."""
    try:
        return header.get(name)
    except Exception:  # a library that converts on access raises nearly anything on damaged values
        return None


def _one_of(text: str, allowed: str) -> str:
    return text if len(text) == 1 and text in allowed else ""
