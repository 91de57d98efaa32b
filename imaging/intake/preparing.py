"""What an import makes of each picture before it is stored: window, bits, size. Pure: arrays in, arrays out.

Without a choice a picture is stored as its file has it, DICOM in 8 bits.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imaging.dicom.greys import Windowing

FULL_RANGE = 0  # as a window: none of them
AS_IT_IS = 0  # as bits, or as a size
CROP, PAD = "crop", "pad"
SMALLEST, LARGEST = 32, 4096  # px


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How pictures are prepared.

    window: which one of a DICOM file, from 1 (the last one where there are fewer); FULL_RANGE: darkest to brightest.
    bits: AS_IT_IS (DICOM 8, other files what they have); 8: all of them; 16: those with more than 8 in the file.
    size: side of the square in px, or AS_IT_IS. fit: how a picture that is not square becomes one, CROP or PAD.
    Raises ValueError for anything else.
    """

    window: int = 1
    bits: int = AS_IT_IS
    size: int = AS_IT_IS
    fit: str = CROP

    def __post_init__(self) -> None:
        if not 0 <= self.window <= 100:
            raise ValueError(f"window is {self.window}; it must be 1 to 100, or {FULL_RANGE} for the full range")
        if self.bits not in (AS_IT_IS, 8, 16):
            raise ValueError(f"bits is {self.bits}; it must be 8, 16, or {AS_IT_IS} to leave it as it is")
        if self.size != AS_IT_IS and not SMALLEST <= self.size <= LARGEST:
            raise ValueError(f"size is {self.size}; it must be {SMALLEST} to {LARGEST} px, or {AS_IT_IS} to leave it")
        if self.fit not in (CROP, PAD):
            raise ValueError(f"fit is {self.fit!r}; it must be {CROP} or {PAD}")

    @property
    def windowing(self) -> Windowing:
        return Windowing(
            index=None if self.window == FULL_RANGE else self.window - 1, bits=16 if self.bits == 16 else 8
        )

    def as_record(self) -> dict[str, Any]:
        return asdict(self)

    def in_words(self) -> str:
        """Such as "first window of DICOM; 8 bits; 1024 × 1024 px, padded to a square"."""
        windows = {
            FULL_RANGE: "full range of values instead of a window",
            1: "first window of DICOM",
            2: "second window of DICOM",
        }
        bits = {AS_IT_IS: "DICOM in 8 bits", 8: "8 bits", 16: "16 bits where the file has more than 8"}
        square = {CROP: "cropped to the central square", PAD: "padded to a square"}[self.fit]
        size = f"{self.size} × {self.size} px, {square}" if self.size else "original size"
        return "; ".join((windows.get(self.window, f"window {self.window} of DICOM"), bits[self.bits], size))


def resize_square(
    pixels: NDArray[np.unsignedinteger], *, size: int, fit: str
) -> tuple[NDArray[np.unsignedinteger], float]:
    """`pixels` (uint8 or uint16, shape (H, W)) as a square of `size` px, and how many old pixels one of them spans.

    CROP: the central square of side min(H, W), offset floor((H - side) / 2), is scaled. PAD: the whole picture is
    scaled until its longer side is `size`, put in the middle (offset floored), and surrounded by its darkest value.

    To fewer pixels by Pillow's HAMMING filter: a new pixel is a mean of the old ones up to `spans` from its centre,
    weighted by sinc(x) (0.54 + 0.46 cos(pi x)), which is nowhere negative: no value comes out that was not between its
    neighbours. LANCZOS is a little sharper but overshoots beside every edge, and the seams along bones and letters
    would be learnt; BOX takes 2 pixels here and 3 there where `spans` is no whole number, a pattern in the noise. To
    more pixels by BILINEAR. In 32-bit floating point, rounded once at the end.
    """
    height, width = pixels.shape
    side = min(height, width) if fit == CROP else max(height, width)
    spans = side / size
    if fit == CROP:
        top, left = (height - side) // 2, (width - side) // 2
        return _scaled(pixels[top : top + side, left : left + side], size, size, shrinks=spans > 1), spans
    rows, columns = (max(1, round(length / spans)) for length in (height, width))
    drawn = _scaled(pixels, rows, columns, shrinks=spans > 1)
    square = np.full((size, size), pixels.min(), dtype=pixels.dtype)
    top, left = (size - rows) // 2, (size - columns) // 2
    square[top : top + rows, left : left + columns] = drawn
    return square, spans


def _scaled(
    pixels: NDArray[np.unsignedinteger], rows: int, columns: int, *, shrinks: bool
) -> NDArray[np.unsignedinteger]:
    if pixels.shape == (rows, columns):
        return pixels.copy()
    kind = Image.Resampling.HAMMING if shrinks else Image.Resampling.BILINEAR
    drawn = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32)).resize((columns, rows), kind)
    return np.rint(np.asarray(drawn)).astype(pixels.dtype)
