"""What could give an image away without being looked at: transport features and trivial pixel statistics.

Transport features must not vary at all between the trials of a study; any variation is a leak, whatever its AUC. Pixel
statistics vary by nature; the audit asks how well they tell real from synthetic.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# Set by the server for each response and the same for whatever it carries.
VOLATILE_HEADERS = frozenset({"date", "set-cookie"})

TRANSPORT_FEATURES = ("byte_length", "headers", "dimensions")
PIXEL_FEATURES = (
    "grey_levels",
    "grey_minimum",
    "grey_maximum",
    "histogram_comb",
    "border_mean",
    "border_sd",
    "mean",
    "row_phase_2",
    "row_phase_4",
    "row_phase_8",
    "column_phase_2",
    "column_phase_4",
    "column_phase_8",
    "duplicates",
    "side",
)
PHASES = (2, 4, 8)
SMOOTHING = 257  # grey levels of 65536, about one of 256: see _comb


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One picture as a reader's browser receives it.

    pixels : uint8 or uint16 array (height, width), the decoded picture
    byte_length : int, length of the response body
    headers : response headers, any case
    side : 0, or 1 for the right one of a pair
    """

    pixels: np.ndarray
    byte_length: int
    headers: Mapping[str, str]
    side: int = 0

    def __post_init__(self) -> None:
        _require_picture(self.pixels)


@dataclass(frozen=True, kw_only=True)
class PixelMeasurement:
    """What the audit needs to know of a picture; the pixels themselves are not kept."""

    dimensions: str
    statistics: dict[str, float]  # for each pixel statistic but duplicates
    pixel_sha256: str


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the audit needs to know of a picture that was received."""

    transport: dict[str, str]  # for each transport feature its value, as text
    statistics: dict[str, float]
    pixel_sha256: str


def measure(observation: Observation) -> Measurement:
    return as_received(
        measure_pixels(observation.pixels, side=observation.side),
        transport_of(byte_length=observation.byte_length, headers=observation.headers),
    )


def measure_pixels(pixels: np.ndarray, *, side: int = 0) -> PixelMeasurement:
    """Raises ValueError for anything but one grey picture."""
    _require_picture(pixels)
    return PixelMeasurement(
        dimensions=f"{pixels.shape[1]} x {pixels.shape[0]}",
        statistics=_pixel_row(pixels) | {"side": float(side)},
        pixel_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
    )


def transport_of(*, byte_length: int, headers: Mapping[str, str]) -> dict[str, str]:
    """What can be seen of a response without its pixels."""
    return {"byte_length": str(byte_length), "headers": _header_text(headers)}


def as_received(picture: PixelMeasurement, transport: Mapping[str, str]) -> Measurement:
    return Measurement(
        transport={**transport, "dimensions": picture.dimensions},
        statistics=picture.statistics,
        pixel_sha256=picture.pixel_sha256,
    )


def pixel_features(measurements: Sequence[Measurement]) -> dict[str, np.ndarray]:
    """For each pixel statistic a float array with one value per picture."""
    seen = Counter(m.pixel_sha256 for m in measurements)
    rows = [m.statistics | {"duplicates": seen[m.pixel_sha256] - 1.0} for m in measurements]
    return {name: np.array([row[name] for row in rows], dtype=float) for name in PIXEL_FEATURES}


def _require_picture(pixels: np.ndarray) -> None:
    if pixels.ndim != 2 or pixels.dtype not in (np.uint8, np.uint16) or 0 in pixels.shape:
        raise ValueError(
            f"pixels must be a non-empty uint8 or uint16 array of shape (height, width); "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )


def _header_text(headers: Mapping[str, str]) -> str:
    kept = sorted((k.lower(), v) for k, v in headers.items() if k.lower() not in VOLATILE_HEADERS)
    return "; ".join(f"{k}: {v}" for k, v in kept)


def _pixel_row(pixels: np.ndarray) -> dict[str, float]:
    counts = np.bincount(pixels.ravel(), minlength=np.iinfo(pixels.dtype).max + 1)
    used = np.flatnonzero(counts)
    low, high = int(used[0]), int(used[-1])
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(float)
    row = {
        "grey_levels": float(used.size),
        "grey_minimum": float(low),
        "grey_maximum": float(high),
        "histogram_comb": _comb(counts[low : high + 1], is_deep=pixels.dtype == np.uint16),
        "border_mean": float(border.mean()),
        "border_sd": float(border.std()),
        "mean": float(pixels.mean()),
    }
    steps = pixels.astype(float)
    for axis, name in ((0, "row"), (1, "column")):
        profile = np.abs(np.diff(steps, axis=axis)).mean(axis=1 - axis)
        for period in PHASES:
            row[f"{name}_phase_{period}"] = _phase_contrast(profile, period)
    return row


def _comb(counts: np.ndarray, *, is_deep: bool) -> float:
    """Share of levels inside the range that are empty: stretched or quantised histograms look like a comb.

    A picture has too few pixels to fill 65536 levels, so with 16 bits the share is of those that would be used if each
    pixel fell by chance near its level: the sum of 1 - exp(-n) over all levels, n being the mean count around each.
    """
    used = np.count_nonzero(counts)
    if not is_deep:
        return float(1.0 - used / counts.size)
    ends = np.arange(counts.size) + SMOOTHING // 2 + 1
    above, below = np.minimum(ends, counts.size), np.maximum(ends - SMOOTHING, 0)
    total = np.concatenate([[0], np.cumsum(counts)])
    nearby = (total[above] - total[below]) / (above - below)
    return float(1.0 - used / (1.0 - np.exp(-nearby)).sum())


def _phase_contrast(profile: np.ndarray, period: int) -> float:
    """How unequal the mean grey step is at the phases of a period: blocks and upsampling leave such a grid."""
    if profile.size < 2 * period or profile.mean() == 0:
        return 0.0
    means = np.array([profile[phase::period].mean() for phase in range(period)])
    return float(means.std() / profile.mean())
