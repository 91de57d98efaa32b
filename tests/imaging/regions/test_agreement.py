"""Agreement of two annotators: kappa against reference values and identities, counts by hand."""

import uuid
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from imaging.regions.agreement import cohens_kappa, compare_annotators
from imaging.regions.geometry import Rectangle
from imaging.regions.selectors import Seen

# Fleiss, Cohen and Everitt 1969, table 1: two diagnoses of 200 patients
DIAGNOSES = [[106, 10, 4], [22, 28, 10], [2, 12, 6]]
Z = 1.959963984540054


@pytest.mark.parametrize(
    ("table", "kappa", "se"),
    [
        (DIAGNOSES, 0.4285714285714285, 0.05371100486916735),
        ([[20, 5], [10, 15]], 0.3999999999999999, 0.12699606293110033),
    ],
)
def test_kappa_and_its_interval_are_those_of_statsmodels(table, kappa, se):
    """statsmodels 0.15.0: stats.inter_rater.cohens_kappa(table); `kappa` and `std_kappa`."""
    found = cohens_kappa(np.array(table))

    assert (found.estimate, found.low, found.high) == pytest.approx((kappa, kappa - Z * se, kappa + Z * se), abs=1e-12)
    assert found.agreeing == np.trace(table)


@given(table=st.lists(st.lists(st.integers(0, 9), min_size=3, max_size=3), min_size=3, max_size=3))
def test_kappa_is_that_of_scikit_learn_where_it_is_defined(table):
    pairs = [(i, j) for i, row in enumerate(table) for j, n in enumerate(row) for _ in range(n)]
    found = cohens_kappa(np.array(table))

    if len({label for pair in pairs for label in pair}) < 2:
        assert found.estimate is None
        assert found.why
    else:
        first, second = zip(*pairs, strict=True)
        assert found.estimate == pytest.approx(cohen_kappa_score(first, second, labels=range(3)), abs=1e-12)


def test_full_agreement_has_no_interval():
    found = cohens_kappa(np.array([[5, 0], [0, 3]]))

    assert (found.estimate, found.low, found.high) == (1.0, None, None)
    assert found.why == "no interval: full agreement"


@pytest.mark.parametrize("table", [[[5, 1], [0, 0]], [[17, 0], [3, 0]], [[1, 0], [8, 0]]])
def test_one_label_only_has_no_interval(table):
    """The standard error is 0 exactly, and a trifle by rounding."""
    found = cohens_kappa(np.array(table))

    assert found.estimate == pytest.approx(0, abs=1e-12)
    assert (found.low, found.why) == (None, "no interval: one of them used one label only")


# --- two annotators -------------------------------------------------------------------------------------------------

IMAGES = [uuid.UUID(int=number) for number in range(6)]


def seen(box: tuple[int, int, int, int] | None, label: str = "normal") -> Seen:
    return Seen(
        rectangle=None if box is None else Rectangle(*box),
        label="" if box is None else label,
        reason="covered" if box is None else "",
        was_offered=False,
        taken_from="",
        region_id=uuid.uuid4(),
        saved_at=datetime(2026, 1, 1, tzinfo=UTC),
    )


FULL, HALF = (0, 0, 10, 10), (0, 0, 10, 5)  # IoU 0.5
APART = (50, 50, 10, 10)
FIRST = {
    IMAGES[0]: {"sinus": seen(FULL)},
    IMAGES[1]: {"sinus": seen(FULL)},
    IMAGES[2]: {"sinus": seen(FULL, "sinusitis")},
    IMAGES[3]: {"sinus": seen(FULL)},
    IMAGES[4]: {"sinus": seen(None)},
}
SECOND = {
    IMAGES[0]: {"sinus": seen(FULL)},
    IMAGES[1]: {"sinus": seen(HALF, "sinusitis")},
    IMAGES[2]: {"sinus": seen(APART, "sinusitis")},
    IMAGES[3]: {"sinus": seen(None)},
    IMAGES[4]: {"sinus": seen(None)},
    IMAGES[5]: {"sinus": seen(FULL)},  # the first annotator has not been there
}


def compare(**options):
    values = {"images": IMAGES, "names": ["sinus"], "labels": ["normal", "sinusitis"], "limit": 0.5, **options}
    return compare_annotators(FIRST, SECOND, **values)


def test_counts_overlaps_and_labels_by_hand():
    (found,) = compare().per_region

    assert (found.images, found.both, found.first_only, found.second_only, found.neither) == (5, 3, 1, 0, 1)
    assert (found.mean, found.median) == (0.5, 0.5)  # of 1, 0.5 and 0
    assert found.shares == ((0.5, 2 / 3), (0.7, 1 / 3), (0.9, 1 / 3))
    assert found.histogram == (1, 0, 0, 0, 0, 1, 0, 0, 0, 1)
    assert found.table == ((1, 1), (0, 1))
    assert (found.kappa.n, found.kappa.agreeing) == (3, 2)


def test_what_they_disagree_on_is_listed_with_why():
    listed = {(one.image, one.reasons) for one in compare(limit=0.6).disagreements}

    assert listed == {(IMAGES[1], ("label", "place")), (IMAGES[2], ("place",)), (IMAGES[3], ("visible",))}
    assert {one.image for one in compare(limit=0.5).disagreements} == {IMAGES[1], IMAGES[2], IMAGES[3]}
    assert compare(limit=0.5).disagreements[0].reasons == ("label",)  # 0.5 is enough


def test_hidden_images_do_not_count():
    assert compare(hidden={IMAGES[1], IMAGES[2]}).images == 3
    assert [one.image for one in compare(hidden={IMAGES[1], IMAGES[2]}).disagreements] == [IMAGES[3]]


def test_nothing_in_common_is_said_so():
    found = compare_annotators(FIRST, {}, images=IMAGES, names=["sinus"], labels=["normal"], limit=0.5).pooled

    assert (found.images, found.mean, found.kappa.estimate) == (0, None, None)
    assert found.kappa.why == "no region was drawn by both"


def test_a_limit_outside_0_to_1_is_refused():
    with pytest.raises(ValueError, match=r"limit is 1.5"):
        compare(limit=1.5)
