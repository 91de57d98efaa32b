"""Pictures of sample grids: one row per class, scaled up so that 56 pixels can be looked at."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

GAP = 2  # pixels between images, before scaling
BACKGROUND = 255


def at_side(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Images (rows, columns, s, s) uint8 as `side` px: larger ones are averaged down, smaller ones shown in blocks.

    So pictures of a generator that grows from 4 px can be laid beside each other. Sides that divide stay exact.
    """
    rows, columns, before, _ = images.shape
    if before == side:
        return images
    method = Image.Resampling.BOX if before > side else Image.Resampling.NEAREST
    flat = [np.asarray(Image.fromarray(one).resize((side, side), method)) for one in images.reshape(-1, before, before)]
    return np.stack(flat).reshape(rows, columns, side, side)


def grid_png(images: NDArray[np.uint8], *, scale: int = 2) -> bytes:
    """PNG of images (rows, columns, side, side) uint8, each pixel shown as `scale` x `scale`."""
    file = BytesIO()
    Image.fromarray(tile(images, scale=scale)).save(file, format="PNG", optimize=True)
    return file.getvalue()


def tile(images: NDArray[np.uint8], *, scale: int = 1) -> NDArray[np.uint8]:
    """One picture (height, width) uint8 of images (rows, columns, side, side), with a gap between them."""
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[2] != images.shape[3]:
        raise ValueError(f"images are {images.dtype} {images.shape}; they must be uint8 (rows, columns, side, side)")
    rows, columns, side, _ = images.shape
    canvas = np.full((rows * (side + GAP) - GAP, columns * (side + GAP) - GAP), BACKGROUND, dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            top, left = row * (side + GAP), column * (side + GAP)
            canvas[top : top + side, left : left + side] = images[row, column]
    return canvas.repeat(scale, axis=0).repeat(scale, axis=1)
