"""The leak audit catches planted leaks, and lets clean studies through."""

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from imaging.phantoms import chest_phantom
from turing.blinding.audit import JOINT, audit_leaks, judge_leaks
from turing.blinding.features import Observation, measure, transport_of

HEADERS = {"Content-Type": "application/octet-stream", "Cache-Control": "no-store"}
N = 20  # of each kind
SIZE = 96


@cache
def source(seed: int) -> np.ndarray:
    return chest_phantom(seed=seed, size=SIZE, lesion=False)


def observe(pixels, *, headers=HEADERS, byte_length=None):
    return Observation(pixels=pixels, byte_length=byte_length or pixels.size, headers=headers)


def audit(real, synthetic):
    return audit_leaks([*real, *synthetic], [False] * len(real) + [True] * len(synthetic))


def through_jpeg(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=30)
    return np.asarray(Image.open(buffer))


def through_png_length(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return observe(pixels, byte_length=buffer.tell())


PLANTS = {
    "byte length of a compressed file": (through_png_length, "byte_length"),
    "an ETag on one side": (lambda p: observe(p, headers={**HEADERS, "ETag": "x"}), "headers"),
    "another size": (lambda p: observe(p[:-1]), "dimensions"),
    "six-bit grey levels": (lambda p: observe(p // 4 * 4), "grey_levels"),
    "stretched histogram": (
        lambda p: observe(((p.astype(float) - p.min()) * 1.25).clip(0, 255).astype(np.uint8)),
        "histogram_comb",
    ),
    "black frame": (lambda p: observe(np.pad(p[1:-1, 1:-1], 1)), "border_mean"),
    "brighter": (lambda p: observe((p.astype(int) + 35).clip(0, 255).astype(np.uint8)), "mean"),
    "clipped at white": (lambda p: observe(p.clip(0, 200)), "grey_maximum"),
    "upsampled columns": (lambda p: observe(np.repeat(p[:, ::2], 2, axis=1)), "column_phase_2"),
    "JPEG blocks": (lambda p: observe(through_jpeg(p)), "row_phase_8"),
}


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_is_caught_and_named(name):
    plant, feature = PLANTS[name]

    found = audit([observe(source(i)) for i in range(N)], [plant(source(N + i)) for i in range(N)])

    assert found.blocked
    named = set(found.varying) | {leak.name for leak in found.features if leak.blocks}
    assert feature in named
    cures = {leak.cure for leak in found.features if leak.blocks and leak.name != JOINT}
    assert len(found.reasons) == len(found.varying) + len(cures)
    text = " ".join(found.reasons)
    assert all(leak.name.replace("_", " ") in text for leak in found.features if leak.blocks and leak.name != JOINT)


def deep(seed):
    """A phantom of 16 bits, with the noise of a detector below the grey levels of 8."""
    noise = np.random.default_rng(seed).normal(0, 150, (SIZE, SIZE))
    pixels = source(seed).astype(float) * 200 + 3000 + noise
    return pixels.clip(0, 65535).astype(np.uint16)


def stretched(pixels):
    """As the rendering does it."""
    low, high = int(pixels.min()), int(pixels.max())
    return ((pixels.astype(np.int64) - low) * 65535 // (high - low)).astype(np.uint16)


DEEP_PLANTS = {
    "8-bit origin": lambda i: (source(i).astype(np.uint16) * 257, "grey_levels"),
    "12 bits": lambda i: (deep(i) // 64 * 64, "histogram_comb"),
    "black frame": lambda i: (np.pad(deep(i)[1:-1, 1:-1], 1), "border_mean"),
    "upsampled rows": lambda i: (np.repeat(deep(i)[::2], 2, axis=0), "row_phase_2"),
}


@pytest.mark.parametrize("name", DEEP_PLANTS)
def test_a_leak_planted_in_16_bits_is_caught_and_named(name):
    plant = DEEP_PLANTS[name]

    found = audit(
        [observe(stretched(deep(i))) for i in range(N)], [observe(stretched(plant(N + i)[0])) for i in range(N)]
    )

    assert found.blocked
    assert plant(0)[1] in {leak.name for leak in found.features if leak.blocks}


def test_of_ten_clean_studies_of_16_bits_at_most_one_is_blocked():
    blocked = 0
    for study in range(10):
        drawn = np.random.default_rng(study).permutation(100)[: 2 * N]
        pictures = [observe(stretched(deep(1000 + int(i)))) for i in drawn]
        blocked += audit(pictures[:N], pictures[N:]).blocked

    assert blocked <= 1


def test_a_comb_of_16_bits_is_not_taken_for_a_small_picture():
    """A picture has far fewer pixels than there are levels: that most levels are empty says nothing."""
    small = measure(observe(stretched(deep(1)))).statistics["histogram_comb"]
    coarse = measure(observe(stretched(source(1).astype(np.uint16)))).statistics["histogram_comb"]

    assert small < 0.2
    assert coarse > 0.9


def on_side(pixels, side):
    return Observation(pixels=pixels, byte_length=2 * pixels.size, headers=HEADERS, side=side)


def test_a_side_that_tells_is_caught():
    real, synthetic = [on_side(source(i), 1) for i in range(N)], [on_side(source(N + i), 0) for i in range(N)]

    found = audit(real, synthetic)

    assert {leak.name for leak in found.features if leak.blocks} >= {"side"}
    assert "The kinds are not evenly on the left and on the right" in " ".join(found.reasons)


def test_sides_that_are_drawn_tell_nothing():
    real = [on_side(source(i), i % 2) for i in range(N)]
    synthetic = [on_side(source(N + i), 1 - i % 2) for i in range(N)]

    found = audit(real, synthetic)

    assert not found.blocked
    assert next(leak.auc for leak in found.features if leak.name == "side") == 0.5


def test_what_does_not_count_must_still_arrive_alike():
    """Practice and repeats: their transport is checked, their pixels are not judged."""
    measured = [measure(observe(source(i))) for i in range(2 * N)]
    truth = [False] * N + [True] * N
    alike = transport_of(byte_length=SIZE**2, headers=HEADERS)
    other = transport_of(byte_length=SIZE**2 + 1, headers=HEADERS)

    clean, leaky = (judge_leaks(measured, truth, received_too=[alike, one]) for one in (alike, other))

    assert not clean.blocked
    assert leaky.varying == {"byte_length": {str(SIZE**2): 2 * N + 1, str(SIZE**2 + 1): 1}}
    assert leaky.blocked
    assert (leaky.n_real, leaky.n_synthetic) == (N, N)


def test_repeated_pictures_on_one_side_are_caught():
    found = audit([observe(source(i)) for i in range(N)], [observe(source(N + i // 4)) for i in range(N)])

    assert "duplicates" in {leak.name for leak in found.features if leak.blocks}


def test_of_twenty_clean_studies_at_most_one_is_blocked():
    blocked = 0
    for study in range(20):
        drawn = np.random.default_rng(study).permutation(200)[: 2 * N]
        pictures = [observe(source(1000 + int(i))) for i in drawn]
        blocked += audit(pictures[:N], pictures[N:]).blocked

    assert blocked <= 1


def test_several_weak_leaks_are_judged_together():
    found = audit([observe(source(i)) for i in range(N)], [observe(source(N + i)) for i in range(N)])

    assert JOINT in {leak.name for leak in found.features}


def test_auc_is_within_its_interval_and_at_least_one_half():
    found = audit([observe(source(i)) for i in range(N)], [observe(source(N + i)) for i in range(N)])

    for leak in found.features:
        assert leak.low <= leak.auc <= leak.high
        assert leak.auc >= 0.5 or leak.name == JOINT


def test_the_verdict_does_not_depend_on_which_side_leaks():
    clean, framed = (
        [observe(source(i)) for i in range(N)],
        [observe(np.pad(source(i)[1:-1, 1:-1], 1)) for i in range(N)],
    )

    one, other = audit(clean, framed), audit(framed, clean)

    assert one.blocked
    assert other.blocked
    by_name = {leak.name: leak.auc for leak in other.features}
    assert all(leak.auc == pytest.approx(by_name[leak.name]) for leak in one.features if leak.name != JOINT)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"synthetic": [True, True]}, "Both real and synthetic"),
        ({"synthetic": [True]}, "need as many truths"),
        ({"limit": 0.5}, r"limit must be in \(0.5, 1\]"),
        ({"alpha": 1.0}, r"alpha must be in \(0, 1\)"),
    ],
)
def test_input_that_cannot_be_judged_is_refused(arguments, message):
    settings = {"synthetic": [True, False], **arguments}

    with pytest.raises(ValueError, match=message):
        audit_leaks([observe(source(0)), observe(source(1))], settings.pop("synthetic"), **settings)


def test_pixels_must_be_one_grey_picture():
    with pytest.raises(ValueError, match="uint8 or uint16 array of shape"):
        observe(np.zeros((4, 4, 3), dtype=np.uint8))
