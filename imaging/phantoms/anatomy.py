"""Bodies in the path of the rays, each as what it adds to (or, for air, takes from) the density along it.

The proportions were set by eye beside frontal radiographs; they are not measurements.
"""

import numpy as np
from scipy import ndimage

from imaging.phantoms.person import Field, Habitus, clouds, ellipse_radius, smooth_step, to_pixels

LESIONS = ("nodule", "spiculated", "consolidation")


def trunk_thickness(person: Habitus, x: Field, y: Field) -> Field:
    """Soft tissue from front to back, 0 in air to about 1 in the middle."""
    wide = person.cage_width + 0.17 + 0.20 * person.fat
    # neck, then the slope of the shoulders, then nearly straight flanks
    neck = 0.20 + 0.06 * person.fat
    slope = smooth_step(y + 0.80 - 0.06 * person.fat, 0.16)
    flank = wide - 0.05 * smooth_step(y - 0.1, 0.5) + 0.10 * person.fat * smooth_step(y - 0.5, 0.4)
    shoulder = 0.80 * np.exp(-(((y + 0.36) / 0.40) ** 2)) * (0.55 + 0.45 * person.arms)
    half = neck + (flank + shoulder - neck) * slope
    inside = np.clip(1 - (np.abs(x - 0.3 * person.rotation) / half) ** 2, 0, 1)
    profile = np.sqrt(inside)
    # the trunk is thick, shoulders and neck are not
    return profile * (0.78 + 0.22 * smooth_step(y + 0.45, 0.35)) * (0.92 + 0.16 * person.fat)


def _cage(person: Habitus, y: Field) -> Field:
    """Half width of the rib cage at each height: round at the apex, widest low down."""
    bottom = 0.42
    up = np.clip((bottom - y) / np.float32(bottom - person.apex), 0, 1)
    width = person.cage_width * np.power(np.clip(1 - up**2.8, 0, 1), np.float32(0.52))
    return width - 0.05 * smooth_step(y - 0.5, 0.25)


def _diaphragm(person: Habitus, x: Field) -> Field:
    """y of the lower border of the lungs at each x: two domes that fall to the costophrenic angles."""
    side = np.where(x < 0, -1, 1)
    top = np.where(x < 0, person.dome - person.dome_step, person.dome)
    across = (np.abs(x) - 0.34) / np.where(np.abs(x) > 0.34, person.cage_width - 0.30, 0.34)
    drop = np.where(across > 0, person.angle_depth * np.maximum(across, 0) ** 2.6 * 1.15, 0.05 * across**2)
    return (top + drop + 0.01 * side).astype(np.float32)


def lung_air(person: Habitus, x: Field, y: Field) -> Field:
    """Air from front to back, 0 to 1, both lungs."""
    middle = 0.5 * person.rotation
    away = np.abs(x - middle)
    cage = _cage(person, y)
    lateral = smooth_step(cage - away, 0.012)
    thickness = np.sqrt(np.clip(1 - (away / np.maximum(cage, 0.02)) ** 2, 0, 1))
    # apices end round and near the middle
    medial = 0.115 + 0.05 * smooth_step(y - 0.05, 0.3) + 0.03 * smooth_step(-y - 0.55, 0.15)
    air = lateral * smooth_step(away - medial, 0.02) * smooth_step(_diaphragm(person, x) - y, 0.012)
    apex = smooth_step(y - person.apex, 0.05)
    return air * apex * (0.50 + 0.50 * thickness) * (0.80 + 0.20 * smooth_step(y + 0.45, 0.3))


def heart_shadow(person: Habitus, x: Field, y: Field) -> Field:
    """The heart and the roots of the great vessels, 0 to 1; the apex points to the right of the picture."""
    middle = person.rotation
    factor = person.heart
    low = person.dome - 0.16
    left = ellipse_radius(x, y, middle + 0.14 * factor, low, 0.35 * factor, 0.24 * factor, person.heart_tilt)
    right = ellipse_radius(x, y, middle - 0.06, low - 0.06, 0.155 * factor, 0.24 * factor)
    trunk = ellipse_radius(x, y, middle + 0.105, low - 0.31, 0.085, 0.16)  # pulmonary trunk
    knob = ellipse_radius(x, y, middle + 0.115, -0.30, 0.088, 0.085)  # aortic knob
    together = sum(np.exp(-7 * np.minimum(r, 4)) for r in (left, right, trunk, knob))
    inner = -np.log(together) / 7  # a smooth union: the chambers make one outline
    edge = smooth_step(1 - inner, 0.06)
    return edge * (0.62 + 0.38 * np.sqrt(np.clip(1 - inner**2, 0, 1)))


