"""Phantoms as a folder of DICOM files, as a PACS exports them: material to try an import on.

Every person, hospital and identifier is invented.
"""

import csv
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

from imaging.phantoms.chest import chest_phantom
from imaging.phantoms.dataset import describe_phantom

MANUFACTURERS = ("Alpha Imaging", "Alpha Imaging", "Alpha Imaging", "Beta Imaging")
CHILDREN, ANTERIOR, INVERTED, BURNED_IN, WITHOUT_AGE = 0.08, 0.25, 0.2, 0.06, 0.04  # shares of the files
TWICE = 0.25  # share of the patients with a second image, of another visit


def write_phantom_dicoms(folder: Path, *, patients: int, size: int, seed: int) -> int:
    """Write the images of `patients` phantoms, `size` x `size` pixels of 12 bits, and `metadata.csv`, into `folder`.

    Returns the number of images. One folder for each patient, one below for each visit; the class ("normal", "lesion")
    is in the table alone. Some are children, AP, of another manufacturer, MONOCHROME1, without an age, or have a name
    written into the image. The same arguments give the same files. Raises ValueError when `patients` is below 1,
    FileExistsError when `folder` holds something.
    """
    if patients < 1:
        raise ValueError(f"patients must be at least 1, not {patients}")
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: choose a new folder for the phantoms")
    rng = np.random.default_rng([seed, 2])
    rows = []
    for patient in range(1, patients + 1):
        person = seed * 1_000_003 + patient
        label = "lesion" if patient % 2 else "normal"
        facts = _facts(person, patient, rng)
        for visit in range(1, 2 + int(rng.random() < TWICE)):
            name = f"PAT{patient:05d}/VISIT{visit}/IM00001.dcm"
            (folder / name).parent.mkdir(parents=True)
            pixels = chest_phantom(seed=person + 500_000 * (visit - 1), size=size, lesion=label == "lesion")
            _header(pixels, facts, visit, rng).save_as(folder / name, enforce_file_format=True)
            rows.append([name, label])
    with (folder / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label"])
        writer.writerows(rows)
    return len(rows)


def _facts(person: int, patient: int, rng: np.random.Generator) -> dict[str, Any]:
    described = describe_phantom(person)
    age = int(rng.integers(3, 18)) if rng.random() < CHILDREN else int(described["age_years"])
    return {
        "PatientName": f"PHANTOM^NUMBER{patient}",
        "PatientID": f"PH-{patient:05d}",
        "PatientBirthDate": f"{2020 - age}0101",
        "PatientAge": "" if rng.random() < WITHOUT_AGE else f"{age:03d}Y",
        "PatientSex": described["sex"],
        "Manufacturer": MANUFACTURERS[int(rng.integers(len(MANUFACTURERS)))],
        "InstitutionName": "INVENTED HOSPITAL",
    }


def _header(pixels: np.ndarray, facts: dict[str, Any], visit: int, rng: np.random.Generator) -> Dataset:
    is_burned_in = rng.random() < BURNED_IN
    if is_burned_in:
        pixels = _with_name(pixels, str(facts["PatientName"]).replace("^", " "))
    values = pixels.astype(np.uint16) * 16 + rng.integers(0, 16, pixels.shape, dtype=np.uint16)
    is_inverted = rng.random() < INVERTED
    uid = generate_uid(entropy_srcs=[str(facts["PatientID"]), str(visit), str(int(values.sum()))])
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = uid
    header = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    elements = facts | {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "SOPInstanceUID": uid,
        "StudyDate": f"2020{visit:02d}15",
        "AccessionNumber": f"ACC{facts['PatientID'][3:]}{visit}",
        "Modality": "DX",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "AP" if rng.random() < ANTERIOR else "PA",
        "BurnedInAnnotation": "YES" if is_burned_in else "NO",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME1" if is_inverted else "MONOCHROME2",
        "Rows": values.shape[0],
        "Columns": values.shape[1],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "PixelSpacing": [round(400 / values.shape[0], 4)] * 2,  # a detector of 40 cm
        "WindowCenter": 2048,
        "WindowWidth": 4096,
        "PixelData": (4095 - values if is_inverted else values).astype("<u2").tobytes(),
    }
    for name, value in elements.items():
        setattr(header, name, value)
    return header


def _with_name(pixels: np.ndarray, name: str) -> np.ndarray:
    picture = PillowImage.fromarray(pixels)
    side = picture.height
    font = ImageFont.load_default(size=max(8, side // 24))
    ImageDraw.Draw(picture).text((side // 40, side // 40), name, fill=255, font=font)
    return np.array(picture)
