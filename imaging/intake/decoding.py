"""From the bytes of a DICOM, PNG, JPEG, TIFF or BMP file to grey pixels; everything else is refused in words.

The size is read from the header before anything is decoded, and the decoder is chosen by content, not by name.
"""

import io
import warnings
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any, NoReturn

import numpy as np
from PIL import BmpImagePlugin, ImageFile, ImageOps, JpegImagePlugin, PngImagePlugin, TiffImagePlugin
from PIL import Image as PillowImage

from imaging.dicom.facts import NO, DicomFacts
from imaging.dicom.reading import DicomError, looks_like_dicom, read_dicom
from imaging.intake.limits import Limits
from imaging.intake.metadata import read_age
from imaging.intake.preparing import AS_IT_IS, Choices, resize_square
from imaging.intake.report import IntakeError, printable
from imaging.rendering import to_8_bit

DEFAULT = Choices()
_ACCEPTED = "DICOM, PNG, JPEG, TIFF and BMP are read."
_FORMATS: dict[str, tuple[type[ImageFile.ImageFile], tuple[str, ...]]] = {
    "PNG": (PngImagePlugin.PngImageFile, (".png",)),
    "JPEG": (JpegImagePlugin.JpegImageFile, (".jpg", ".jpeg", ".jpe", ".jfif")),
    "TIFF": (TiffImagePlugin.TiffImageFile, (".tif", ".tiff")),
    "BMP": (BmpImagePlugin.BmpImageFile, (".bmp", ".dib")),
}
_OTHERS = {
    b"%PDF": "a PDF document",
    b"GIF8": "a GIF image",
    b"RIFF": "a WebP image or a recording",
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x00\x00\x00\x0cjP": "a JPEG 2000 image",
    b"\xff\x4f\xff\x51": "a JPEG 2000 image",
}
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar")
_COLOUR_TOLERANCE = 3  # grey levels between channels: rounding of a JPEG encoder, invisible


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """Grey pixels, (H, W) uint8 or uint16, and what the file itself says of them, named as the columns of a table."""

    pixels: np.ndarray
    row: dict[str, Any] = field(default_factory=dict)
    burned_in_annotation: str = NO  # yes, no, unknown; a picture without a header is believed, unless metadata.csv says
    has_window: bool = True  # False: the window that was asked for is not in the file
    spans: float = 1.0  # pixels of the file, in one direction, that one of `pixels` spans; a spacing grows with it


def decode(data: bytes, name: str, limits: Limits, choices: Choices = DEFAULT) -> Decoded:
    """A radiograph in any format that is read, prepared as `choices` say. Raises IntakeError, in words, otherwise."""
    if looks_like_dicom(data) or PurePosixPath(name).suffix.lower() in (".dcm", ".dicom"):
        decoded = _decode_dicom(data, name, limits, choices)
    else:
        decoded = Decoded(pixels=decode_grey(data, name, limits))
        if choices.bits == 8:
            decoded = replace(decoded, pixels=to_8_bit(decoded.pixels))
    if choices.size == AS_IT_IS:
        return decoded
    pixels, spans = resize_square(decoded.pixels, size=choices.size, fit=choices.fit)
    return replace(decoded, pixels=pixels, spans=spans)


def _decode_dicom(data: bytes, name: str, limits: Limits, choices: Choices) -> Decoded:
    suffix = PurePosixPath(name).suffix.lower()
    if any(suffix in suffixes for _, suffixes in _FORMATS.values()):
        raise IntakeError(f"The name ends with {suffix}, but the content is DICOM.", "Rename it to end with .dcm.")
    if not data:
        raise IntakeError("The file is empty (0 bytes).", "Copy it again, or leave it out.")
    try:
        found = read_dicom(data, windowing=choices.windowing, max_pixels=limits.max_pixels)
    except DicomError as error:
        raise IntakeError(printable(str(error)), "Export or copy it again, or leave it out.") from error
    return Decoded(
        pixels=found.pixels,
        row=_row(found.facts),
        burned_in_annotation=found.facts.burned_in_annotation,
        has_window=found.has_window,
    )


def _row(facts: DicomFacts) -> dict[str, Any]:
    """As a row of metadata.csv would have it, without what is not known."""
    values = {
        "patient_id": facts.patient_id,
        "age_years": None if facts.age_years is None else read_age(str(facts.age_years)),
        "sex": facts.sex,
        "view_position": facts.view_position,
        "manufacturer": facts.manufacturer,
        "modality": facts.modality,
        "body_part": facts.body_part,
        "study_year": facts.study_year,
        "pixel_spacing_mm": facts.spacing_mm,
    }
    return {name: value for name, value in values.items() if value not in (None, "")}


