"""DICOM files with chosen pixels and header, written by pydicom."""

import io
from typing import Any

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

IDENTIFIERS = {
    "PatientName": "MUSTERMANN^ERIKA",
    "PatientID": "HOSPITAL-4711",
    "PatientBirthDate": "19530704",
    "AccessionNumber": "ACC-99881",
    "InstitutionName": "ST ELSEWHERE",
    "ReferringPhysicianName": "HOUSE^GREGORY",
    "StudyDate": "20190312",
    "StationName": "XRAY7",
}


def ramp(rows: int = 24, columns: int = 20) -> np.ndarray:
    """Twelve-bit values from 0 to 4095."""
    return np.linspace(0, 4095, rows * columns).reshape(rows, columns).astype(np.uint16)


def make_header(pixels: np.ndarray | None = None, **changes: Any) -> FileDataset:
    """An adult's PA chest radiograph; a change to None leaves the element out."""
    pixels = ramp() if pixels is None else pixels
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"  # Digital X-Ray Image Storage - For Presentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    values = {
        **IDENTIFIERS,
        "PatientAge": "045Y",
        "PatientSex": "F",
        "ViewPosition": "PA",
        "Manufacturer": "GE Healthcare",
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "BurnedInAnnotation": "NO",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": pixels.dtype.itemsize * 8,
        "BitsStored": 12 if pixels.dtype.itemsize == 2 else 8,
        "HighBit": 11 if pixels.dtype.itemsize == 2 else 7,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        "PixelSpacing": [0.2, 0.2],
        "PixelData": pixels.tobytes(),
        **changes,
    }
    for name, value in values.items():
        if value is not None:
            setattr(header, name, value)
    return header


def as_bytes(header: FileDataset) -> bytes:
    file = io.BytesIO()
    header.save_as(file, enforce_file_format=True)
    return file.getvalue()


def make_file(pixels: np.ndarray | None = None, **changes: Any) -> bytes:
    return as_bytes(make_header(pixels, **changes))
