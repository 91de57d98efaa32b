"""Training images are checked; their order is a function of the seed and resumable at any point."""

import hashlib

import numpy as np
import pytest
import torch

from generation.gan.data import ShuffledOrder, TrainingImages, choose_images, to_grey_levels, to_unit_range


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
            r"pixels are uint8 \(2, 4, 5\); they must be uint8 \(N, side, side\) or",
        ),
        ({"pixels": np.zeros((2, 4, 4))}, "pixels are float64"),
        ({"pixels": np.zeros((2, 4, 4, 4), np.uint8)}, r"pixels are uint8 \(2, 4, 4, 4\)"),
        ({"rows": np.array([0, 2])}, "rows must be int64 numbers from 0 to 1"),
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


def test_the_digest_is_that_of_the_first_release():
    """Existing runs go on: SHA-256 over text of shape and classes, labels as 64-bit integers, all pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, size=(6, 8, 8), dtype=np.uint8)
    labels, classes = np.arange(6) % 2, ("a", "b")
    content = repr((pixels.shape, classes)).encode() + labels.astype("<i8").tobytes() + pixels.tobytes()

    assert TrainingImages(pixels=pixels, labels=labels, classes=classes).sha256 == hashlib.sha256(content).hexdigest()


def test_colour_keeps_its_channels_and_refuses_a_grey_network():
    pixels = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)

    images = to_unit_range(pixels, channels=3)

    assert images.shape == (2, 3, 4, 4)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(images[1, 2], pixels[1, :, :, 2].float() / 127.5 - 1)
    with pytest.raises(ValueError, match="in colour; set channels to 3"):
        to_unit_range(pixels, channels=1)


class TestChoosing:
    @pytest.fixture
    def mixed(self) -> TrainingImages:
        """30 normal, 12 abnormal, 3 other; each image holds its own number."""
        labels = np.array([0] * 30 + [1] * 12 + [2] * 3)
        pixels = np.repeat(np.arange(45, dtype=np.uint8), 16).reshape(45, 4, 4)
        return TrainingImages(pixels=pixels, labels=labels, classes=("normal", "abnormal", "other"))

    def test_all_of_one_class_and_some_of_another(self, mixed):
        chosen = choose_images(mixed, limits={"abnormal": None, "normal": 20}, seed=3)

        assert chosen.classes == ("normal", "abnormal")
        assert np.bincount(chosen.labels).tolist() == [20, 12]
        numbers = chosen.pixels[:, 0, 0].tolist()
        assert numbers == sorted(set(numbers))
        assert set(range(30, 42)) <= set(numbers) <= set(range(42))

    def test_the_draw_is_the_seed_s_and_has_no_favourites(self, mixed):
        def numbers(seed: int) -> list[int]:
            return choose_images(mixed, limits={"normal": 10}, seed=seed).pixels[:, 0, 0].tolist()

        counts = np.bincount(np.concatenate([numbers(seed) for seed in range(300)]), minlength=30)

        assert numbers(5) == numbers(5) != numbers(6)
        # each image is in 100 of 300 draws on average; standard deviation 8.2, so 5 deviations
        assert 59 < counts.min() <= counts.max() < 141

    @pytest.mark.parametrize(
        ("limits", "message"),
        [
            ({"sick": None}, "No class sick; the images have normal, abnormal, other"),
            ({"other": 4}, "4 images of class other are asked for; choose 1 to 3"),
            ({"other": 0}, "0 images of class other are asked for; choose 1 to 3"),
        ],
    )
    def test_what_is_not_there_is_refused(self, mixed, limits, message):
        with pytest.raises(ValueError, match=message):
            choose_images(mixed, limits=limits, seed=0)
