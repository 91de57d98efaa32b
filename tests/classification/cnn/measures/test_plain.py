import json
import math
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from classification.cnn.measures.plain import from_plain, to_plain


@dataclass(frozen=True)
class Inner:
    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Outer:
    inner: tuple[Inner, ...]
    counts: NDArray[np.int64]
    shares: NDArray[np.float64]
    pair: tuple[int, str]
    maybe: Inner | None
    flag: bool = False


MADE = Outer(
    inner=(Inner("a", (0.1, math.nan, math.inf, -math.inf)), Inner("b", ())),
    counts=np.array([1, 2]),
    shares=np.array([np.inf, 0.5]),
    pair=(3, "x"),
    maybe=None,
)


def test_there_and_back():
    text = json.dumps(to_plain(MADE), allow_nan=False)

    again = from_plain(Outer, json.loads(text))

    assert json.dumps(to_plain(again)) == text
    assert again.inner[0].values[0] == 0.1
    assert math.isnan(again.inner[0].values[1])
    assert again.inner[0].values[2:] == (math.inf, -math.inf)
    assert again.counts.dtype == np.int64
    assert again.shares.tolist() == [math.inf, 0.5]
    assert again.pair == (3, "x")
    assert again.maybe is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pair": [1]}, r"Outer.pair has 1 items; 2 are needed"),
        ({"pair": ["1", "x"]}, r"Outer.pair\[0\] is '1'"),
        ({"inner": [{"name": "a"}]}, r"Outer.inner\[0\]: values missing or unknown"),
        ({"inner": {}}, "a list is needed"),
        ({"extra": 1}, "extra missing or unknown"),
        ({"maybe": {"name": "a", "values": [True]}}, "a number is needed"),
        ({"flag": 1}, "Outer.flag is 1"),
    ],
)
def test_what_is_wrong_is_said(change, message):
    with pytest.raises(ValueError, match=message):
        from_plain(Outer, to_plain(MADE) | change)


def test_no_plain_form():
    with pytest.raises(TypeError, match="set has no plain form"):
        to_plain({1, 2})
