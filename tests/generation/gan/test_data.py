"""Training images are checked; their order is a function of the seed and resumable at any point."""

import numpy as np
import pytest
import torch

from generation.gan.data import ShuffledOrder, TrainingImages, to_grey_levels, to_unit_range


def test_every_image_is_drawn_once_per_shuffle():
    order = ShuffledOrder(10, seed=1)

    drawn = torch.cat([order.next(4) for _ in range(5)])

    assert sorted(drawn[:10].tolist()) == list(range(10))
    assert sorted(drawn[10:].tolist()) == list(range(10))
    assert drawn[:10].tolist() != drawn[10:].tolist()


def test_an_order_goes_on_from_its_position():
    whole = ShuffledOrder(7, seed=5)
    expected = torch.cat([whole.next(3) for _ in range(8)])
    first = ShuffledOrder(7, seed=5)
    head = torch.cat([first.next(3) for _ in range(5)])

    second = ShuffledOrder(7, seed=5, drawn=first.drawn)
    tail = torch.cat([second.next(3) for _ in range(3)])

    assert torch.equal(torch.cat([head, tail]), expected)


def test_a_batch_larger_than_the_set_runs_over_several_shuffles():
    drawn = ShuffledOrder(3, seed=0).next(8)

    assert sorted(drawn[:3].tolist()) == [0, 1, 2]
    assert sorted(drawn[3:6].tolist()) == [0, 1, 2]


def test_grey_levels_survive_the_way_there_and_back():
    pixels = torch.arange(256, dtype=torch.uint8).view(1, 16, 16)

    for channels in (1, 3):
        images = to_unit_range(pixels, channels=channels)
        assert images.shape == (1, channels, 16, 16)
        assert (float(images.min()), float(images.max())) == (-1.0, 1.0)
        assert np.array_equal(to_grey_levels(images), pixels.numpy())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"pixels": np.zeros((2, 4, 5), np.uint8)},
            r"pixels are uint8 \(2, 4, 5\); they must be uint8 \(N, side, side\)",
        ),
        ({"pixels": np.zeros((2, 4, 4))}, "pixels are float64"),
        ({"labels": np.array([0])}, r"labels are int64 \(1,\); they must be int64 \(2,\)"),
        ({"labels": np.array([0, 2])}, "labels go from 0 to 2 for 2 classes"),
        ({"labels": np.array([0, 0])}, "No training image of class b; leave the class out or add images"),
        ({"classes": ("a", "a")}, "classes are"),
    ],
)
def test_inconsistent_images_are_refused(changes, message):
    values = {"pixels": np.zeros((2, 4, 4), np.uint8), "labels": np.array([0, 1]), "classes": ("a", "b"), **changes}

    with pytest.raises(ValueError, match=message):
        TrainingImages(**values)


def test_the_digest_sees_pixels_labels_and_class_names():
    def digest(**changes) -> str:
        values = {"pixels": np.zeros((2, 4, 4), np.uint8), "labels": np.array([0, 1]), "classes": ("a", "b"), **changes}
        return TrainingImages(**values).sha256

    others = [
        digest(pixels=np.ones((2, 4, 4), np.uint8)),
        digest(labels=np.array([1, 0])),
        digest(classes=("b", "a")),
    ]

    assert digest() == digest()
    assert len({digest(), *others}) == 4
