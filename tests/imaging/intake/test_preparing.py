"""Choices at import: pixels against an independent computation, and what is recorded of them."""

import io

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from PIL import Image as PillowImage
from pydicom import dcmread
from pydicom.pixels import apply_voi_lut

from imaging.including import include_images
from imaging.inclusion import InclusionRules
from imaging.intake.preparing import CROP, PAD, Choices, resize_square
from imaging.models import Dataset, Image
from imaging.rendering import to_8_bit
from imaging.storage import load_pixels
from tests.imaging.archives import GOOD, encoded, grey, table, write_folder, write_zip
from tests.imaging.dicom.builders import make_file, ramp


def means(pixels: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Weighted means as the docstring of `resize_square` has them: one matrix for each direction, in 64-bit numbers."""

    def weights(old: int, new: int) -> np.ndarray:
        spans = old / new
        away = (np.arange(old) + 0.5 - (np.arange(new)[:, None] + 0.5) * spans) / spans
        kernel = np.where(np.abs(away) < 1, np.sinc(away) * (0.54 + 0.46 * np.cos(np.pi * away)), 0)
        return kernel / kernel.sum(axis=1, keepdims=True)

    return weights(pixels.shape[0], rows) @ pixels.astype(np.float64) @ weights(pixels.shape[1], columns).T


def assert_rounded(found: np.ndarray, exact: np.ndarray) -> None:
    """Each pixel is the nearest whole number; half-way between two (to what 32 bits tell), one of them."""
    difference = np.abs(found - exact)
    assert difference.max() <= 0.51
    near_half = np.abs(exact % 1 - 0.5) < 0.01
    assert near_half.mean() < 0.05
    np.testing.assert_array_equal(found[~near_half], np.rint(exact)[~near_half])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("side", [64, 96, 100, 77])  # a half, a third, and shares of pixels
def test_to_fewer_pixels_by_weighted_means(side, bits):
    pixels = grey(1, side, bits=bits)

    found, spans = resize_square(pixels, size=32, fit=CROP)

    assert (found.shape, found.dtype, spans) == ((32, 32), pixels.dtype, side / 32)
    assert_rounded(found, means(pixels, 32, 32))


def test_no_seam_beside_an_edge():
    """A step stays between its two values wherever it is; by Lanczos it overshoots by several grey levels."""
    overshoot = 0
    for edge in range(40, 50):
        pixels = np.full((100, 100), 60, dtype=np.uint8)
        pixels[:, edge:] = 200
        found, _ = resize_square(pixels, size=32, fit=CROP)
        assert (found.min(), found.max()) == (60, 200)
        assert (np.diff(found.astype(int), axis=1) >= 0).all()
        lanczos = PillowImage.fromarray(pixels).resize((32, 32), PillowImage.Resampling.LANCZOS)
        overshoot = max(overshoot, int(np.asarray(lanczos).max()) - 200)
    assert overshoot > 5


def test_the_central_square_is_cropped():
    pixels = grey(2, 101)[:64]  # 64 high, 101 wide: 18 are lost at the left, 19 at the right
    found, spans = resize_square(pixels, size=32, fit=CROP)
    expected, _ = resize_square(pixels[:, 18:82], size=32, fit=CROP)
    assert (found == expected).all()
    assert spans == 2


@pytest.mark.parametrize("turned", [False, True])
def test_the_whole_is_padded_with_its_darkest_value(turned):
    pixels = np.maximum(grey(3, 96)[:50], 17)  # 96 wide, 50 high: a third is 32 x 16.67, rounded to 17
    found, spans = resize_square(pixels.T if turned else pixels, size=32, fit=PAD)
    found = found.T if turned else found

    assert spans == 3
    assert set(found[:7].ravel()) | set(found[24:].ravel()) == {17}
    assert_rounded(found[7:24], means(pixels, 17, 32))


def test_to_more_pixels_by_interpolation():
    found, spans = resize_square(np.array([[0, 100], [0, 100]], dtype=np.uint8), size=32, fit=CROP)
    assert spans == 1 / 16
    # bilinear: flat to the middle of the outer pixels, a straight line between them
    line = [min(max((place + 0.5) / 16 - 0.5, 0), 1) * 100 for place in range(32)]
    np.testing.assert_allclose(found[0], line, atol=0.5)
    assert (found == found[0]).all()


def test_a_square_of_that_size_is_not_touched():
    for fit in (CROP, PAD):
        found, spans = resize_square(grey(4, 32), size=32, fit=fit)
        assert (found == grey(4, 32)).all()
        assert spans == 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"window": -1}, "window is -1"),
        ({"bits": 12}, "bits is 12; it must be 8, 16"),
        ({"size": 31}, "size is 31; it must be 32 to 4096 px"),
        ({"size": 4097}, "size is 4097"),
        ({"fit": "stretch"}, "fit is 'stretch'; it must be crop or pad"),
    ],
)
def test_choices_that_make_no_sense(wrong, words):
    with pytest.raises(ValueError, match=words):
        Choices(**wrong)


# --- through the whole import ---

TWO_WINDOWS = {"WindowCenter": [1000, 3000], "WindowWidth": [900, 800]}


def stored() -> np.ndarray:
    return load_pixels(Image.objects.get())


@pytest.fixture
def one_file(tmp_path, db):
    return write_zip(tmp_path / "a.zip", {"normal/a.dcm": make_file(**TWO_WINDOWS)})


@pytest.mark.parametrize(("window", "index"), [(1, 0), (2, 1)])
def test_the_window_that_was_chosen(window, index, one_file, do_import):
    do_import(one_file, window=window)
    header = dcmread(io.BytesIO(make_file(**TWO_WINDOWS)))
    expected = np.rint(apply_voi_lut(header.pixel_array, header, index=index) / 4095 * 255)
    np.testing.assert_array_equal(stored(), expected)


def test_the_full_range_instead_of_a_window(one_file, do_import):
    do_import(one_file, window=0)
    values = ramp().astype(np.float64)
    np.testing.assert_array_equal(stored(), np.rint(values / 4095 * 255))


def test_files_with_fewer_windows_are_counted(tmp_path, do_import, db):
    files = {"normal/a.dcm": make_file(**TWO_WINDOWS), "normal/b.dcm": make_file(), "normal/c.png": encoded(grey(1))}
    source = write_zip(tmp_path / "a.zip", files)
    assert do_import(source)["notes"] == []
    assert do_import(source, name="Second", window=2)["notes"] == [
        "1 DICOM file has no window 2: the last one there is was taken, or the range of the values where there is none."
    ]


@pytest.mark.parametrize(
    ("bits", "depths"),
    [(0, {"deep": 8, "flat": 8, "png": 16, "small": 8}), (8, dict.fromkeys(["deep", "flat", "png", "small"], 8)),
     (16, {"deep": 16, "flat": 8, "png": 16, "small": 8})],
)  # fmt: skip
def test_bits(bits, depths, tmp_path, do_import, db):
    small = np.arange(480, dtype=np.uint16).reshape(24, 20) % 251
    files = {
        "deep/a.dcm": make_file(),
        "flat/a.dcm": make_file(small.astype(np.uint8)),
        "png/a.png": encoded(grey(1, 20, bits=16)),
        "small/a.png": encoded(grey(2, 20)),
    }
    do_import(write_zip(tmp_path / "a.zip", files), bits=bits)

    assert dict(Image.objects.values_list("label", "bit_depth")) == depths
    picture = load_pixels(Image.objects.get(label="png"))
    assert (picture == (to_8_bit(grey(1, 20, bits=16)) if bits == 8 else grey(1, 20, bits=16))).all()
    if bits == 16:
        deep = load_pixels(Image.objects.get(label="deep")).astype(np.float64)
        np.testing.assert_array_equal(deep, np.rint(ramp() / 4095 * 65535))


def test_size_adjusts_the_spacing_of_header_and_table(tmp_path, do_import, db):
    wide = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96) % 4096
    rows = table("file,pixel_spacing_mm", "b.png,0.1", "c.png,")
    files = {
        "normal/a.dcm": make_file(wide),  # spacing 0.2 mm
        "normal/b.png": encoded(grey(1, 160)),
        "normal/c.png": encoded(grey(2, 64)),
        "metadata.csv": rows,
    }

    do_import(write_zip(tmp_path / "a.zip", files), size=32)
    do_import(write_zip(tmp_path / "a.zip", files), name="Padded", size=32, fit="pad")

    for name, expected in (("Chests", [0.4, 0.5, None]), ("Padded", [0.6, 0.5, None])):
        images = Dataset.objects.get(name=name).images.all()
        assert {(image.width, image.height) for image in images} == {(32, 32)}
        found = sorted((image.pixel_spacing_mm for image in images), key=lambda value: (value is None, value))
        assert found == pytest.approx(sorted(expected, key=lambda value: (value is None, value)))


def test_pictures_stay_as_they_are_without_a_choice(tmp_path, do_import, db):
    do_import(write_zip(tmp_path / "a.zip", {"normal/a.png": encoded(grey(1, 20, bits=16)[:13])}))
    assert (stored() == grey(1, 20, bits=16)[:13]).all()


def test_choices_are_kept_and_shown(one_file, do_import, investigator_client, investigator):
    do_import(one_file, window=2, bits=16, size=64, fit="pad")

    dataset = Dataset.objects.get()
    assert dataset.import_record == {"window": 2, "bits": 16, "size": 64, "fit": "pad"}
    words = "second window of DICOM; 16 bits where the file has more than 8; 64 × 64 px, padded to a square"
    assert words in investigator_client.get(dataset.get_absolute_url()).content.decode()
    made = include_images(dataset=dataset, rules=InclusionRules(youngest=1), name="Included", created_by=investigator)
    assert made.import_record == dataset.import_record


def test_the_command(tmp_path, data_dir, db):
    source = write_folder(tmp_path / "source", {"normal/a.dcm": make_file(**TWO_WINDOWS)})
    call_command("import_images", str(source), "--name", "A", "--window", "full", "--bits", "16", "--target-size", "64")
    assert Dataset.objects.get().import_record == {"window": 0, "bits": 16, "size": 64, "fit": "crop"}
    for wrong, words in ((["--window", "0"], "must be 1, 2, ... or full"), (["--target-size", "5000"], "size is 5000")):
        with pytest.raises(CommandError, match=words):
            call_command("import_images", str(source), "--name", "B", *wrong)


def test_the_form(investigator_client, tmp_path, data_dir):
    from django.urls import reverse

    from worker.models import Job

    def post(**fields):
        with write_zip(tmp_path / "a.zip", GOOD).open("rb") as archive:
            return investigator_client.post(reverse("imaging:import_new"), {"archive": archive, **fields})

    assert post(dataset_name="A").status_code == 302
    assert post(dataset_name="B", window="0", bits="16", size="512", fit="pad").status_code == 302
    assert post(dataset_name="C", size="333").status_code == 400
    chosen = [
        {name: job.parameters[name] for name in ("window", "bits", "size", "fit")} for job in Job.objects.order_by("pk")
    ]
    assert sorted(chosen, key=lambda one: one["size"]) == [
        {"window": 1, "bits": 0, "size": 0, "fit": "crop"},
        {"window": 0, "bits": 16, "size": 512, "fit": "pad"},
    ]
    page = investigator_client.get(reverse("imaging:import_new")).content.decode()
    assert "<summary>More options</summary>" in page
    assert page.index("More options") > page.index("Skip the bad files")


def test_a_second_try_keeps_the_choices(tmp_path, data_dir, investigator, db):
    from imaging.services import retry_import, start_import
    from worker.models import Job

    job = start_import(source=write_zip(tmp_path / "a.zip", GOOD), dataset_name="A", created_by=investigator,
                       window=2, bits=8, size=128, fit="pad")  # fmt: skip
    Job.objects.filter(pk=job.pk).update(state=Job.State.FAILED)
    job.refresh_from_db()
    again = retry_import(job=job, skip_bad=True, created_by=investigator)
    assert [again.parameters[name] for name in ("window", "bits", "size", "fit")] == [2, 8, 128, "pad"]
