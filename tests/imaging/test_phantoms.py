"""The phantom: reproducible, varied, with a lesion where one was asked for, and importable by the normal way."""

import csv

import numpy as np
import pytest
from PIL import Image as PillowImage

from imaging.phantoms import chest_phantom, describe_phantom, write_phantom_dataset
from imaging.rendering import render_square


def test_the_same_seed_gives_the_same_picture():
    first, again, other = (chest_phantom(seed=seed, lesion=True) for seed in (5, 5, 6))

    assert first.dtype == np.uint8
    assert first.shape == (256, 256)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("seed", range(12))
def test_it_is_laid_out_like_a_chest(seed):
    """Dark lungs beside a bright mediastinum, above a bright abdomen; black air beside the neck."""
    pixels = chest_phantom(seed=seed, lesion=False).astype(float)

    lungs = np.median(pixels[90:130, 60:85]), np.median(pixels[90:130, 171:196])
    middle, abdomen, air = (
        np.median(pixels[110:170, 122:136]),
        np.median(pixels[225:250, 60:190]),
        np.median(pixels[:10, :10]),
    )

    assert max(lungs) + 40 < min(middle, abdomen)
    assert air < 15 < min(lungs)


def test_the_heart_lies_to_the_right_of_the_picture():
    pictures = np.mean([chest_phantom(seed=seed, lesion=False) for seed in range(12)], axis=0)

    assert pictures[135:155, 160:175].mean() > pictures[135:155, 82:97].mean() + 15


@pytest.mark.parametrize("seed", range(30))
def test_a_lesion_is_an_opacity_in_one_place_and_nothing_else(seed):
    normal, ill = (chest_phantom(seed=seed, lesion=lesion).astype(int) for lesion in (False, True))
    difference = ill - normal

    changed = np.abs(difference) > 6
    rows, columns = np.nonzero(changed)
    assert difference.max() >= 20  # visible
    assert difference.min() > -10  # only ever denser, but for the scatter
    assert 40 < changed.sum() < 0.12 * difference.size
    assert max(np.ptp(rows), np.ptp(columns)) < 140
    # and it survives the size that the demonstration trains at
    small = render_square(ill.astype(np.uint8), 56).astype(int) - render_square(normal.astype(np.uint8), 56)
    assert small.max() >= 12


def test_people_differ_in_habitus_and_exposure():
    pictures = np.stack([render_square(chest_phantom(seed=seed, lesion=False), 32) for seed in range(40)]).astype(float)

    assert pictures.mean(axis=(1, 2)).std() > 4  # exposure
    assert pictures.std(axis=0).mean() > 12  # anatomy and pose


def test_the_person_does_not_depend_on_the_size():
    small = render_square(chest_phantom(seed=3, size=512, lesion=False), 64).astype(float)
    large = render_square(chest_phantom(seed=3, size=256, lesion=False), 64).astype(float)

    assert np.corrcoef(small.ravel(), large.ravel())[0, 1] > 0.995


@pytest.mark.parametrize(
    ("seed", "size", "words"), [(0, 31, "size must be at least 32 px, not 31"), (-1, 64, "seed .* not -1")]
)
def test_bad_arguments(seed, size, words):
    with pytest.raises(ValueError, match=words):
        chest_phantom(seed=seed, size=size, lesion=False)


def test_write_phantom_dataset(tmp_path):
    write_phantom_dataset(tmp_path / "a", per_class=3, size=48, seed=1)
    write_phantom_dataset(tmp_path / "b", per_class=3, size=48, seed=1)

    names = sorted(path.relative_to(tmp_path / "a").as_posix() for path in (tmp_path / "a").rglob("*.*"))
    with (tmp_path / "a/metadata.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(names) == 7
    assert sorted(row["file"] for row in rows) == [name for name in names if name != "metadata.csv"]
    assert all(row["file"].split("/")[0] == row["label"] for row in rows)
    assert [row["label"] for row in rows].count("lesion") == 3
    assert len({row["patient_id"] for row in rows}) == 6
    assert {row["view_position"] for row in rows} == {"PA"}
    assert all(20 <= int(row["age_years"]) <= 85 for row in rows)
    assert all((tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes() for name in names)
    assert PillowImage.open(tmp_path / "a" / rows[0]["file"]).size == (48, 48)


def test_sex_in_the_table_is_the_one_that_is_drawn():
    """Women have breast shadows: on average the lower lateral lungs are denser."""
    sexes = {seed: describe_phantom(seed)["sex"] for seed in range(60)}
    density = {
        sex: np.mean(
            [chest_phantom(seed=s, size=64, lesion=False)[36:40, 12:22].mean() for s in sexes if sexes[s] == sex]
        )
        for sex in ("F", "M")
    }

    assert density["F"] > density["M"] + 5


def test_a_folder_in_use_is_not_written_to(tmp_path):
    (tmp_path / "mine.txt").write_text("x")

    with pytest.raises(FileExistsError, match="is not empty: choose a new folder"):
        write_phantom_dataset(tmp_path, per_class=1, size=48, seed=1)
