import pytest

from config.environment import _number_of_proxies


@pytest.mark.parametrize(("text", "number"), [("false", 0), ("", 0), ("True", 1), ("1", 1), ("2", 2), (" on ", 1)])
def test_number_of_proxies(text, number):
    assert _number_of_proxies(text) == number


@pytest.mark.parametrize("text", ["nginx", "-1", "11", "1.5"])
def test_a_number_of_proxies_that_cannot_be(text):
    with pytest.raises(ValueError, match=r"PROXY='.*': give true, false, or the number of proxies"):
        _number_of_proxies(text)
