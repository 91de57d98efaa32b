"""The leak audit catches planted leaks, and lets clean studies through."""

import io
from functools import cache

import numpy as np
import pytest
from PIL import Image

from imaging.phantoms import chest_phantom
from turing.blinding.audit import JOINT, audit_leaks
from turing.blinding.features import Observation

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
    with pytest.raises(ValueError, match="uint8 array of shape"):
        observe(np.zeros((4, 4, 3), dtype=np.uint8))
