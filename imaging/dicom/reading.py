"""One DICOM file: is it a radiograph that can be used, what does it show, and what may be kept of its header."""

import io
import logging
import warnings
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import pixel_array

from imaging.dicom.facts import DicomFacts, read_facts
from imaging.dicom.greys import GreyError, Windowing, count_windows, to_grey
from imaging.dicom.isolated import DecodingError, decode_apart

MAGIC_AT = 128  # bytes before "DICM"
NOT_DICOM = "not a DICOM file"
TRUNCATED = "pixel data truncated"
SQUARE_TO = 0.01
GREY = ("MONOCHROME1", "MONOCHROME2")
COLOUR = ("RGB", "PALETTE COLOR", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")

logging.getLogger(
    "pydicom"
).disabled = True  # it quotes values that it finds odd, and in a damaged file these are names


class DicomError(ValueError):
    """A file that cannot be used. `reason`: which of few words it is; the text says what is wrong."""

    def __init__(self, text: str, reason: str = "") -> None:
        super().__init__(text)
        self.reason = reason or text


@dataclass(frozen=True, kw_only=True, eq=False)
class Radiograph:
    """Grey levels as a reader should see them, (H, W) uint8 or uint16, 0 black, and what is known of them."""

    pixels: NDArray[np.unsignedinteger]
    facts: DicomFacts
    has_window: bool = True  # the one that was asked for; else the last one was taken, or the range of the values


def looks_like_dicom(data: bytes) -> bool:
    return data[MAGIC_AT : MAGIC_AT + 4] == b"DICM"


def read_dicom(data: bytes, *, windowing: Windowing | None = None, max_pixels: int = 64_000_000) -> Radiograph:
    """The radiograph in a DICOM file. Raises DicomError, in words, for anything else or anything damaged.

    Single frame, one grey channel, any usual transfer syntax. The size is checked before anything is decoded. Where 16
    bits are asked for, a file with up to 8 stored bits gives 8: bits that were never there are not made up.
    """
    windowing = windowing or Windowing()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # oddities of headers that concern nothing that is used here
        header = _header(data)
        try:
            _check_image(header, max_pixels)
            if int(header.BitsStored) <= 8:
                windowing = replace(windowing, bits=8)
            pixels = to_grey(_stored_values(header, data), header, windowing)
            facts = read_facts(header)
            has_window = windowing.index is None or windowing.index < max(1, count_windows(header))
            return Radiograph(pixels=make_square(pixels, facts), facts=facts, has_window=has_window)
        except (DicomError, MemoryError):
            raise
        except GreyError as error:
            raise DicomError(f"{error}.", "window") from error
        except Exception as error:  # values are understood when they are asked for, and damaged ones raise anything
            raise DicomError(f"The DICOM header is damaged ({type(error).__name__}).", "header") from error


def make_square(pixels: NDArray[np.unsignedinteger], facts: DicomFacts) -> NDArray[np.unsignedinteger]:
    """The same picture with pixels as high as wide, of the finer of both spacings; bilinear.

    Pixels that are square, to 1 %, or of unknown spacing, stay as they are.
    """
    high, wide = facts.row_spacing_mm, facts.column_spacing_mm
    if high is None or wide is None or abs(high / wide - 1) <= SQUARE_TO:
        return pixels
    rows, columns = pixels.shape
    size = (round(columns * wide / min(high, wide)), round(rows * high / min(high, wide)))
    drawn = Image.fromarray(pixels.astype(np.float32)).resize(size, Image.Resampling.BILINEAR)
    return np.rint(np.asarray(drawn)).astype(pixels.dtype)


def _header(data: bytes) -> FileDataset:
    if not looks_like_dicom(data):
        raise DicomError("This is not a DICOM file: the letters DICM are missing after 128 bytes.", NOT_DICOM)
    try:
        header = dcmread(io.BytesIO(data))
        len(header)
    except InvalidDicomError as error:
        raise DicomError("This is not a DICOM file.", NOT_DICOM) from error
    except Exception as error:  # a parser of damaged input raises nearly anything
        raise DicomError(f"The DICOM header is damaged ({type(error).__name__}).", NOT_DICOM) from error
    if "TransferSyntaxUID" not in header.file_meta or "Rows" not in header:
        raise DicomError(
            "This is not a DICOM file with an image: after the letters DICM nothing makes sense.", NOT_DICOM
        )
    return header


def _check_image(header: FileDataset, max_pixels: int) -> None:
    if "PixelData" not in header:
        raise DicomError("The DICOM file has no pixel data.", TRUNCATED)
    rows, columns, channels, frames = (
        _whole(header, name, standard)
        for name, standard in (("Rows", None), ("Columns", None), ("SamplesPerPixel", 1), ("NumberOfFrames", 1))
    )
    if rows < 1 or columns < 1:
        raise DicomError(f"The image has {rows} rows and {columns} columns.", "no pixels")
    if rows * columns > max_pixels:
        raise DicomError(
            f"The image has {columns} x {rows} pixels; {max_pixels / 1e6:g} megapixels are allowed.", "too large"
        )
    if frames > 1:
        raise DicomError(f"The file holds {frames} images (frames); a radiograph is one.", "several frames")
    kind = str(header.get("PhotometricInterpretation") or "")
    if channels != 1 or kind not in GREY:
        words = kind if kind in GREY + COLOUR else "colours of an unknown kind"
        raise DicomError(f"The image is not grey ({words}, {channels} channels).", "colour")
    bits = _whole(header, "BitsStored", None)
    allocated = _whole(header, "BitsAllocated", None)
    if allocated not in (8, 16) or not 1 <= bits <= allocated:
        raise DicomError(f"The pixels have {bits} of {allocated} bits; up to 16 are read.", "bits")
    if not _is_compressed(header):
        there, needed = len(header.PixelData), rows * columns * allocated // 8
        if there < needed:
            raise DicomError(f"The pixel data is cut off: {there:,} of {needed:,} bytes.", TRUNCATED)
        if there > needed + 1:  # one byte makes the length even
            raise DicomError(
                f"There is more pixel data than rows and columns say: {there:,} bytes instead of {needed:,}.", "length"
            )


def _is_compressed(header: FileDataset) -> bool:
    try:
        return bool(header.file_meta.TransferSyntaxUID.is_compressed)
    except ValueError as error:  # not the name of a transfer syntax
        raise DicomError("The DICOM header does not say how its pixels are coded.", "header") from error


def _whole(header: Dataset, name: str, standard: int | None) -> int:
    try:
        value = header.get(name)
        if value in (None, "") and standard is not None:
            return standard
        return int(value)
    except Exception as error:  # as above
        raise DicomError(f"{name} is missing or no whole number.", "header") from error


def _stored_values(header: FileDataset, data: bytes) -> NDArray[np.integer]:
    try:
        stored = decode_apart(data) if _is_compressed(header) else pixel_array(header, raw=True)
    except MemoryError:
        raise
    except DecodingError as error:
        raise DicomError(f"The pixel data is damaged or cut off ({error}).", TRUNCATED) from error
    except Exception as error:
        words = "The pixel data is damaged or cut off"
        raise DicomError(f"{words} ({type(error).__name__}).", TRUNCATED) from error
    if stored.shape != (header.Rows, header.Columns):
        raise DicomError(f"The pixel data is {stored.shape}, not {header.Rows} x {header.Columns}.", "length")
    found: NDArray[np.integer] = stored
    return found
