"""Images in a mapped file: what studies see, resumed where it stopped, made again when the images change."""

import numpy as np
import pytest

from imaging.rendered_files import RenderingError, render_to_file
from imaging.rendering import render_square
from imaging.storage import store_pixels
from tests.imaging.archives import grey

SIZE = 12


@pytest.fixture
def pictures():
    return [grey(number, 20) for number in range(5)]


@pytest.fixture
def hashes(pictures):
    return [store_pixels(picture).sha256 for picture in pictures]


def test_it_holds_what_studies_would_show(tmp_path, pictures, hashes):
    found = render_to_file(tmp_path / "new" / "images.npy", hashes, size=SIZE)

    assert isinstance(found, np.memmap)
    np.testing.assert_array_equal(found, [render_square(picture, SIZE) for picture in pictures])


def test_what_is_there_is_not_rendered_again(tmp_path, hashes):
    rendered = []

    def step(done, total):
        rendered.append((done, total))
        if done == 3 and len(rendered) == 4:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        render_to_file(tmp_path / "images.npy", hashes, size=SIZE, step=step)
    rendered.clear()
    render_to_file(tmp_path / "images.npy", hashes, size=SIZE, step=step)

    assert rendered == [(3, 5), (4, 5), (5, 5)]


@pytest.mark.parametrize("change", ["order", "size"])
def test_other_images_or_another_size_are_rendered_anew(tmp_path, pictures, hashes, change):
    path = tmp_path / "images.npy"
    render_to_file(path, hashes, size=SIZE)

    if change == "order":
        found, expected = render_to_file(path, hashes[::-1], size=SIZE), pictures[::-1]
    else:
        found, expected = render_to_file(path, hashes, size=SIZE - 2), pictures

    np.testing.assert_array_equal(found, [render_square(picture, found.shape[1]) for picture in expected])


def test_an_image_that_is_gone_is_named(tmp_path, hashes):
    with pytest.raises(RenderingError, match="Image 0123456789ab cannot be read"):
        render_to_file(tmp_path / "images.npy", [*hashes, "0123456789ab" + "0" * 52], size=SIZE)