def mediastinum(person: Habitus, rng: np.random.Generator, x: Field, y: Field) -> Field:
    """Vascular pedicle, spine with its discs, and the air of trachea and main bronchi."""
    middle = person.rotation
    pedicle = 0.06 * smooth_step(0.125 - np.abs(x - middle - 0.01), 0.035) * smooth_step(0.25 - y, 0.4)

    scoliosis = float(rng.normal(0, 0.012))
    axis = x - 0.2 * middle - np.float32(scoliosis) * np.sin(2.2 * y + 0.6)
    level = y / 0.135 + float(rng.uniform(0, 1))
    disc = np.exp(-((np.abs(level - np.round(level)) / 0.16) ** 2))
    waist = 0.088 + 0.012 * np.cos(2 * np.pi * level) + 0.008 * y
    body = smooth_step(waist - np.abs(axis), 0.014)
    pedicles = np.exp(-(((np.abs(axis) - 0.052) / 0.016) ** 2) - ((level - np.floor(level) - 0.35) / 0.14) ** 2)
    process = np.exp(-((axis / 0.014) ** 2) - ((level - np.floor(level) - 0.62) / 0.2) ** 2)
    spine = body * (0.085 - 0.05 * disc) + 0.03 * pedicles + 0.03 * process

    carina = -0.18
    bend = 0.012 * np.sin(3 * y)
    trachea = np.exp(-(((x - middle - bend) / 0.034) ** 4)) * smooth_step(carina - y, 0.03)
    left = np.exp(-(((y - carina - 0.75 * (x - middle)) / 0.026) ** 2)) * smooth_step(x - middle, 0.03)
    right = np.exp(-(((y - carina + 1.05 * (x - middle)) / 0.03) ** 2)) * smooth_step(middle - x, 0.03)
    bronchi = (left + right) * smooth_step(0.20 - np.abs(x - middle), 0.06)
    return pedicle + spine - 0.12 * trachea - 0.055 * bronchi


def _bands(level: Field, half: float, jitter: np.ndarray) -> Field:
    """Profile of parallel bones at whole numbers of `level`: dense cortex at the edges, lighter inside."""
    nearest = np.rint(level)
    off = np.abs(level - nearest)
    strength = jitter[np.clip(nearest.astype(np.int32) + 4, 0, len(jitter) - 1)]
    inside = smooth_step(half - off, 0.045)
    cortex = np.exp(-(((off - half * 0.86) / 0.06) ** 2))
    return strength * (0.72 * inside + 0.5 * cortex)


def ribs(person: Habitus, rng: np.random.Generator, x: Field, y: Field) -> Field:
    """Posterior arcs (bright, falling to the side) and anterior arcs (faint, falling to the middle)."""
    away = np.abs(x - 0.4 * person.rotation)
    cage = np.maximum(_cage(person, y), 0.05)
    t = np.clip(away / (cage + 0.015), 0, 1.2)
    spacing = person.rib_spacing * (0.88 + 0.16 * smooth_step(y + 0.3, 0.5))
    posterior_y = y - person.rib_drop * (t**2.4 - 0.16 * np.sin(np.pi * np.clip(t, 0, 1))) * (0.75 + 0.25 * cage)
    posterior = _bands((posterior_y - person.apex) / spacing + person.rib_phase, 0.24, rng.normal(1, 0.1, 24))
    posterior *= smooth_step(away - 0.085, 0.03)
    anterior_y = y - person.rib_drop * 0.9 - 0.36 * (1 - t) * (0.7 + 0.3 * cage)
    anterior = _bands((anterior_y - person.apex) / (spacing * 1.04) + person.rib_phase, 0.29, rng.normal(1, 0.1, 24))
    anterior *= smooth_step(t - 0.42 - 0.12 * y, 0.14)
    # bones end at the wall; a rib seen along its course there is dense
    wall = smooth_step(1.03 - t, 0.02)
    edge = np.exp(-(((t - 0.99) / 0.03) ** 2))
    height = smooth_step(y - person.apex + 0.12, 0.08) * smooth_step(0.92 - y, 0.2)
    lower = 1 - 0.6 * smooth_step(y - person.dome, 0.1)  # drowned by the abdomen
    both = (0.105 * posterior + 0.075 * anterior) * (1 + 0.45 * edge) * wall * lower
    return person.rib_contrast * (both + 0.02 * edge) * height


