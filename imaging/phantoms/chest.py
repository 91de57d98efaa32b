"""One phantom radiograph: the sum of all bodies through the curve of a detector."""

import numpy as np
from scipy import ndimage

from imaging.phantoms.anatomy import (
    gastric_bubble,
    heart_shadow,
    lesion_shadow,
    lung_air,
    mediastinum,
    ribs,
    shoulders,
    soft_tissue,
    trunk_thickness,
    vessels,
)
from imaging.phantoms.person import Field, Habitus, body_coordinates, clouds, draw_habitus


def chest_phantom(*, seed: int, size: int = 256, lesion: bool) -> np.ndarray:
    """One frontal chest radiograph of nobody.

    Parameters
    ----------
    seed: the same seed gives the same picture; with and without `lesion` it is the same person and exposure.
    size: side in px, at least 32. The person does not depend on it, the grain does.
    lesion: adds a round or spiculated nodule, or a consolidation, in one lung.

    Returns
    -------
    uint8, shape (size, size); bright is dense, as radiologists read it.

    Raises ValueError for a negative seed or a smaller size.
    """
    if size < 32:
        raise ValueError(f"size must be at least 32 px, not {size}")
    if seed < 0:
        raise ValueError(f"seed must not be negative, not {seed}")
    person_seed, texture_seed, lesion_seed, grain_seed = np.random.SeedSequence(seed).spawn(4)
    person = draw_habitus(np.random.default_rng(person_seed))
    texture = np.random.default_rng(texture_seed)
    x, y = body_coordinates(person, size)

    trunk = trunk_thickness(person, x, y)
    lungs = lung_air(person, x, y)
    heart = heart_shadow(person, x, y)
    air = lungs * (1 - 0.72 * heart)

    density = 0.86 * trunk
    density -= 0.52 * air
    density += 0.10 * heart * np.clip(trunk, 0, 1)
    density += soft_tissue(person, texture, x, y, trunk)
    density += mediastinum(person, texture, x, y) * np.clip(trunk * 1.3, 0, 1)
    density += ribs(person, texture, x, y) * np.clip(trunk * 2, 0, 1)
    density += shoulders(person, x, y)
    density += person.vessels * vessels(person, texture, x, y, size) * np.clip(air * 1.6, 0, 1)
    density += 0.035 * air * clouds(texture, size, 9)
    if person.gastric_bubble:
        density -= gastric_bubble(person, texture, x, y)
    if lesion:
        density += lesion_shadow(person, np.random.default_rng(lesion_seed), x, y, air, size)
    return _expose(person, np.random.default_rng(grain_seed), density, size)


def _expose(person: Habitus, rng: np.random.Generator, density: Field, size: int) -> np.ndarray:
    """Focal spot blur, scatter, grain, and the curve of the detector."""
    density = ndimage.gaussian_filter(density.astype(np.float32), 0.0022 * size)
    density = (
        density - 0.06 * (ndimage.gaussian_filter(density[::4, ::4], size / 40).repeat(4, 0).repeat(4, 1))[:size, :size]
    )
    grain = rng.standard_normal((size, size)).astype(np.float32)
    grain = 0.6 * grain + 1.1 * ndimage.gaussian_filter(grain, 0.8)
    density = density + person.noise * grain * (0.7 + 0.6 * np.clip(density, 0, 1))
    slope, middle = 3.9 * person.contrast, 0.50 - person.exposure
    value = 1 / (1 + np.exp(-slope * (density - middle)))
    floor = 1 / (1 + np.exp(slope * middle))  # air outside the body is black
    return np.clip(np.rint(255 * (value - floor) / (0.985 - floor)), 0, 255).astype(np.uint8)
