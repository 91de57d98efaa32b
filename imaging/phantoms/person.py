"""One invented person per seed, their pose on the detector, and the shapes that bodies are made of.

Lengths are in half image widths; y points down; the origin is the centre of the picture.
"""

from dataclasses import dataclass

import numpy as np

Field = np.ndarray  # float32, shape (size, size)


@dataclass(frozen=True, kw_only=True)
class Habitus:
    """One invented person and exposure. Lengths are in half image widths, y points down, the origin is the centre."""

    female: bool
    scale: float
    shift_x: float
    shift_y: float
    tilt: float  # rad
    rotation: float  # of the trunk: the mediastinum moves, one side looks wider
    cage_width: float
    apex: float  # y of the top of the lungs
    dome: float  # y of the left diaphragm
    dome_step: float  # the right one stands higher
    angle_depth: float  # from dome to costophrenic angle
    heart: float  # size factor
    heart_tilt: float
    fat: float  # 0 thin ... 1 heavy
    rib_spacing: float
    rib_phase: float
    rib_drop: float
    rib_contrast: float
    clavicle_y: float
    gastric_bubble: bool
    arms: float
    exposure: float  # shift of the curve
    contrast: float  # slope of the curve
    noise: float
    vessels: float


def draw_habitus(rng: np.random.Generator) -> Habitus:
    fat = float(rng.beta(1.6, 2.6))
    return Habitus(
        female=bool(rng.random() < 0.5),
        scale=rng.normal(1.0, 0.045),
        shift_x=rng.normal(0, 0.03),
        shift_y=rng.normal(0, 0.035),
        tilt=rng.normal(0, 0.025),
        rotation=rng.normal(0, 0.025),
        cage_width=rng.normal(0.71, 0.03),
        apex=rng.normal(-0.74, 0.035),
        dome=rng.normal(0.34, 0.07),
        dome_step=rng.uniform(0.02, 0.09),
        angle_depth=rng.uniform(0.17, 0.27),
        heart=rng.normal(1.0, 0.09) + 0.06 * fat,
        heart_tilt=rng.normal(0.55, 0.12),
        fat=fat,
        rib_spacing=rng.normal(0.152, 0.008),
        rib_phase=rng.uniform(0, 1),
        rib_drop=rng.normal(0.27, 0.035),
        rib_contrast=rng.uniform(0.75, 1.25) * (1 - 0.35 * fat),
        clavicle_y=rng.normal(-0.60, 0.035),
        gastric_bubble=bool(rng.random() < 0.55),
        arms=rng.uniform(0, 1),
        exposure=rng.normal(0, 0.035),
        contrast=rng.normal(1.0, 0.07),
        noise=rng.uniform(0.004, 0.011),
        vessels=rng.uniform(0.75, 1.3),
    )


def body_coordinates(person: Habitus, size: int) -> tuple[Field, Field]:
    """Body coordinates of each pixel centre: pose and magnification are undone here, once."""
    axis = ((np.arange(size, dtype=np.float32) + 0.5) / size * 2 - 1).astype(np.float32)
    column, row = np.meshgrid(axis, axis)
    cosine, sine = np.float32(np.cos(person.tilt)), np.float32(np.sin(person.tilt))
    column, row = column - np.float32(person.shift_x), row - np.float32(person.shift_y)
    x = (cosine * column + sine * row) / np.float32(person.scale)
    y = (cosine * row - sine * column) / np.float32(person.scale)
    return x, y


def to_pixels(person: Habitus, x: np.ndarray, y: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `body_coordinates` for points."""
    cosine, sine = np.cos(person.tilt), np.sin(person.tilt)
    x, y = x * person.scale, y * person.scale
    column, row = cosine * x - sine * y + person.shift_x, sine * x + cosine * y + person.shift_y
    return (column + 1) / 2 * size, (row + 1) / 2 * size


def smooth_step(distance: Field, width: float) -> Field:
    """0 where `distance` is below -width, 1 above width, smooth between."""
    t = np.clip(distance / np.float32(2 * width) + np.float32(0.5), 0, 1)
    return t * t * (3 - 2 * t)


def ellipse_radius(x: Field, y: Field, cx: float, cy: float, rx: float, ry: float, angle: float = 0.0) -> Field:
    """Radius of each point in units of the ellipse: below 1 inside."""
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    if angle:
        cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        dx, dy = cosine * dx + sine * dy, cosine * dy - sine * dx
    return np.sqrt((dx / np.float32(rx)) ** 2 + (dy / np.float32(ry)) ** 2)


def clouds(rng: np.random.Generator, size: int, cells: int) -> Field:
    """Smooth noise, about zero mean and unit variance, `cells` blobs across; independent of `size`."""
    coarse = rng.standard_normal((cells + 3, cells + 3)).astype(np.float32)
    at = (np.arange(size, dtype=np.float32) + 0.5) / size * cells + 1
    distance = np.abs(at[:, None] - np.arange(cells + 3, dtype=np.float32))
    # cubic B-spline of each cell, at each pixel
    weights = np.where(distance < 1, 2 / 3 - distance**2 + distance**3 / 2, np.clip(2 - distance, 0, 2) ** 3 / 6)
    return 2.1 * weights @ coarse @ weights.T
