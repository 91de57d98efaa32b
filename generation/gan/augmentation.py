"""Adaptive discriminator augmentation (ADA) for radiographs: Karras et al. 2020 (arXiv 2006.06676), appendix B.

Everything the discriminator sees, real or generated, is moved, turned, scaled and brightened by chance. What is random
about it is drawn apart (`draw_augmentation`, on the CPU) from how it is applied (`Augmentation.apply`), which can be
differentiated twice. Left out for radiographs: turns by 90 degrees, luma flip, hue, saturation. Mirroring is opt-in,
because it puts the heart on the wrong side.
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from generation.gan.distributed import average, share
from generation.gan.noise import draw_noise, draw_seeds
from generation.gan.stylegan2_config import ADAPTIVE, OFF, StyleGan2Config
from generation.gan.stylegan2_layers import resample

# Deviations and ranges: appendix B, figure 16 ("pseudocode") of the paper
MOVE = 0.125  # of the side: range of whole-pixel moves, deviation of fractional ones
SCALE = 0.2  # deviation of log2 of both kinds of scaling
BRIGHTNESS = 0.2  # deviation, where images are in [-1, 1]
CONTRAST = 0.5  # deviation of log2
BAND = 1.0  # deviation of log2 of the gain of a frequency band
NOISE = 0.1  # deviation of the noise's deviation
CUTOUT = 0.5  # of the side
BAND_POWER = (10 / 13, 1 / 13, 1 / 13, 1 / 13)  # expected share of the bands in the power of natural images

# Filters of the least asymmetric wavelets with 6 and 2 vanishing moments (Daubechies 1992, table 6.3). They are
# orthogonal to themselves shifted by even numbers, so doubling and halving an image with them changes nothing.
SYM6 = (
    0.015404109327027373,
    0.0034907120842174702,
    -0.11799011114819057,
    -0.048311742585633,
    0.4910559419267466,
    0.787641141030194,
    0.3379294217276218,
    -0.07263752278646252,
    -0.021060292512300564,
    0.04472490177066578,
    0.0017677118642428036,
    -0.007800708325034148,
)
SYM2 = (-0.12940952255092145, 0.22414386804185735, 0.836516303737469, 0.48296291314469025)


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """What happens to each image of a batch: the same for all its channels.

    `matrices` (B, 3, 3) float64 take a point of the image before to where it is after, in pixels from the centre, x to
    the right and y down. Then values are multiplied by `contrast` (B,) and `brightness` (B,) is added.
    The optional ones are None when off: `bands` (B, 4), gains of frequency bands from low to high; `noise` (B,), its
    deviation, with `noise_seeds` (B,); `cutouts` (B, 2), centre x and y in [0, 1], with `cut` (B,), whether.
    """

    matrices: Tensor
    contrast: Tensor
    brightness: Tensor
    bands: Tensor | None = None
    noise: Tensor | None = None
    noise_seeds: Tensor | None = None
    cutouts: Tensor | None = None
    cut: Tensor | None = None

    def share(self) -> "Augmentation":
        """This process's part."""
        values: dict[str, Any] = {one.name: getattr(self, one.name) for one in fields(self)}
        shared: dict[str, Any] = {name: value if value is None else share(value) for name, value in values.items()}
        return Augmentation(**shared)

    def apply(self, images: Tensor) -> Tensor:
        """Images (B, C, side, side) as the discriminator is to see them.

        What leaves all images alone is left out: when nothing was drawn they come back bit for bit.
        """
        if images.shape[0] != len(self.matrices):
            raise ValueError(f"{images.shape[0]} images, but an augmentation of {len(self.matrices)}")
        if not torch.equal(self.matrices, torch.eye(3, dtype=torch.float64).expand_as(self.matrices)):
            images = move(images, self.matrices)
        if bool((self.contrast != 1).any()) or bool((self.brightness != 0).any()):
            images = torch.addcmul(_like(self.brightness, images), images, _like(self.contrast, images))
        if self.bands is not None and bool((self.bands != 1).any()):
            images = filter_bands(images, self.bands)
        if self.noise is not None and self.noise_seeds is not None and bool((self.noise != 0).any()):
            noise = draw_noise(self.noise_seeds, images.shape[1:], device=images.device, dtype=images.dtype)
            images = torch.addcmul(images, _like(self.noise, images), noise)
        if self.cutouts is not None and self.cut is not None and bool(self.cut.any()):
            images = images * _cutout_mask(images, self.cutouts, self.cut)
        return images