def decode_grey(data: bytes, name: str, limits: Limits) -> np.ndarray:
    """The pixels of a radiograph, uint8 or uint16, shape (H, W), bright as the file shows them.

    RGB-coded and paletted grey becomes grey; an EXIF orientation is applied; TIFF "white is zero" is inverted.
    Raises IntakeError for anything that is not one grey picture of at most `limits.max_pixels`.
    """
    kind = _sniff(data, name)
    picture = _open(data, kind)
    width, height = picture.size
    if width * height > limits.max_pixels:
        raise IntakeError(
            f"The image has {width} x {height} pixels; {limits.max_pixels / 1e6:g} megapixels are allowed.",
            "Export it with fewer pixels.",
        )
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise IntakeError(f"The file holds {frames} images.", "Save each image as a file of its own.")
    if kind == "PNG":
        _refuse_lossy_png(data)
    try:
        if kind == "PNG":
            _open(data, kind).verify()  # checksums, which decoding does not look at
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of EXIF and TIFF tags that do not concern the pixels
            picture.load()
            inverted = kind == "TIFF" and _is_white_zero(picture) and picture.mode.startswith("I;16")
            return _to_grey(ImageOps.exif_transpose(picture), inverted=inverted)
    except (IntakeError, MemoryError):
        raise
    except Exception as error:  # decoders raise nearly anything on damaged input
        raise _damaged(kind, error) from error


def _sniff(data: bytes, name: str) -> str:
    if not data:
        raise IntakeError("The file is empty (0 bytes).", "Copy it again, or leave it out.")
    kind = _kind_by_content(data)
    suffix = PurePosixPath(name).suffix.lower()
    if kind is None:
        _refuse_foreign(data, suffix)
    for other, (_, suffixes) in _FORMATS.items():
        if suffix in suffixes and other != kind:
            raise IntakeError(
                f"The name ends with {suffix}, but the content is {kind}.",
                f"Rename it to end with {_FORMATS[kind][1][0]}.",
            )
    if suffix not in _FORMATS[kind][1]:
        raise IntakeError(
            f"The content is {kind}, but the name ends with {suffix or 'nothing'}.",
            f"Rename it to end with {_FORMATS[kind][1][0]}.",
        )
    return kind


def _kind_by_content(data: bytes) -> str | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data[:4] in (b"II*\x00", b"MM\x00*"):
        return "TIFF"
    if data.startswith(b"BM"):
        return "BMP"
    return None


def _refuse_foreign(data: bytes, suffix: str) -> NoReturn:
    for magic, words in _OTHERS.items():
        if data.startswith(magic):
            raise IntakeError(f"This is not a readable image but {words}.", f"Leave it out; {_ACCEPTED}")
    known = any(suffix in suffixes for _, suffixes in _FORMATS.values())
    words = f"The name ends with {suffix}, but the content is not an image." if known else "This is not an image."
    raise IntakeError(words, f"Leave it out; {_ACCEPTED}")


def _open(data: bytes, kind: str) -> ImageFile.ImageFile:
    try:
        return _FORMATS[kind][0](io.BytesIO(data))
    except Exception as error:  # as above
        raise _damaged(kind, error) from error


def _damaged(kind: str, error: Exception) -> IntakeError:
    words = printable(str(error), 120).strip().rstrip(".")
    return IntakeError(
        f"The {kind} file is damaged or cut off{f' ({words})' if words else ''}.", "Copy it again, or leave it out."
    )


def _refuse_lossy_png(data: bytes) -> None:
    """Pillow reads 16-bit colour as 8 bits without a word."""
    bits, colour = data[24], data[25]
    if bits == 16 and colour != 0:
        raise IntakeError("The image has 16 bits in several channels.", "Save it as 16-bit grey without alpha.")


def _is_white_zero(picture: ImageFile.ImageFile) -> bool:
    tags = getattr(picture, "tag_v2", {})
    return bool(tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == 0)


def _to_grey(picture: PillowImage.Image, *, inverted: bool) -> np.ndarray:
    mode = picture.mode
    if mode == "L":
        return np.array(picture)
    if mode.startswith("I;16"):
        pixels = np.array(picture).astype(np.uint16)
        return np.uint16(0xFFFF) - pixels if inverted else pixels
    if mode == "1":
        raise IntakeError("The image is black and white (1 bit per pixel).", "Export it as 8- or 16-bit grey.")
    if mode in ("I", "F"):
        raise IntakeError(
            "The pixels are signed, 32-bit or fractional numbers.", "Export the image as 8- or 16-bit grey."
        )
    if mode in ("P", "PA", "LA", "RGBA"):
        picture = picture.convert("RGBA")
        if picture.getchannel("A").getextrema() != (255, 255):
            raise IntakeError("The image has transparent parts.", "Save it as grey without an alpha channel.")
    elif mode not in ("RGB", "YCbCr"):
        raise IntakeError(f"The image is coloured ({mode}).", "Export it as grey, without coloured annotations.")
    colours = np.array(picture.convert("RGB"))
    channels = colours.astype(np.int16)
    spread = channels.max(axis=2) - channels.min(axis=2)
    if spread.max() > _COLOUR_TOLERANCE:
        share = 100 * float(np.mean(spread > _COLOUR_TOLERANCE))
        amount = f"{share:.0f} %" if share >= 1 else "less than 1 %"
        raise IntakeError(
            f"The image is coloured ({amount} of its pixels).", "Export it as grey, without coloured annotations."
        )
    return np.array(picture.convert("RGB").convert("L"))
