"""Numbers of the machine reader and of areas, against hand-counted ones."""

import math

import pytest

from classification.scoring.measuring import (
    PAIR_COLUMNS,
    ScoredImage,
    caught_by_all,
    class_area,
    machine_row,
    readers_rho,
    score_groups,
    study_areas,
    without_learnt,
)


def image(score, origin, *, label="normal", position=0, said=(0, 0), **fields) -> ScoredImage:
    """`said`: readers who called it synthetic, of those who answered."""
    return ScoredImage(
        score=score,
        origin=origin,
        label=label,
        patient=f"of {position} {origin} {score}",
        was_learnt=fields.pop("was_learnt", False),
        position=position,
        n_synthetic=said[0],
        n_answers=said[1],
        **fields,
    )


SIX = [
    image(0.9, "synthetic"),
    image(0.5, "synthetic"),  # exactly the threshold: called synthetic
    image(0.2, "synthetic"),
    image(0.1, "real"),
    image(0.49, "real"),
    image(0.8, "real"),
]


def test_the_machine_reader_calls_a_score_of_a_half_synthetic():
    row = machine_row(SIX, name="Machine reader", is_pair=False)

    assert [(share.title, share.k, share.n) for share in row.shares] == [
        ("Accuracy", 4, 6),
        ("Sensitivity (synthetic called synthetic)", 2, 3),
        ("Specificity (real called real)", 2, 3),
    ]
    # R 4.2.2: binom.test(2, 3)$conf.int
    assert (row.shares[1].low, row.shares[1].high) == pytest.approx((0.09429932, 0.99159624), abs=1e-8)
    # of the nine pairs 0.9 is above three, 0.5 above two, 0.2 above one
    assert row.auc.value == pytest.approx(6 / 9)


def test_of_pairs_the_machine_reader_takes_the_higher_score_and_a_tie_is_wrong():
    pairs = [
        image(0.9, "synthetic", position=1),
        image(0.1, "real", position=1),
        image(0.3, "synthetic", position=2),
        image(0.6, "real", position=2),
        image(0.4, "synthetic", position=3),
        image(0.4, "real", position=3),
        image(0.7, "synthetic", position=4),  # its partner was learnt from, and is left out
    ]

    row = machine_row(pairs, name="Machine reader", is_pair=True)

    assert [(share.title, share.k, share.n) for share in row.shares] == [(PAIR_COLUMNS[0], 1, 3)]
    assert row.n == 3


def test_areas_by_label_and_of_the_classes_only_where_labels_are_the_classifiers():
    images = [
        image(0.9, "synthetic", label="pneumonia"),
        image(0.3, "synthetic", label="normal"),
        image(0.6, "real", label="pneumonia"),
        image(0.1, "real", label="normal"),
    ]

    fitting = study_areas(images, classes=["normal", "pneumonia"], positive="pneumonia")
    others = study_areas(images, classes=["real", "synthetic"], positive="synthetic")

    assert [(one.title, one.auc.value) for one in fitting] == [
        ("all images: synthetic against real", 0.75),  # 0.9 above two, 0.3 above one of two
        ("normal: synthetic against real", 1),
        ("pneumonia: synthetic against real", 1),
        ("real images: pneumonia against normal", 1),
        ("synthetic images: pneumonia against normal", 1),
    ]
    assert [one.title for one in others] == [one.title for one in fitting[:3]]


def test_a_kind_that_is_missing_has_no_area_and_says_so():
    area = class_area([image(0.4, "real")], "images", ["normal", "pneumonia"], "pneumonia")

    assert math.isnan(area.auc.value)
    assert area.auc.reason == "no image is pneumonia: images of both classes are needed"


def test_groups_have_quartiles_and_count_what_reaches_the_threshold():
    groups = score_groups([*SIX, image(0.5, "real", label="mass")], by_origin=True)

    assert [(one.title, one.n, one.n_called) for one in groups] == [
        ("mass, real", 1, 1),
        ("normal, real", 3, 1),
        ("normal, synthetic", 3, 2),
    ]
    assert (groups[2].low, groups[2].median, groups[2].high) == pytest.approx((0.35, 0.5, 0.7))


def test_rho_leaves_out_images_that_nobody_answered():
    """Ranks of scores 1 2 3 4 against shares 0, 0, 1/2, 1: by hand sqrt(0.9)."""
    images = [
        image(0.1, "real", position=1, said=(0, 2)),
        image(0.2, "real", position=2, said=(0, 2)),
        image(0.3, "synthetic", position=3, said=(1, 2)),
        image(0.4, "synthetic", position=4, said=(2, 2)),
        image(0.0, "synthetic", position=5, said=(0, 0)),
    ]

    whole, real, made = readers_rho(images)

    assert (whole.n, whole.value) == (4, pytest.approx(math.sqrt(0.9)))
    assert (real.reason, made.reason) == ("2 images; at least 3 are needed",) * 2


def test_caught_are_synthetic_images_that_all_called_synthetic():
    images = [
        image(0.1, "synthetic", position=7, unanimous="synthetic called synthetic"),
        image(0.2, "synthetic", position=3, unanimous="synthetic called synthetic"),
        image(0.3, "real", position=4, unanimous="real called synthetic"),
        image(0.4, "synthetic", position=5, unanimous=""),
    ]

    assert caught_by_all(images) == (3, 7)


def test_what_was_learnt_is_left_out():
    assert without_learnt([image(0.1, "real", was_learnt=True), SIX[0]]) == [SIX[0]]