def draw_augmentation(
    config: StyleGan2Config, batch: int, *, probability: float, random: torch.Generator
) -> Augmentation:
    """Chances for a batch: each transformation with `probability`; always the same count of numbers is drawn.

    Order of the geometry (applied first to last): mirror, whole-pixel move, scaling, turn, scaling of one direction
    against the other, turn, fractional move. Each turn happens with 1 - sqrt(1 - p), so that one or both happen with p.
    """
    side = config.image_size

    def uniform() -> Tensor:
        return torch.rand(batch, generator=random, dtype=torch.float64)

    def normal() -> Tensor:
        return torch.randn(batch, generator=random, dtype=torch.float64)

    def chosen(values: Tensor, otherwise: float, chance: float = probability) -> Tensor:
        return torch.where(uniform() < chance, values, torch.full_like(values, otherwise))

    turn_chance = 1 - math.sqrt(1 - probability)
    mirror = chosen(torch.where(uniform() < 0.5, -1.0, 1.0).double(), 1.0)
    whole = [chosen(((uniform() * 2 - 1) * MOVE * side).round(), 0.0) for _ in range(2)]
    zoom = chosen(torch.exp2(normal() * SCALE), 1.0)
    first_turn = chosen((uniform() * 2 - 1) * math.pi, 0.0, turn_chance)
    stretch = chosen(torch.exp2(normal() * SCALE), 1.0)
    second_turn = chosen((uniform() * 2 - 1) * math.pi, 0.0, turn_chance)
    happens = uniform() < probability
    fraction = [torch.where(happens, normal() * MOVE * side, 0.0) for _ in range(2)]
    brightness = chosen(normal() * BRIGHTNESS, 0.0)
    contrast = chosen(torch.exp2(normal() * CONTRAST), 1.0)
    if not config.augment_flip:
        mirror = torch.ones_like(mirror)
    matrices = torch.eye(3, dtype=torch.float64).repeat(batch, 1, 1)
    for step in (
        scaling(mirror, torch.ones_like(mirror)),
        translation(*whole),
        scaling(zoom, zoom),
        rotation(first_turn),
        scaling(stretch, 1 / stretch),
        rotation(second_turn),
        translation(*fraction),
    ):
        matrices = step @ matrices
    bands = noise = seeds = cutouts = cut = None
    if config.augment_filter:
        gains = torch.ones(batch, len(BAND_POWER), dtype=torch.float64)
        power = torch.tensor(BAND_POWER, dtype=torch.float64)
        for band in range(len(BAND_POWER)):
            one = torch.ones(batch, len(BAND_POWER), dtype=torch.float64)
            one[:, band] = chosen(torch.exp2(normal() * BAND), 1.0)
            gains = gains * one / (one.square() * power).sum(dim=1, keepdim=True).sqrt()  # power stays the same
        bands = gains
    if config.augment_noise:
        noise = chosen(normal().abs() * NOISE, 0.0)
        seeds = draw_seeds(batch, random=random)
    if config.augment_cutout:
        cutouts = torch.stack([uniform(), uniform()], dim=1)
        cut = uniform() < probability
    return Augmentation(
        matrices=matrices,
        contrast=contrast,
        brightness=brightness,
        bands=bands,
        noise=noise,
        noise_seeds=seeds,
        cutouts=cutouts,
        cut=cut,
    )


