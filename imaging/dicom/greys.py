"""From stored values to what a reader sees: Modality LUT, VOI LUT or window, MONOCHROME1 (DICOM PS3.3 C.7.6.3, C.11).

A radiograph has at most 65,536 different stored values, so the whole chain is computed once for each of these, by
pydicom's own functions, and the pixels are looked up: the same numbers as for every pixel, in a fraction of the time
and memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")


class GreyError(ValueError):
    """A header whose window or table cannot be used; says why."""


@dataclass(frozen=True, kw_only=True)
class Windowing:
    """Which of several views of the file is taken, and in how many grey levels.

    `index`: the n-th window or VOI LUT, from 0; the last one where there are fewer; None: the range of the values
    themselves. `bits`: 8 or 16.
    """

    index: int | None = 0
    bits: int = 8


def to_grey(stored: NDArray[np.integer], header: Dataset, windowing: Windowing) -> NDArray[np.unsignedinteger]:
    """Stored values (H, W) as grey levels, uint8 or uint16, 0 black; MONOCHROME1 is turned round.

    A VOI LUT goes before a window, as pydicom does; without either the range of the values themselves is used. Raises
    GreyError for a window or table that cannot be used, or that makes one grey of the whole image.
    """
    low, high = int(stored.min()), int(stored.max())
    if low == high:
        raise GreyError(f"All pixels have the same value ({low})")
    values = np.arange(low, high + 1)
    try:
        # a column, because pydicom's look-up in tables expects an image
        real = np.asarray(apply_modality_lut(values.reshape(-1, 1).astype(stored.dtype), header), dtype=np.float64)
        shown = _through_voi(real, header, windowing).reshape(-1)
    except GreyError:
        raise
    except Exception as error:  # pydicom raises nearly anything on damaged tables
        raise GreyError(f"Its window or look-up table cannot be used ({type(error).__name__})") from error
    used = np.zeros(len(values), dtype=bool)
    used[np.asarray(stored, dtype=np.int64).ravel() - low] = True
    if not np.isfinite(shown[used]).all():
        raise GreyError("Its window or look-up table gives no numbers")
    most = 2**windowing.bits - 1
    levels = np.clip(np.rint(shown * most), 0, most).astype(np.uint8 if windowing.bits == 8 else np.uint16)
    if levels[used].min() == levels[used].max():
        raise GreyError("With its window or look-up table the whole image is one grey")
    if header.get("PhotometricInterpretation") == "MONOCHROME1":
        levels = (most - levels).astype(levels.dtype)
    found: NDArray[np.unsignedinteger] = levels[np.asarray(stored, dtype=np.int64) - low]
    return found


def _through_voi(real: NDArray[np.float64], header: Dataset, windowing: Windowing) -> NDArray[np.float64]:
    """Values as shares of the range from black to white."""
    if windowing.index is None:
        return _through_range(real)
    tables = header.get("VOILUTSequence") or []
    if len(tables):
        table = tables[min(windowing.index, len(tables) - 1)]
        entries, bits = int(table.LUTDescriptor[0]) or 2**16, int(table.LUTDescriptor[2])
        if not 8 <= bits <= 16 or entries < 2:
            raise GreyError(f"Its VOI look-up table has {entries} entries of {bits} bits")
        seen = apply_voi_lut(np.rint(real).astype(np.int64), header, index=min(windowing.index, len(tables) - 1))
        return np.asarray(seen, dtype=np.float64) / (2**bits - 1)
    centres, widths = _numbers(header, "WindowCenter"), _numbers(header, "WindowWidth")
    if not centres and not widths:
        return _through_range(real)
    if len(centres) != len(widths):
        raise GreyError(f"It has {len(centres)} window centres and {len(widths)} window widths")
    place = min(windowing.index, len(centres) - 1)
    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    return window(real, centre=centres[place], width=widths[place], function=function)


def _through_range(real: NDArray[np.float64]) -> NDArray[np.float64]:
    if real.min() == real.max():
        raise GreyError("With its look-up table the whole image is one grey")
    return (real - real.min()) / (real.max() - real.min())


def count_windows(header: Dataset) -> int:
    """How many windows, or VOI LUTs in their place, the header offers. Raises GreyError where they are no numbers."""
    tables = header.get("VOILUTSequence") or []
    return len(tables) or len(_numbers(header, "WindowCenter"))


def window(values: NDArray[np.float64], *, centre: float, width: float, function: str) -> NDArray[np.float64]:
    """Shares from 0 to 1 of the range from black to white (DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3).

    LINEAR: (x - (c - 0.5)) / (w - 1) + 0.5; LINEAR_EXACT: (x - c) / w + 0.5; SIGMOID: 1 / (1 + exp(-4 (x - c) / w)).
    Raises GreyError for another function, or a width below 1 (LINEAR) or not above 0.
    """
    if function not in FUNCTIONS:
        raise GreyError("Its window has an unknown function")
    if not np.isfinite([centre, width]).all() or width <= 0 or (function == "LINEAR" and width < 1):
        raise GreyError(f"Its window cannot be used (centre {centre:g}, width {width:g})")
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -700, 700)))
    if function == "LINEAR_EXACT":
        return np.clip((values - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (values > centre - 0.5).astype(np.float64)
    return np.clip((values - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)


def _numbers(header: Dataset, name: str) -> list[float]:
    value = header.get(name)
    if value is None or value == "":
        return []
    several = value if isinstance(value, list | tuple) or hasattr(value, "__iter__") else [value]
    try:
        return [float(one) for one in several]
    except (TypeError, ValueError) as error:
        raise GreyError(f"Its {name} is no number") from error
