"""The estimate is within a factor of two of what a run takes; running out is said in words."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from generation.gan.config import AcganConfig
from generation.gan.memory import estimate_memory, free_memory, memory_warning
from generation.gan.presets import PRESETS
from generation.gan.registry import get_generator
from generation.gan.training import TrainingMemoryError, train

ROOT = Path(__file__).resolve().parents[3]
MEASURE = """
import json
import sys
from pathlib import Path
import numpy as np
import torch
from generation.gan.data import TrainingImages
from generation.gan.registry import get_generator
from generation.gan.training import train

def status(name):  # of this process alone; what getrusage says includes its parent's past
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

def run(values):
    side = values["image_size"]
    pixels = np.random.default_rng(0).integers(0, 256, (16, side, side), dtype=np.uint8)
    images = TrainingImages(pixels=pixels, labels=np.arange(16) % 2, classes=("a", "b"))
    kind = get_generator(generator).config
    train(generator=generator, config=kind.from_dict({**kind().to_dict(), **values}), images=images)

torch.set_num_threads(1)
generator, tiny, values = json.loads(sys.argv[1])
run(tiny)  # PyTorch's own memory
before = status("VmRSS")
run(values)
print(status("VmHWM") - before)
"""
GROWING = {"stabilise_kimg": 0.001, "fade_in_kimg": 0.001}
STYLE = {"total_kimg": 0.016, "feature_maps_base": 2048, "style_dim": 64, "latent_dim": 64}
# generator, settings that take nearly nothing, settings that take much, images of a step
CASES = {
    "acgan": (
        "acgan",
        {
            "image_size": 56,
            "generator_channels": (8, 6, 4),
            "discriminator_channels": (4, 6, 8, 10),
            "batch_size": 2,
            "iterations": 1,
        },
        {
            "image_size": 56,
            "generator_channels": (96, 64, 48),
            "discriminator_channels": (16, 32, 64, 128),
            "batch_size": 192,
            "iterations": 2,
        },
        192,
    ),
    "pggan": (
        "pggan",
        {**GROWING, "image_size": 8, "feature_maps_max": 4, "total_kimg": 0.01, "batch_sizes": (2,) * 9},
        {
            **GROWING,
            "image_size": 64,
            "feature_maps_base": 1024,
            "feature_maps_max": 32,
            "total_kimg": 0.1,
            "batch_sizes": (2, 2, 2, 2, 16, 2, 2, 2, 2),
        },
        16,
    ),
    "stylegan2": (
        "stylegan2",
        {**STYLE, "image_size": 16, "batch_size": 4, "total_kimg": 0.004, "feature_maps_max": 4},
        {**STYLE, "image_size": 64, "batch_size": 8, "feature_maps_max": 32},
        8,
    ),
    "stylegan2, relativistic": (
        "stylegan2",
        {**STYLE, "image_size": 16, "batch_size": 4, "total_kimg": 0.004, "feature_maps_max": 4},
        {**STYLE, "image_size": 64, "batch_size": 8, "feature_maps_max": 32, "loss": "relativistic"},
        8,
    ),
}


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("case", CASES)
def test_the_estimate_is_within_a_factor_of_two_of_the_measured_peak(case):
    generator, tiny, values, batch = CASES[case]
    kind = get_generator(generator).config
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, json.dumps((generator, tiny, values))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    measured = int(done.stdout)

    estimate = estimate_memory(generator, kind.from_dict({**kind().to_dict(), **values}), n_classes=2)

    assert estimate.stage.batch_size == batch
    assert measured > 50e6  # much more than the machine's noise
    assert measured / 2 < estimate.total < measured * 2, (measured, estimate)


def test_weights_gradients_and_optimiser_are_counted_exactly():
    config = AcganConfig(generator_channels=(8, 6, 4), discriminator_channels=(4, 6, 8, 10), batch_size=8)

    estimate = estimate_memory("acgan", config, n_classes=2, image_bytes=1000)

    assert estimate.optimiser == 2 * estimate.gradients
    statistics = 4 * 2 * (6 + 4 + 4 + 6 + 8 + 10) + 8 * 6  # float means and variances, 64-bit counters of 6 batch norms
    assert estimate.weights == estimate.gradients + statistics
    assert estimate.total == estimate.weights + 3 * estimate.gradients + estimate.activations + 1000


def test_networks_that_grow_are_measured_at_the_size_that_needs_most():
    estimate = estimate_memory("pggan", PRESETS["pggan-quick"].make(0), n_classes=2)

    side, images = estimate.stage.image_size, estimate.stage.batch_size
    assert side == 64
    assert estimate.activations > 2 * images * side**2 * 16 * 4  # more than 16 maps of that size, in both networks


def test_estimating_draws_nothing_from_the_run_s_random_state():
    before = torch.get_rng_state()

    estimate_memory("acgan", AcganConfig(), n_classes=2)

    assert torch.equal(torch.get_rng_state(), before)


def test_a_run_that_cannot_fit_is_foretold():
    huge = estimate_memory("acgan", AcganConfig(), n_classes=2, image_bytes=10**15)
    small = estimate_memory("acgan", AcganConfig(batch_size=2), n_classes=2)

    assert free_memory("cpu") > 10**7
    assert memory_warning(small, "cpu") is None
    assert "a smaller batch needs less" in memory_warning(huge, "cpu")


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:118] . DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
)
def test_running_out_names_the_setting_to_change(small_config, images, error):
    def full(images_seen, values):
        raise error

    with pytest.raises(TrainingMemoryError, match=r"step of 8 images of 56 x 56 pixels\. Lower batch_size \(by half"):
        train(generator="acgan", config=small_config, images=images, metrics=full)


def test_other_errors_are_left_alone(small_config, images):
    def broken(images_seen, values):
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        train(generator="acgan", config=small_config, images=images, metrics=broken)