def shoulders(person: Habitus, x: Field, y: Field) -> Field:
    """Clavicles, the shadow of the scapulae, and the heads of the humeri."""
    away = np.abs(x - person.rotation * np.sign(x))
    s = np.clip((away - 0.07) / 0.78, 0, 1)
    course = person.clavicle_y + 0.085 - 0.21 * s + 0.055 * np.sin(2 * np.pi * s)
    half = 0.026 + 0.012 * (1 - s) ** 4 + 0.012 * s**3
    off = np.abs(y - course)
    clavicle = (
        0.8 * smooth_step(half - off, 0.008) + 0.6 * np.exp(-(((off - half * 0.85) / 0.008) ** 2))
    ) * smooth_step(away - 0.075, 0.012)
    clavicle *= smooth_step(0.80 - away, 0.06)
    border = np.abs(away - (0.76 + 0.10 * (y + 0.45) - 0.10 * person.arms * (y + 0.2)))
    scapula = (
        smooth_step(away - 0.70, 0.10)
        * smooth_step(y + 0.66, 0.05)
        * smooth_step(-0.02 - y, 0.12)
        * smooth_step(1.05 - away, 0.1)
    )
    blade = 0.03 * scapula + 0.055 * scapula * np.exp(-((border / 0.018) ** 2))
    head = ellipse_radius(np.abs(x), y, 1.02, -0.50, 0.15, 0.15)
    humerus = 0.07 * smooth_step(1 - head, 0.12) + 0.04 * np.exp(-(((head - 0.95) / 0.06) ** 2))
    shaft = smooth_step(0.07 - np.abs(np.abs(x) - 1.03 - 0.10 * (y + 0.4)), 0.012) * smooth_step(y + 0.5, 0.05)
    return 0.10 * clavicle + blade + humerus + 0.06 * shaft


def soft_tissue(person: Habitus, rng: np.random.Generator, x: Field, y: Field, trunk: Field) -> Field:
    """Breasts or pectoral muscles, fat planes, and a slow mottle of everything that has no name."""
    away = np.abs(x)
    fullness = 0.6 + 0.7 * person.fat
    if person.female:
        r = ellipse_radius(away, y, 0.46, 0.22 + 0.08 * person.fat, 0.34, 0.30 + 0.05 * person.fat)
        lower = smooth_step(1 - r, 0.05)
        chest = 0.075 * fullness * lower * (0.55 + 0.45 * np.clip(1 - r, 0, 1)) * smooth_step(y + 0.15, 0.25)
    else:
        r = ellipse_radius(away, y, 0.55, -0.25, 0.36, 0.30, 0.5)
        chest = 0.04 * fullness * smooth_step(1 - r, 0.10)
    mottle = clouds(rng, x.shape[0], 5) * 0.018 + clouds(rng, x.shape[0], 22) * 0.007
    abdomen = smooth_step(y - _diaphragm(person, x), 0.03)
    bowel = 0.02 * abdomen * clouds(rng, x.shape[0], 8)
    return chest + (mottle + bowel) * np.clip(1.4 * trunk, 0, 1) + 0.05 * abdomen * np.clip(trunk, 0, 1)


def vessels(person: Habitus, rng: np.random.Generator, x: Field, y: Field, size: int) -> Field:
    """Branching trees from both hila, thinner and fainter outwards, and the hilar shadows themselves."""
    cloud = _grow(rng, person.rotation)
    total = np.zeros((size, size), dtype=np.float32)
    column, row = to_pixels(person, cloud[:, 0], cloud[:, 1], size)
    unit = size / 2
    for low, high, width in ((0.0, 0.35, 0.0042), (0.35, 0.65, 0.0075), (0.65, 1.1, 0.0125)):
        chosen = (cloud[:, 2] >= low) & (cloud[:, 2] < high)
        counts, _, _ = np.histogram2d(
            row[chosen], column[chosen], bins=size, range=[[0, size], [0, size]], weights=cloud[chosen, 3]
        )
        sigma = max(width * unit, 0.45)
        # weights are lengths: a straight vessel has the same height at any size
        total += ndimage.gaussian_filter(counts.astype(np.float32), sigma, truncate=3) * np.float32(2.5 * sigma * unit)
    for side in (-1, 1):
        r = ellipse_radius(
            x, y, side * 0.17 + person.rotation, -0.06 + (0.04 if side < 0 else 0.0), 0.075, 0.15, -0.3 * side
        )
        total += 1.2 * np.exp(-(r**2))
    return 0.105 * np.minimum(total, 2.4)


