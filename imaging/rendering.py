"""The one rendering path. Study stimuli and the generator's training images both come out of `render_square`.

Real and synthetic pictures must differ in nothing but what they show, so nothing else in the project crops, scales or
converts a bit depth.
"""

import numpy as np
from PIL import Image as PillowImage

from imaging.storage import checked_pixels


def render_square(pixels: np.ndarray, size: int, *, bit_depth: int = 8) -> np.ndarray:
    """`pixels` as a square of `size` px.

    Parameters
    ----------
    pixels: uint8 or uint16, shape (H, W).
    size: side of the result in px, at least 1.
    bit_depth: 8, or 16 for uint16 pixels alone: bits that were never there are not made up.

    Returns
    -------
    uint8 or uint16, shape (size, size), its own memory.

    Three steps, always in this order:

    1. 16 bits become 8 by `to_8_bit`, or are stretched by `to_full_16_bit`; 8 bits stay as they are.
    2. The central square is cut out: side min(H, W), offset floor((H - side) / 2) and floor((W - side) / 2).
    3. `resize_bilinear`.

    Raises ValueError for another shape, type or depth, 8-bit pixels at a depth of 16, or a size below 1.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 px, not {size}")
    if bit_depth not in (8, 16):
        raise ValueError(f"bit_depth must be 8 or 16, not {bit_depth}")
    array = to_8_bit(pixels) if bit_depth == 8 else to_full_16_bit(pixels)
    height, width = array.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return resize_bilinear(array[top : top + side, left : left + side], size, size)


def resize_bilinear(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """`pixels` (uint8 or uint16, shape (H, W)) as `height` rows and `width` columns, of the same type, its own memory.

    Pillow's BILINEAR resampling (`Image.resize` without `reducing_gap`; 16 bits in mode I, which rounds as mode L does,
    once in each direction). When it reduces, its triangle filter is widened by the factor of reduction, so every input
    pixel counts and nothing aliases; when it enlarges it is ordinary bilinear interpolation. Pixels that have the size
    already are returned unchanged. Raises ValueError for another shape or type, or a size below 1.
    """
    array = checked_pixels(pixels)
    if width < 1 or height < 1:
        raise ValueError(f"width and height must be at least 1 px, not {width} and {height}")
    if array.shape == (height, width):
        return array.copy()
    picture = PillowImage.fromarray(
        np.ascontiguousarray(array, dtype=np.uint8 if array.dtype == np.uint8 else np.int32)
    )
    return np.array(picture.resize((width, height), PillowImage.Resampling.BILINEAR)).astype(array.dtype)


def to_8_bit(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels of shape (H, W) from uint8 (unchanged) or uint16.

    16-bit values are mapped linearly from the picture's own minimum and maximum to 0 and 255, rounded half up:
    floor((value - min) * 255 / (max - min) + 1/2), in integers. Files call 10, 12 and 14-bit data "16-bit" as well, so
    a fixed shift would turn them black. A picture of one value becomes 0. Raises ValueError as `checked_pixels`.
    """
    array = checked_pixels(pixels)
    if array.dtype == np.uint8:
        return array
    low, high = int(array.min()), int(array.max())
    span = high - low
    if span == 0:
        return np.zeros(array.shape, dtype=np.uint8)
    # uint32 holds 65535 * 510 + 65535
    return (((array.astype(np.uint32) - low) * 510 + span) // (2 * span)).astype(np.uint8)


def to_full_16_bit(pixels: np.ndarray) -> np.ndarray:
    """uint16 pixels of shape (H, W), mapped linearly from the picture's own minimum and maximum to 0 and 65535, rounded
    half up in integers: as `to_8_bit` does it, for the same reason. A picture of one value becomes 0.

    Raises ValueError for 8-bit pixels, and as `checked_pixels`.
    """
    array = checked_pixels(pixels)
    if array.dtype != np.uint16:
        raise ValueError("8-bit pixels cannot be rendered to 16 bits")
    low, high = int(array.min()), int(array.max())
    span = high - low
    if span == 0:
        return np.zeros(array.shape, dtype=np.uint16)
    # uint64: 65535 * 131070 + 65535 is more than uint32 holds
    return (((array.astype(np.uint64) - low) * 131070 + span) // (2 * span)).astype(np.uint16)