def translation(x: Tensor, y: Tensor) -> Tensor:
    """(B, 3, 3) of moves by x and y (B,) pixels."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return torch.stack([one, zero, x, zero, one, y, zero, zero, one], dim=1).view(-1, 3, 3)


def scaling(x: Tensor, y: Tensor) -> Tensor:
    """(B, 3, 3) of scalings by x and y (B,); negative mirrors."""
    zero, one = torch.zeros_like(x), torch.ones_like(x)
    return torch.stack([x, zero, zero, zero, y, zero, zero, zero, one], dim=1).view(-1, 3, 3)


def rotation(angle: Tensor) -> Tensor:
    """(B, 3, 3) of turns by angle (B,) in radians, clockwise as the image is seen."""
    zero, one, cosine, sine = torch.zeros_like(angle), torch.ones_like(angle), torch.cos(angle), torch.sin(angle)
    return torch.stack([cosine, -sine, zero, sine, cosine, zero, zero, zero, one], dim=1).view(-1, 3, 3)


def move(images: Tensor, matrices: Tensor) -> Tensor:
    """Images (B, C, side, side) moved by `matrices` (B, 3, 3) as in `Augmentation`, mirrored beyond their edges.

    As appendix B.1 of the paper: doubled by the low-pass filter of an orthogonal wavelet, sampled bilinearly where the
    inverse of the matrix says, filtered and halved; images whose matrix is the identity come back as they are. The
    paper pads by what the largest move of a batch needs; here sampling mirrors at the edges, which is the same for
    every move and touches a ninth of the pixels.

    With h the filter, doubled sample m is sqrt 2 sum_k x_k h[m - 2k] and pixel k of the result sum_m d_m h[m - 2k] /
    sqrt 2. Sample m lies at pixel (m - delay) / 2, the delay being that of h for slow changes.
    """
    side, length = images.shape[2], len(SYM6)
    taps = torch.tensor(SYM6, dtype=torch.float64)
    delay = float((taps * torch.arange(length)).sum() / taps.sum())
    # samples 5 to 2 side + 4: those of the image itself, between its edges
    doubled = resample(_mirrored(images, length // 4), taps * math.sqrt(2), up=2, padding=(0, -1))
    # samples 0 to 2 side + 9 of the result, which the filter needs to make `side` pixels of
    wide = 2 * side + length - 2
    offset = torch.full((len(matrices),), (length - 1 - 2 * delay) / 4, dtype=torch.float64)
    size, out = torch.full_like(offset, 2 / side), torch.full_like(offset, wide / 4)
    inverse = scaling(size, size) @ translation(-offset, -offset) @ torch.linalg.inv(matrices)
    inverse = inverse @ translation(offset, offset) @ scaling(out, out)
    grid = functional.affine_grid(
        inverse[:, :2].to(images.device, images.dtype), [*images.shape[:2], wide, wide], align_corners=False
    )
    sampled = functional.grid_sample(doubled, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    moved = resample(sampled, taps.flip(0) / math.sqrt(2), down=2)
    still = (matrices == torch.eye(3, dtype=torch.float64)).all(dim=2).all(dim=1).to(images.device)
    return torch.where(still[:, None, None, None], images, moved)


def _mirrored(images: Tensor, reach: int) -> Tensor:
    """Images with `reach` more pixels on each side, mirrored at the edge of the outermost pixel."""
    images = torch.cat([images[..., :reach].flip(3), images, images[..., -reach:].flip(3)], dim=3)
    return torch.cat([images[:, :, :reach].flip(2), images, images[:, :, -reach:].flip(2)], dim=2)


def band_filters() -> Tensor:
    """(4, 43) filters of four frequency bands from low to high, each an octave; they sum to the unit impulse.

    From the wavelet's autocorrelation l(z) = h(z) h(1/z) / 2, a half-band low-pass, and its complement 1 - l(z): the
    highest band is 1 - l(z), the next (1 - l(z^2)) l(z), and so on (appendix B.2 of the paper).
    """
    taps = torch.tensor(SYM2, dtype=torch.float64)
    low = functional.conv1d(taps.view(1, 1, -1), taps.view(1, 1, -1), padding=3).view(-1) / 2
    high = -low
    high[len(low) // 2] += 1
    bands, product = [], torch.ones(1, dtype=torch.float64)
    for octave in range(len(BAND_POWER) - 1):
        bands.append(_convolved(_spread(high, 2**octave), product))
        product = _convolved(_spread(low, 2**octave), product)
    bands.append(product)
    length = len(product)
    return torch.stack([functional.pad(band, ((length - len(band)) // 2,) * 2) for band in reversed(bands)])


def filter_bands(images: Tensor, gains: Tensor) -> Tensor:
    """Images (B, C, side, side) with their frequency bands multiplied by `gains` (B, 4), along both axes."""
    batch, channels, height, width = images.shape
    filters = (gains @ band_filters()).to(images.device, images.dtype).repeat_interleave(channels, dim=0)
    length = filters.shape[1]
    reach = length // 2
    maps = functional.pad(images.reshape(1, -1, height, width), (reach,) * 4, mode="reflect")
    maps = functional.conv2d(maps, filters.view(-1, 1, 1, length), groups=batch * channels)
    maps = functional.conv2d(maps, filters.view(-1, 1, length, 1), groups=batch * channels)
    return maps.view(batch, channels, height, width)


class AugmentationStrength:
    """The probability of augmentation, and its adjustment to how much the discriminator overfits (section 3.1).

    Overfitting is measured by r = mean of sign(D(real)): 0 when real images are scored as often below as above zero, 1
    when all are above. Every `augment_every` steps the probability rises by images seen since / `augment_kimg` when r
    is above the target, else it falls, and stays in [0, 1].
    """

    def __init__(self, config: StyleGan2Config, *, device: torch.device) -> None:
        self.config = config
        self.probability = 0.0 if config.augmentation == OFF else config.augment_probability
        self.steps = 0  # since the last adjustment
        self.sum = torch.zeros([], device=device)  # of the means of signs since then

    def observe(self, scores: Tensor) -> Tensor:
        """Take in the scores (B,) that this process's real images got at a step; r of that step over all processes."""
        signs = average(torch.sign(scores.detach().float()).mean())
        self.sum += torch.nan_to_num(signs)
        self.steps += 1
        return signs

    def adjust(self) -> None:
        """After each step. Waits for the device only when the probability is due."""
        if self.steps < self.config.augment_every:
            return
        if self.config.augmentation == ADAPTIVE:
            overfit = self.sum.item() / self.steps
            change = self.steps * self.config.batch_size / (self.config.augment_kimg * 1000)
            direction = (overfit > self.config.augment_target) - (overfit < self.config.augment_target)
            self.probability = min(max(self.probability + direction * change, 0.0), 1.0)
        self.steps = 0
        self.sum.zero_()

    def state(self) -> dict[str, float]:
        return {"probability": self.probability, "steps": self.steps, "sum": self.sum.item()}

    def load_state(self, values: dict[str, float]) -> None:
        self.probability, self.steps = float(values["probability"]), int(values["steps"])
        self.sum.fill_(values["sum"])


def _cutout_mask(images: Tensor, centres: Tensor, cut: Tensor) -> Tensor:
    """(B, 1, side, side): 0 within a rectangle of half the side around the centre, 1 elsewhere."""
    side = images.shape[2]
    places = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    inside = (places - centres[:, :, None]).abs() < CUTOUT / 2  # (B, 2, side)
    blank = inside[:, 1, :, None] & inside[:, 0, None, :] & cut[:, None, None]
    return (~blank).to(images.device, images.dtype)[:, None]


def _like(values: Tensor, images: Tensor) -> Tensor:
    return values.to(images.device, images.dtype)[:, None, None, None]


def _spread(taps: Tensor, step: int) -> Tensor:
    spread = torch.zeros((len(taps) - 1) * step + 1, dtype=taps.dtype)
    spread[::step] = taps
    return spread


def _convolved(first: Tensor, second: Tensor) -> Tensor:
    return functional.conv1d(first.view(1, 1, -1), second.flip(0).view(1, 1, -1), padding=len(second) - 1).view(-1)
