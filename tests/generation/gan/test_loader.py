"""The thread that gathers batches brings the very batches that are there without it; a fault in it is not swallowed."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from generation.gan.data import TrainingImages
from generation.gan.loader import BatchLoader
from generation.gan.recipe import Stage
from generation.gan.training import train
from tests.generation.gan.conftest import make_images
from tests.generation.gan.test_image_files import pictures, write


def stage(images_seen: int) -> Stage:
    return Stage(image_size=4, batch_size=6) if images_seen < 30 else Stage(image_size=16, batch_size=4)


def batches(images: TrainingImages, *, position: int = 0, total: int = 70) -> list:
    with BatchLoader(
        images, channels=1, seed=3, position=position, total=total, stage=stage, device=torch.device("cpu")
    ) as loader:
        found, seen = [], position
        while seen < total:
            found.append(loader.next())
            seen += found[-1][0].batch_size
        assert loader.waited >= 0
    return found


@pytest.fixture
def memory() -> TrainingImages:
    return TrainingImages(pixels=pictures(), labels=np.arange(9) % 3, classes=("a", "b", "c"))


def test_mapped_and_resident_images_come_in_the_same_batches(tmp_path, memory):
    ours, theirs = batches(write(tmp_path, pictures())), batches(memory)

    assert [batch[0] for batch in ours] == [stage(0)] * 5 + [stage(30)] * 10
    for (_, real, classes), (_, other, labels) in zip(ours, theirs, strict=True):
        assert torch.equal(real, other)
        assert torch.equal(classes, labels)


def test_it_goes_on_from_a_position(tmp_path, memory):
    whole, rest = batches(memory), batches(write(tmp_path, pictures()), position=30)

    assert all(torch.equal(ours[1], theirs[1]) for ours, theirs in zip(rest, whole[5:], strict=True))


def test_leaving_early_ends_the_thread(tmp_path):
    before = threading.active_count()
    with BatchLoader(
        write(tmp_path, pictures()),
        channels=1,
        seed=0,
        position=0,
        total=10**9,
        stage=stage,
        device=torch.device("cpu"),
    ) as loader:
        loader.next()
        assert threading.active_count() == before + 1

    assert threading.active_count() == before


def test_a_fault_in_the_thread_is_raised_where_the_batch_is_asked_for(tmp_path):
    images = write(tmp_path, pictures(side=12))

    with pytest.raises(ValueError, match="have 12 pixels a side; this run needs 4"):
        batches(images)


def test_training_on_mapped_images_gives_the_same_bits(small_config, tmp_path):
    images, saved = make_images(), []
    np.save(tmp_path / "pixels.npy", images.pixels)
    mapped = replace(images, pixels=np.load(tmp_path / "pixels.npy", mmap_mode="r"))

    for one in (images, mapped):
        train(generator="acgan", config=replace(small_config, iterations=4), images=one, save=saved.append)

    assert all(
        torch.equal(value, saved[1].networks[name][key])
        for name, values in saved[0].networks.items()
        for key, value in values.items()
    )