def _grow(rng: np.random.Generator, middle: float) -> np.ndarray:
    """Points (x, y, width, width times length) along the vessels of both lungs, by generations of branches."""
    side = np.repeat([-1.0, 1.0], 13)
    at = np.column_stack([0.165 * side + middle, np.where(side < 0, -0.04, -0.08)]) + rng.normal(0, 0.018, (26, 2))
    heading = np.tile(np.linspace(-1.35, 1.5, 13), 2) + rng.normal(0, 0.12, 26)  # 0 is outwards, positive down
    width, reach = np.ones(26), np.full(26, 0.62)
    cloud = []
    for count in (66, 44, 30, 20):
        n = len(side)
        along = np.linspace(0, 1, count)
        step = (reach * rng.uniform(0.45, 0.70, n) / count)[:, None]
        wander = np.cumsum(rng.normal(0, 1, (n, count)) * np.sqrt(step) * 0.45, axis=1)
        turns = heading[:, None] + wander + rng.normal(0, 0.25, (n, 1)) * along**2
        x = at[:, :1] + np.cumsum(side[:, None] * np.cos(turns) * step, axis=1)
        y = at[:, 1:] + np.cumsum(np.sin(turns) * step, axis=1)
        widths = width[:, None] * (1 - 0.45 * along)
        cloud.append(np.stack([x, y, widths, widths * step], axis=-1).reshape(-1, 4))
        # two branches at the end and, mostly, a thin one from half way
        half = count // 2
        fork = rng.uniform(0.2, 0.6, (2, n))
        twig = rng.choice([-1, 1], n) * rng.uniform(0.4, 0.9, n)
        some = rng.random(n) < 0.6
        end, mid = np.column_stack([x[:, -1], y[:, -1]]), np.column_stack([x[:, half], y[:, half]])
        at = np.concatenate([end, end, mid[some]])
        heading = np.concatenate([turns[:, -1] - fork[0], turns[:, -1] + fork[1], (turns[:, half] + twig)[some]])
        side = np.concatenate([side, side, side[some]])
        width = np.concatenate([width * 0.58, width * 0.58, width[some] * 0.42])
        reach = np.concatenate([reach * 0.62, reach * 0.62, reach[some] * 0.45])
    return np.concatenate(cloud)


def gastric_bubble(person: Habitus, rng: np.random.Generator, x: Field, y: Field) -> Field:
    """Air in the stomach below the left dome, with a level when the person stood."""
    cx, width, height = 0.33 + rng.normal(0, 0.04), rng.uniform(0.10, 0.18), rng.uniform(0.06, 0.11)
    cy = person.dome + 0.05 + height
    r = ellipse_radius(x, y, cx, cy, width, height, rng.normal(0, 0.15))
    level = smooth_step(cy + rng.uniform(0.1, 0.8) * height - y, 0.012)
    return 0.17 * smooth_step(1 - r, 0.09) * (0.35 + 0.65 * level)


def lesion_shadow(person: Habitus, rng: np.random.Generator, x: Field, y: Field, air: Field, size: int) -> Field:
    kind = LESIONS[int(rng.integers(len(LESIONS)))]
    side = int(rng.choice([-1, 1]))
    cy = rng.uniform(-0.50, person.dome - 0.16)
    cage = float(_cage(person, np.array([cy], dtype=np.float32))[0])
    inner = 0.22 if side < 0 or cy < -0.05 else 0.22 + 0.28 * person.heart * min(1.0, (cy + 0.05) / 0.2)
    cx = side * rng.uniform(min(inner, cage - 0.2), cage - 0.12)
    dx, dy = x - np.float32(cx), y - np.float32(cy)
    radius = np.hypot(dx, dy)
    angle = np.arctan2(dy, dx)
    air = np.clip(air * 1.7, 0, 1)
    if kind == "nodule":
        size_of = rng.uniform(0.055, 0.10)
        wobble = 1 + 0.08 * np.sin(2 * angle + rng.uniform(0, 6)) + 0.05 * np.sin(3 * angle + rng.uniform(0, 6))
        r = radius / (size_of * wobble)
        return rng.uniform(0.20, 0.28) * smooth_step(1 - r, 0.14) * np.sqrt(np.clip(1.15 - r**2 * 0.8, 0, 1)) * air
    if kind == "spiculated":
        size_of = rng.uniform(0.055, 0.095)
        rays = sum(
            np.float32(rng.uniform(0.3, 1)) * np.cos(k * angle + np.float32(rng.uniform(0, 6)))
            for k in (5, 7, 9, 12, 15)
        )
        core = np.exp(-((radius / (size_of * 0.85)) ** 3))
        spikes = np.exp(-radius / (size_of * 0.85)) * np.clip(rays, 0, 2.2) * 0.55
        return (
            rng.uniform(0.22, 0.30) * np.clip(core + spikes * smooth_step(radius - 0.5 * size_of, 0.03), 0, 1.1) * air
        )
    wide, high = rng.uniform(0.15, 0.24), rng.uniform(0.12, 0.20)
    r = ellipse_radius(x, y, cx, cy, wide, high, rng.uniform(-0.6, 0.6))
    patch = 1.05 - r + 0.22 * clouds(rng, size, 9) + 0.10 * clouds(rng, size, 24)
    return rng.uniform(0.24, 0.32) * smooth_step(patch, 0.42) * air
