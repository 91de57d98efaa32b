"""Pages of screenings: who sees them, the queue without a script, and what is said when something is refused."""

import pytest
from django.urls import reverse

from classification.models import Screening
from classification.screening import selectors
from tests.classification.screening.conftest import begin
from tests.factories import ClassifierFactory, DatasetFactory, ImageFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def address(name, screening, *more):
    return reverse(f"classification:{name}", args=[screening.pk, *more])


def press(client, screening, **values):
    """What a form without a script sends for the image that comes next; the page after it."""
    page = client.get(address("screening_queue", screening))
    row = page.context["row"]
    return client.post(address("screening_decide", screening, row.pk), values, follow=True)


@pytest.fixture
def screening(to_screen, investigator) -> Screening:
    return begin(to_screen, reviewer=investigator)


def test_only_investigators_see_anything(client, reader, investigator, screening):
    pages = [
        reverse("classification:dataset_screenings", args=[screening.dataset_id]),
        *(address(name, screening) for name in ("screening_detail", "screening_queue", "screening_csv")),
    ]
    posts = [
        address("screening_decide", screening, screening.images.first().pk),
        *(address("screening_act", screening, action) for action in ("undo", "stop", "go-on")),
        *(address(name, screening) for name in ("screening_check", "screening_make")),
    ]

    anonymous = [client.get(page).status_code for page in pages] + [client.post(page).status_code for page in posts]
    client.force_login(reader)
    forbidden = [client.get(page).status_code for page in pages] + [client.post(page).status_code for page in posts]
    client.force_login(investigator)
    allowed = [client.get(page).status_code for page in pages]

    assert (set(anonymous), set(forbidden), set(allowed)) == ({302}, {403}, {200})
    assert not screening.images.exclude(decision="").exists()


def test_the_form_offers_each_class_that_a_score_tells(investigator_client, to_screen, investigator):
    two = ClassifierFactory(experiment__name="Devices", experiment__classes=["device", "none"],
                            experiment__positive="device")  # fmt: skip
    several = ClassifierFactory(experiment__classes=["wire", "device", "none"], experiment__positive="wire")
    page = reverse("classification:dataset_screenings", args=[to_screen.pk])

    choices = dict(investigator_client.get(page).context["form"].fields["order"].choices)
    assert list(choices) == ["random", f"{several.pk}:0", f"{two.pk}:0", f"{two.pk}:1"]
    assert choices[f"{two.pk}:1"].startswith("none first; device or none: “Devices”")
    values = {"order": f"{two.pk}:1", "reviewer": investigator.pk, "stop_after": "20", "seed": "3", "device": "cpu"}
    answer = investigator_client.post(page, values)

    screening = Screening.objects.get()
    assert answer.url == screening.get_absolute_url()
    assert (screening.looked_for, screening.scoring.classifier, screening.scoring.job) == ("none", two, screening.job)
    assert (screening.shows_score, screening.stop_after, screening.seed) == (False, 20, 3)
    assert screening.job.parameters["device"] == "cpu"


def test_who_decides_is_an_investigator(investigator_client, to_screen, investigator, reader):
    page = reverse("classification:dataset_screenings", args=[to_screen.pk])
    values = {"order": "random", "reviewer": reader.pk, "stop_after": "20", "seed": "3", "device": "cpu"}

    answer = investigator_client.post(page, values)

    assert "reviewer" in answer.context["form"].errors
    assert not Screening.objects.exists()


def test_a_dataset_without_images_is_refused_in_words(investigator_client, investigator):
    page = reverse("classification:dataset_screenings", args=[DatasetFactory(name="Nothing").pk])
    values = {"order": "random", "reviewer": investigator.pk, "stop_after": "20", "seed": "3", "device": "cpu"}
    assert "“Nothing” has no images" in investigator_client.post(page, values).content.decode()


def test_the_queue_works_without_a_script(investigator_client, screening):
    first = investigator_client.get(address("screening_queue", screening))
    assert "Image 1 of 24" in first.content.decode()
    assert reverse("imaging:image_view", args=[first.context["row"].image_id]) in first.content.decode()

    second = press(investigator_client, screening, decision="keep")
    assert "Image 2 of 24" in second.content.decode()
    third = press(investigator_client, screening, reason="wire")
    assert "Image 3 of 24" in third.content.decode()
    earlier = investigator_client.get(f"{address('screening_queue', screening)}?at=2").content.decode()
    assert "Excluded: wire" in earlier
    back = investigator_client.post(address("screening_act", screening, "undo"), follow=True)
    assert "Image 2 of 24" in back.content.decode()
    assert [row.decision for row in screening.images.order_by("place")[:3]] == ["keep", "", ""]


