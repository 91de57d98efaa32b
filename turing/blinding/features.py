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
)
PHASES = (2, 4, 8)


@dataclass(frozen=True, kw_only=True)
class Observation:
    """One trial as a reader's browser receives it.

    pixels : uint8 array (height, width), the decoded picture
    byte_length : int, length of the response body
    headers : response headers, any case
    """

    pixels: np.ndarray
    byte_length: int
    headers: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype != np.uint8 or 0 in self.pixels.shape:
            raise ValueError(
                f"pixels must be a non-empty uint8 array of shape (height, width); "
                f"got {self.pixels.dtype} of shape {self.pixels.shape}"
            )


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What the audit needs to know of one trial; the pixels themselves are not kept."""

    transport: dict[str, str]  # for each transport feature its value, as text
    statistics: dict[str, float]  # for each pixel statistic but duplicates
    pixel_sha256: str


def measure(observation: Observation) -> Measurement:
    pixels = observation.pixels
    return Measurement(
        transport={
            "byte_length": str(observation.byte_length),
            "headers": _header_text(observation.headers),
            "dimensions": f"{pixels.shape[1]} x {pixels.shape[0]}",
        },
        statistics=_pixel_row(pixels),
        pixel_sha256=hashlib.sha256(pixels.tobytes()).hexdigest(),
    )


def pixel_features(measurements: Sequence[Measurement]) -> dict[str, np.ndarray]:
    """For each pixel statistic a float array with one value per trial."""
    seen = Counter(m.pixel_sha256 for m in measurements)
    rows = [m.statistics | {"duplicates": seen[m.pixel_sha256] - 1.0} for m in measurements]
    return {name: np.array([row[name] for row in rows], dtype=float) for name in PIXEL_FEATURES}


def _header_text(headers: Mapping[str, str]) -> str:
    kept = sorted((k.lower(), v) for k, v in headers.items() if k.lower() not in VOLATILE_HEADERS)
    return "; ".join(f"{k}: {v}" for k, v in kept)


def _pixel_row(pixels: np.ndarray) -> dict[str, float]:
    counts = np.bincount(pixels.ravel(), minlength=256)
    used = np.flatnonzero(counts)
    low, high = int(used[0]), int(used[-1])
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]).astype(float)
    row = {
        "grey_levels": float(used.size),
        "grey_minimum": float(low),
        "grey_maximum": float(high),
        # share of empty levels inside the range: stretched or quantised histograms look like a comb
        "histogram_comb": 1.0 - used.size / (high - low + 1),
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


def _phase_contrast(profile: np.ndarray, period: int) -> float:
    """How unequal the mean grey step is at the phases of a period: blocks and upsampling leave such a grid."""
    if profile.size < 2 * period or profile.mean() == 0:
        return 0.0
    means = np.array([profile[phase::period].mean() for phase in range(period)])
    return float(means.std() / profile.mean())
