"""What a rating says, and which answer is right."""

import pytest

from turing.models import Scale
from turing.scales import CONFIDENCE_LABELS, response_of, responses_of, right_response


@pytest.mark.parametrize(
    ("scale", "rating", "says"),
    [
        ("confidence", 1, "real"),
        ("confidence", 3, "real"),
        ("confidence", 4, "synthetic"),
        ("confidence", 6, "synthetic"),
        ("percent", 0, "real"),
        ("percent", 49, "real"),
        ("percent", 51, "synthetic"),
        ("percent", 100, "synthetic"),
    ],
)
def test_a_rating_says_one_of_the_two(scale, rating, says):
    assert response_of(scale, rating) == says


def test_the_words_of_a_rating_say_the_same():
    for rating, label in enumerate(CONFIDENCE_LABELS, start=1):
        assert label.endswith(response_of("confidence", rating))


@pytest.mark.parametrize(
    ("scale", "rating", "message"),
    [
        ("confidence", 0, "must lie between 1 and 6"),
        ("confidence", 7, "must lie between 1 and 6"),
        ("percent", -1, "must lie between 0 and 100"),
        ("percent", 101, "must lie between 0 and 100"),
        ("percent", 50, "50 of 100 says neither"),
        ("binary", 1, "The scale “binary” has no ratings"),
        ("pair", 1, "The scale “pair” has no ratings"),
    ],
)
def test_a_rating_that_says_nothing_is_refused(scale, rating, message):
    with pytest.raises(ValueError, match=message):
        response_of(scale, rating)


@pytest.mark.parametrize("scale", Scale.values)
@pytest.mark.parametrize("origin", ["real", "synthetic"])
@pytest.mark.parametrize("positive_class", ["real", "synthetic"])
def test_the_right_answer(scale, origin, positive_class):
    """Of a pair, `origin` is what the left image is, and the reader looks for the positive class."""
    right = right_response(scale, origin=origin, positive_class=positive_class)

    assert right in responses_of(scale)
    assert right == (("left" if origin == positive_class else "right") if scale == "pair" else origin)
