"""Instructions cannot carry anything that runs or loads."""

import pytest

from turing.reading.markdown import render_markdown


def test_ordinary_markdown():
    assert render_markdown("One *image* at a time.\n\n* final") == (
        "<p>One <em>image</em> at a time.</p>\n<ul>\n<li>final</li>\n</ul>\n"
    )


def test_headings_start_below_that_of_the_page():
    assert render_markdown("# A\n\n###### B") == "<h2>A</h2>\n<h6>B</h6>\n"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n"),
        ("<img src=x onerror=alert(1)>", "<p>&lt;img src=x onerror=alert(1)&gt;</p>\n"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>\n"),
        ("![x](https://example.org/pixel.png)", '<p>!<a href="https://example.org/pixel.png">x</a></p>\n'),
        ('a "b" & c', "<p>a &quot;b&quot; &amp; c</p>\n"),
    ],
)
def test_nothing_that_runs_or_loads_by_itself(text, html):
    assert render_markdown(text) == html
