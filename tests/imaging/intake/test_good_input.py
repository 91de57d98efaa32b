"""What can be imported, and what becomes of it: layouts, formats, metadata, duplicates."""

import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging import storage
from imaging.models import Dataset, Image
from imaging.pseudonyms import patient_pseudonym, source_pseudonym
from tests.factories import ImageFactory
from tests.imaging.archives import GOOD, encoded, grey, picture, table, write_folder, write_zip

pytestmark = pytest.mark.django_db


def placed() -> list[tuple[str, str]]:
    return sorted(Image.objects.values_list("split", "label"))


PLAIN = [("", "ill"), ("", "ill"), ("", "normal"), ("", "normal")]


@pytest.mark.parametrize("write", [write_zip, write_folder])
@pytest.mark.parametrize("prefix", ["", "wrapped/", "data/"])
def test_one_folder_per_class(prefix, write, tmp_path, do_import):
    source = write(tmp_path / "source", {f"{prefix}{name}": data for name, data in GOOD.items()})

    report = do_import(source)

    assert placed() == PLAIN
    assert report["counts"] == {"ill": 2, "normal": 2}
    assert report["imported"] == 4
    assert (report["problems"], report["duplicates"], report["ignored"], report["notes"]) == ([], 0, 0, [])


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
@pytest.mark.parametrize(
    ("folder", "split"),
    [("train", "train"), ("tune", "tune"), ("val", "tune"), ("Validation", "tune"), ("TEST", "test")],
)
def test_split_folders(folder, split, prefix, tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", {f"{prefix}{folder}/{name}": data for name, data in GOOD.items()})

    do_import(source)

    assert placed() == sorted((split, label) for _, label in PLAIN)


def test_one_class_alone_is_a_class_and_no_wrapper(tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", {"normal/1.png": picture(1), "normal/2.png": picture(2)})

    do_import(source)

    assert placed() == [("", "normal")] * 2


def test_windows_separators(tmp_path, do_import):
    source = write_zip(tmp_path / "a.zip", {name.replace("/", "\\"): data for name, data in GOOD.items()})

    do_import(source)

    assert placed() == PLAIN


@pytest.mark.parametrize("prefix", ["", "wrapped/"])
@pytest.mark.parametrize("folder", ["", "images/"])
def test_labels_from_the_table_alone(folder, prefix, tmp_path, do_import):
    files = {f"{prefix}{folder}{n}.png": picture(n) for n in (1, 2)}
    files[f"{prefix}metadata.csv"] = table("file,label,split", "1.png,ill,val", "2.png,normal,test")
    source = write_zip(tmp_path / "a.zip", files)

    do_import(source)

    assert placed() == [("test", "normal"), ("tune", "ill")]


def test_junk_is_ignored_and_counted(tmp_path, do_import):
    junk = [
        "__MACOSX/normal/._1.png",
        "normal/.DS_Store",
        "normal/Thumbs.db",
        "README.md",
        "readme.txt",
        "LICENSE",
        "LICENCE.txt",
        "normal/._2.png",
        ".git/config",
        "desktop.ini",
        "README",
    ]
    source = write_zip(tmp_path / "a.zip", {**GOOD, **dict.fromkeys(junk, b"x")})

    report = do_import(source)

    assert report["ignored"] == len(junk)
    assert report["imported"] == 4


def test_images_called_like_junk_are_images(tmp_path, do_import):
    source = write_zip(
        tmp_path / "a.zip", {**GOOD, "normal/license.png": picture(90), "normal/readme1.jpg": encoded(grey(91), "JPEG")}
    )

    assert do_import(source)["imported"] == 6


RGB = np.repeat(grey(7)[:, :, None], 3, axis=2)


@pytest.mark.parametrize(
    ("name", "data", "pixels"),
    [
        ("a.png", encoded(grey(7)), grey(7)),
        ("a.PNG", encoded(grey(7)), grey(7)),
        ("a.png", encoded(grey(7, bits=16)), grey(7, bits=16)),
        ("a.tif", encoded(grey(7, bits=16), "TIFF"), grey(7, bits=16)),
        ("a.tiff", encoded(grey(7), "TIFF"), grey(7)),
        ("a.bmp", encoded(grey(7), "BMP"), grey(7)),
        ("a.png", encoded(RGB), grey(7)),
        ("a.bmp", encoded(RGB, "BMP"), grey(7)),
        ("a.png", encoded(np.dstack([RGB, np.full((12, 12), 255, np.uint8)])), grey(7)),
    ],
    ids=["png8", "upper-case", "png16", "tiff16", "tiff8", "bmp", "rgb-png", "rgb-bmp", "opaque-rgba"],
)
def test_lossless_formats_keep_every_pixel(name, data, pixels, tmp_path, do_import):
    do_import(write_zip(tmp_path / "a.zip", {f"normal/{name}": data}))

    image = Image.objects.get()
    assert image.pixel_sha256 == storage.pixel_sha256(pixels)
    assert (image.width, image.height, image.bit_depth) == (12, 12, 8 * pixels.itemsize)
    assert np.array_equal(storage.load_pixels(image), pixels)


def test_grey_and_rgb_coded_jpeg_are_one_picture(tmp_path, do_import):
    smooth = np.add.outer(np.arange(32), np.arange(32)).astype(np.uint8) * 3
    same = {"normal/a.jpg": encoded(smooth, "JPEG"), "normal/b.jpeg": encoded(np.dstack([smooth] * 3), "JPEG")}

    report = do_import(write_zip(tmp_path / "a.zip", same))

    assert report["duplicate_files"] == [{"file": "normal/b.jpeg", "duplicate_of": "normal/a.jpg"}]


@pytest.mark.parametrize("bits", [8, 16])
def test_white_is_zero_tiff_is_inverted(bits, tmp_path, do_import):
    """Photometric interpretation 0: Pillow inverts 8 bits by itself, and leaves 16 as they are."""
    pixels = grey(7, bits=bits)
    data = bytearray(encoded(pixels, "TIFF"))
    tag = data.index(b"\x06\x01\x03\x00\x01\x00\x00\x00\x01\x00")  # 262, SHORT, one value: 1, black is zero
    data[tag + 8] = 0

    do_import(write_zip(tmp_path / "a.zip", {"normal/a.tif": bytes(data)}))

    assert np.array_equal(storage.load_pixels(Image.objects.get()), 2**bits - 1 - pixels)


def test_exif_orientation_is_applied(tmp_path, do_import):
    pixels = np.arange(64 * 32).reshape(32, 64).astype(np.uint8)
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # show it turned by 90 degrees clockwise
    data = encoded(pixels, "PNG", exif=exif)

    do_import(write_zip(tmp_path / "a.zip", {"normal/a.png": data}))

    assert np.array_equal(storage.load_pixels(Image.objects.get()), np.rot90(pixels, -1))


def test_metadata(tmp_path, do_import, data_dir):
    # Arrange: byte order mark and semicolons, as spreadsheets write them; by path and by base name
    files = {"normal/1.png": picture(1), "ill/2.png": picture(2), "ill/3.png": picture(3)}
    header = "File;Patient_ID;age_years;sex;view_position;manufacturer;pixel_spacing_mm;follow_up"
    rows = table(header, "normal/1.png;Jane Doe;34.5;female;pa;Siemens;0.143;2", "2.png;;93;M;;;;")
    source = write_zip(tmp_path / "a.zip", {**files, "metadata.csv": "\ufeff".encode() + rows})

    report = do_import(source)

    assert report["problems"] == []
    first, second, third = Image.objects.order_by("-label", "age_years")
    assert (first.age_years, first.sex, first.view_position, first.manufacturer) == (34.5, "F", "PA", "Siemens")
    assert (first.pixel_spacing_mm, first.follow_up) == (0.143, 2)
    assert first.patient_pseudonym == patient_pseudonym("Jane Doe")
    assert first.source_pseudonym == source_pseudonym("1.png")
    by_age = {image.age_years: image for image in (second, third)}
    assert by_age[90.0].sex == "M"  # 93 is stored as 90
    assert (by_age[None].sex, by_age[None].patient_pseudonym) == ("", "")


def test_no_name_of_a_patient_or_file_is_stored(tmp_path, do_import, data_dir):
    """Neither in any column of the two tables, nor in any file that stays."""
    files = {"normal/DOE_JANE.png": picture(1), "metadata.csv": table("file,patient_id", "DOE_JANE.png,JANE-4711")}

    do_import(write_zip(tmp_path / "a.zip", files))

    stored = str([list(model.objects.values()) for model in (Dataset, Image)])
    stored += "".join(f"{path} {path.read_bytes()!r}" for path in data_dir.rglob("*") if path.is_file())
    assert "DOE" not in stored
    assert "4711" not in stored
    assert patient_pseudonym("JANE-4711") in stored  # and yet it was read


def test_duplicates_are_kept_once_and_listed(tmp_path, do_import):
    source = write_zip(
        tmp_path / "a.zip", {**GOOD, "normal/10.png": GOOD["normal/2.png"], "normal/3.bmp": encoded(grey(2), "BMP")}
    )

    report = do_import(source)

    assert report["imported"] == 4
    assert report["duplicates"] == 2
    assert report["duplicate_files"] == [
        {"file": "normal/3.bmp", "duplicate_of": "normal/2.png"},
        {"file": "normal/10.png", "duplicate_of": "normal/2.png"},
    ]


def test_duplicates_and_patients_across_splits_are_noted(tmp_path, do_import):
    files = {
        "train/normal/1.png": picture(1),
        "test/normal/1.png": picture(1),
        "test/ill/2.png": picture(2),
        "train/ill/3.png": picture(3),
    }
    rows = table("file,patient_id", "test/ill/2.png,P1", "train/ill/3.png,P1")

    report = do_import(write_zip(tmp_path / "a.zip", {**files, "metadata.csv": rows}))

    assert report["notes"] == [
        "1 duplicate stood in another split than the picture that was kept: the source mixes its splits.",
        "1 patient has images in more than one split: what is measured on the test images will look better than it is.",
    ]


def test_pictures_of_other_datasets_are_reported(tmp_path, do_import):
    ImageFactory(dataset__name="Older", pixels=grey(1))

    report = do_import(write_zip(tmp_path / "a.zip", GOOD))

    assert report["elsewhere"] == 1
    assert report["elsewhere_files"] == [{"file": "normal/1.png", "dataset": "Older"}]
    assert report["imported"] == 4


def test_what_the_user_says_about_the_dataset(tmp_path, do_import, investigator):
    report = do_import(
        write_zip(tmp_path / "a.zip", GOOD),
        name=" Chests ",
        licence="CC BY 4.0",
        citation="Doe 2020",
        description="Ours",
        is_phantom=True,
        created_by_id=investigator.pk,
    )

    dataset = Dataset.objects.get(pk=report["dataset_id"])
    assert (dataset.name, dataset.origin, dataset.licence) == ("Chests", "real", "CC BY 4.0")
    assert (dataset.citation, dataset.description, dataset.is_phantom) == ("Doe 2020", "Ours", True)
    assert (dataset.created_by, dataset.frozen_at) == (investigator, None)
