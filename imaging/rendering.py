"""The one rendering path. Study stimuli and the generator's training images both come out of `render_square`.

Real and synthetic pictures must differ in nothing but what they show, so nothing else in the project crops, scales or
converts a bit depth.
"""

import numpy as np
from PIL import Image as PillowImage

from imaging.storage import checked_pixels


def render_square(pixels: np.ndarray, size: int) -> np.ndarray:
    """`pixels` as an 8-bit square of `size` px.

    Parameters
    ----------
    pixels: uint8 or uint16, shape (H, W).
    size: side of the result in px, at least 1.

    Returns
    -------
    uint8, shape (size, size), its own memory.

    Three steps, always in this order:

    1. 16 bits become 8 by `to_8_bit`; 8 bits stay as they are.
    2. The central square is cut out: side min(H, W), offset floor((H - side) / 2) and floor((W - side) / 2).
    3. Pillow's BILINEAR resampling (`Image.resize` without `reducing_gap`). When it reduces, its triangle filter is
       widened by the factor of reduction, so every input pixel counts and nothing aliases; when it enlarges it is
       ordinary bilinear interpolation. A square that has the size already is returned unchanged.

    Raises ValueError for another shape or type, or a size below 1.
    """
    if size < 1:
        raise ValueError(f"size must be at least 1 px, not {size}")
    array = to_8_bit(pixels)
    height, width = array.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = array[top : top + side, left : left + side]
    if side == size:
        return square.copy()
    picture = PillowImage.fromarray(np.ascontiguousarray(square))
    return np.array(picture.resize((size, size), PillowImage.Resampling.BILINEAR))


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
