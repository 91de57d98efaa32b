import pytest
from django.test import RequestFactory

from config.accounts.origin import browser_in_words, shortened_address


@pytest.mark.parametrize(
    ("address", "shortened"),
    [("192.0.2.17", "192.0.2.x"), ("2001:db8:1:2:3::17", "2001:db8:1::…"), ("::1", "::…")],
)
def test_an_address_does_not_point_at_one_computer(address, shortened):
    assert shortened_address(address) == shortened


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537.36 Chrome/143.0 Safari/537.36 Edg/143.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        ("Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Safari/604.1", "Safari on iPad"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
        ("<script>alert(1)</script>", "Unknown browser"),
    ],
)
def test_browsers_in_words(agent, words):
    assert browser_in_words(RequestFactory().get("/", HTTP_USER_AGENT=agent)) == words
