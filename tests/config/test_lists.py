"""Sorting and paging of lists, and what an address may ask of them."""

import uuid
from datetime import timedelta

import pytest
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import timezone

from config.lists import id_range, read_sorting, sorted_page
from tests.factories import JobFactory
from worker.models import Job

COLUMNS = {"title": "title", "ended": "finished_at", "person": "created_by__username"}


def page_of(query: str, first: str = "title", per_page: int = 25):
    request = RequestFactory().get(f"/?{query}")
    return request, sorted_page(request, Job.objects.all(), COLUMNS, first=first, per_page=per_page)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", ("title", False)),
        ("sort=ended", ("ended", False)),
        ("sort=-ended", ("ended", True)),
        ("sort=--ended", ("title", False)),
        ("sort=created_by__password", ("title", False)),
        ("sort=%3F", ("title", False)),
    ],
)
def test_an_address_sorts_by_the_columns_that_are_offered_and_by_nothing_else(asked, expected):
    sorting = read_sorting(RequestFactory().get(f"/?{asked}"), list(COLUMNS), "title")

    assert (sorting.column, sorting.descending) == expected


@pytest.mark.django_db
def test_rows_without_a_value_come_last_in_both_directions_and_ties_keep_one_order(investigator):
    later, earlier = timezone.now(), timezone.now() - timedelta(days=1)
    for title, ended in (("a", None), ("b", later), ("c", earlier), ("d", None)):
        JobFactory(title=title, finished_at=ended, state=Job.State.FAILED if ended else Job.State.QUEUED)

    up = [job.title for job in page_of("sort=ended")[1]]
    down = [job.title for job in page_of("sort=-ended")[1]]
    pages = [job.title for number in (1, 2) for job in page_of(f"sort=person&page={number}", per_page=2)[1]]

    assert (up[:2], down[:2]) == (["c", "b"], ["b", "c"])
    assert set(up[2:]) == set(down[2:]) == {"a", "d"}
    assert sorted(pages) == ["a", "b", "c", "d"]  # nobody has started them: all alike, yet none twice


@pytest.mark.django_db
def test_a_head_says_how_the_list_is_sorted_and_turns_it_round():
    request, page = page_of("sort=title&kind=count&page=3")
    heads = Template('{% load lists %}{% sorted_by "title" "Job" %}{% sorted_by "ended" label %}').render(
        Context({"request": request, "page_obj": page, "label": "<Ended>"})
    )

    assert 'aria-sort="ascending"' in heads
    assert heads.count("aria-sort") == 1
    assert 'href="?sort=-title&amp;kind=count"' in heads
    assert "&lt;Ended&gt;" in heads


@pytest.mark.parametrize("text", ["", "abc", "xyz12", "1" * 33, "%" * 6, "train"])
def test_what_cannot_be_the_beginning_of_an_id_is_not_taken_for_one(text):
    assert id_range(text) is None


@pytest.mark.django_db
def test_an_id_is_found_by_its_beginning_with_and_without_dashes():
    job = JobFactory(pk=uuid.UUID("1234abcd-5678-4abc-8def-0123456789ab"))
    JobFactory(pk=uuid.UUID("1234abce-5678-4abc-8def-0123456789ab"))

    for text in ("1234abcd", "1234ABCD-56", str(job.pk), job.pk.hex):
        assert list(Job.objects.filter(pk__range=id_range(text))) == [job]
