"""One call gives every measure with its floor, and what is planted shows in the numbers."""

import json

import numpy as np
import pytest

from generation.gan.measures.config import MeasureSettings
from generation.gan.measures.frechet import frechet_distance
from generation.gan.measures.whole import TITLES, measure_features

QUICK = MeasureSettings(kid_subsets=20, floor_splits=3)


def rows(n: int, seed: int, shift: float = 0.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 8)) + shift


def by_key(values: dict) -> dict:
    return {measure["key"]: measure for measure in values["measures"]}


def test_every_measure_with_its_floor_as_json():
    steps = []
    training, synthetic = rows(120, 0), rows(60, 1, shift=1.5)

    values, check = measure_features(
        training, synthetic, patients=[""] * 20 + [f"P{i // 2}" for i in range(100)], held_out=rows(150, 2),
        settings=QUICK, progress=lambda done, total, what: steps.append((done, total)),
    )  # fmt: skip

    assert json.loads(json.dumps(values, allow_nan=False)) == values
    found = by_key(values)
    assert list(found) == list(TITLES)
    assert found["fid"]["value"] == pytest.approx(frechet_distance(training, synthetic).value)
    for key in ("fid", "kid", "mifid"):
        assert found[key]["floor"]["synthetic_low"] > found[key]["floor"]["floor_high"]  # they are not alike
    assert found["precision"]["floor"]["floor_low"] > found["precision"]["floor"]["synthetic_high"]
    assert {measure["floor"]["n"] for measure in found.values()} <= {59, 60}  # 20 and 50 times 2
    assert (values["headline"], values["n_without_patient"], values["n_held_out"]) == ("kid", 20, 150)
    assert values["memorisation"]["n_flagged"] == check.n_flagged
    assert steps == [(n, 8) for n in (*range(7), 8)]


def test_synthetic_images_like_real_ones_are_at_the_floor():
    found = by_key(measure_features(rows(200, 0), rows(100, 1), patients=[""] * 200, settings=QUICK)[0])

    for key in ("fid", "precision", "recall"):
        floor = found[key]["floor"]
        assert floor["synthetic"] == pytest.approx(floor["floor"], rel=0.35)
    assert abs(found["kid"]["floor"]["synthetic"]) < 0.1


def test_from_2000_images_on_fid_is_quoted():
    few = MeasureSettings(kid_subsets=2, kid_subset_size=20, floor_splits=1)
    values, _ = measure_features(rows(2000, 0), rows(2000, 1), patients=[""] * 2000, settings=few)
    assert values["headline"] == "fid"


@pytest.mark.parametrize(("training", "synthetic"), [(19, 50), (50, 9)])
def test_too_few_images_are_refused(training, synthetic):
    with pytest.raises(ValueError, match="at least 10 and 20"):
        measure_features(rows(training, 0), rows(synthetic, 1), patients=[""] * training)