@pytest.mark.parametrize("at", ["0", "99", "-1", "x", "9" * 30])
def test_a_place_that_is_not_there_leads_to_one_that_is(at, investigator_client, screening):
    page = investigator_client.get(f"{address('screening_queue', screening)}?at={at}")
    assert "Image 1 of 24" in page.content.decode()


def test_nothing_but_the_picture_is_said_of_an_image(investigator_client, to_screen, screening):
    to_screen.images.update(label="telltale", manufacturer="maker")
    text = investigator_client.get(address("screening_queue", screening)).content.decode()
    assert "telltale" not in text
    assert "maker" not in text


def test_the_score_is_hidden_unless_it_is_to_be_shown(investigator_client, finder, to_screen, investigator):
    hidden = begin(to_screen, reviewer=investigator, classifier=finder)
    shown = begin(to_screen, reviewer=investigator, classifier=finder, shows_score=True)
    score = f"{hidden.images.get(place=1).score:.3f}"

    pages = [investigator_client.get(address("screening_queue", one)).content.decode() for one in (hidden, shown)]

    assert [f"Score of device: {score}" in page for page in pages] == [False, True]


def test_others_see_what_was_found_but_no_queue(client, screening):
    other = UserFactory(role="investigator")
    client.force_login(other)

    page = client.get(address("screening_queue", screening), follow=True).content.decode()
    posted = client.post(address("screening_decide", screening, screening.images.first().pk), {"decision": "keep"})

    assert f"{screening.reviewer.username} decides in this screening" in page
    assert "Begin" not in page
    assert posted.status_code == 302
    assert not screening.images.exclude(decision="").exists()


def test_from_stopping_to_the_check_and_the_dataset(investigator_client, screening):
    press(investigator_client, screening, reason="artefact")
    page = investigator_client.post(address("screening_act", screening, "stop"), follow=True).content.decode()
    assert "23 images were not looked at" in page
    too_many = investigator_client.post(address("screening_check", screening), {"size": "24"})
    assert "24 images cannot be drawn: from 1 to 23 can" in too_many.content.decode()
    drawn = investigator_client.post(address("screening_check", screening), {"size": "2"}, follow=True)
    assert "Check 1 of 2" in drawn.content.decode()
    press(investigator_client, screening, decision="keep")
    summary = press(investigator_client, screening, decision="keep").content.decode()
    assert "0 of 2 images drawn at random from the 23 that were left" in " ".join(summary.split())
    taken = investigator_client.post(address("screening_make", screening), {"name": screening.dataset.name})
    assert "There is a dataset called" in taken.content.decode()
    made = investigator_client.post(address("screening_make", screening), {"name": "Clean"}, follow=True)

    text = made.content.decode()
    assert "“Clean” has the images that were not excluded." in text
    assert "1 excluded after screening: 1 artefact" in text
    screening.refresh_from_db()
    assert screening.result.images.count() == 23
    assert "Clean" in investigator_client.get(screening.get_absolute_url()).content.decode()
    export = investigator_client.get(address("screening_csv", screening))
    assert export["Content-Disposition"] == 'attachment; filename="hospital-screening.csv"'


def test_what_does_not_exist_is_not_done(investigator_client, screening):
    assert investigator_client.post(address("screening_act", screening, "explode")).status_code == 404


@pytest.mark.parametrize("n", [1, 3])
def test_pages_take_constant_queries(n, investigator_client, investigator, to_screen, django_assert_num_queries):
    screenings = [begin(to_screen, reviewer=investigator) for _ in range(n)]
    screening = screenings[0]
    for _ in range(2 * n):
        press(investigator_client, screening, decision="keep")

    with django_assert_num_queries(8):
        investigator_client.get(reverse("classification:dataset_screenings", args=[to_screen.pk]))
    with django_assert_num_queries(9):
        investigator_client.get(address("screening_queue", screening))


def test_the_page_of_the_dataset_leads_there_and_the_job_back(investigator_client, screening):
    page = investigator_client.get(screening.dataset.get_absolute_url()).content.decode()
    assert reverse("classification:dataset_screenings", args=[screening.dataset_id]) in page
    job = investigator_client.get(screening.job.get_absolute_url()).content.decode()
    assert screening.get_absolute_url() in job


def test_a_dataset_that_is_screened_is_not_deleted(investigator_client, screening):
    answer = investigator_client.post(reverse("imaging:dataset_delete", args=[screening.dataset_id]), follow=True)
    assert "Screening of Hospital" in answer.content.decode()


def test_the_image_of_another_screening_is_not_found(investigator_client, investigator, screening):
    elsewhere = DatasetFactory(name="Elsewhere")
    ImageFactory(dataset=elsewhere)
    other = begin(elsewhere, reviewer=investigator)
    row = other.images.get()
    answer = investigator_client.post(address("screening_decide", screening, row.pk), {"decision": "keep"})
    assert answer.status_code == 404
    assert selectors.queue_of(other).n_decided == 0
