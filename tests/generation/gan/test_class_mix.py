"""Which classes a mix takes, with and without a normal one, and which names are those of normal images."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.gan.class_mix import ABNORMAL_AND_20000_NORMAL, NORMAL_ALONE, ClassMix, find_normal

CLASSES = ["effusion", "No Finding", "nodule"]


def test_the_mixes_of_jang():
    assert NORMAL_ALONE.choose(CLASSES, normal="No Finding") == (["No Finding"], {})
    assert ABNORMAL_AND_20000_NORMAL.choose(CLASSES, normal="No Finding") == (
        ["No Finding", "effusion", "nodule"],
        {"No Finding": 20_000},
    )
    assert ABNORMAL_AND_20000_NORMAL.choose(["a", "b"], normal=None) == (["a", "b"], {})  # none is normal


@pytest.mark.parametrize(
    ("mix", "labels", "normal", "message"),
    [
        (NORMAL_ALONE, ["a", "b"], None, "Without a normal class there are no normal images alone"),
        (NORMAL_ALONE, ["a", "b"], "c", "There is no class 'c'; there are a, b"),
        (ABNORMAL_AND_20000_NORMAL, ["normal"], "normal", "All images are of the class normal; all abnormal"),
    ],
)
def test_a_mix_that_has_no_images_is_refused(mix, labels, normal, message):
    with pytest.raises(ValueError, match=message):
        mix.choose(labels, normal=normal)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"has_abnormal": False, "has_normal": False}, "needs images of some class"),
        ({"has_abnormal": True, "has_normal": False, "most_normal": 5}, "most_normal is 5"),
        ({"has_abnormal": True, "has_normal": True, "most_normal": 0}, "most_normal is 0"),
    ],
)
def test_a_mix_that_makes_no_sense(values, message):
    with pytest.raises(ValueError, match=message):
        ClassMix(words="x", **values)


@given(st.integers(2, 9), st.integers(0, 8), st.booleans(), st.integers(1, 9))
def test_the_normal_class_alone_is_limited(count, which, has_normal, most):
    labels = {f"class {number}" for number in range(count)}
    normal = f"class {which % count}"
    mix = ClassMix(words="x", has_abnormal=True, has_normal=has_normal, most_normal=most if has_normal else None)

    chosen, limits = mix.choose(labels, normal=normal)

    assert set(chosen) == (labels if has_normal else labels - {normal})
    assert limits == ({normal: most} if has_normal else {})


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (["normal", "pneumonia"], "normal"),
        (["NORMAL", "PNEUMONIA"], "NORMAL"),
        (["No_Finding", "effusion"], "No_Finding"),
        (["abnormal", "nodule"], None),
        (["normal", "healthy"], None),  # two: somebody must say
        ([], None),
    ],
)
def test_a_normal_class_is_known_by_its_name(labels, found):
    assert find_normal(labels) == found
