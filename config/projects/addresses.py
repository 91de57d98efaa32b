"""Addresses that name no project: those that readers get."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from django.urls import get_script_prefix, set_script_prefix


@contextmanager
def outside_projects() -> Iterator[None]:
    """Within it `reverse` leaves out the prefix of the page's project: readers must not see what it is called."""
    before = get_script_prefix()
    set_script_prefix(re.sub(r"p/[-\w]+/$", "", before))
    try:
        yield
    finally:
        set_script_prefix(before)
