"""From rules on a page to a dataset with its flow chart."""

import xml.etree.ElementTree as ET

import pytest
from django.urls import reverse

from imaging.flow_chart import chart_in_words, draw_flow_chart
from imaging.including import COPIED, earlier_rules, include_images, plan_inclusion
from imaging.inclusion import InclusionRules
from imaging.models import Dataset, Image
from imaging.services import DatasetError
from tests.factories import DatasetFactory, ImageFactory
from tests.imaging.archives import grey

pytestmark = pytest.mark.django_db
RULES = InclusionRules(youngest=19, views=("PA",), manufacturers=("GE",))


@pytest.fixture
def dataset() -> Dataset:
    """12 images: ages 10, 15, ..., two of them unknown; every third is AP; two makers."""
    dataset = DatasetFactory(name="Hospital <1>", licence="CC BY 4.0")
    for number in range(12):
        ImageFactory(
            dataset=dataset,
            label="normal" if number % 2 else "pneumonia",
            age_years=None if number in (5, 6) else 10 + 5 * number,
            view_position="AP" if number % 3 == 0 else "PA",
            manufacturer="GE Healthcare" if number < 10 else "Siemens",
            modality="DX",
            study_year=2010 + number,
            patient_pseudonym=f"p{number}",
            pixels=grey(number, 8),
        )
    return dataset


def test_those_that_pass_are_copied_with_all_that_is_known(dataset, investigator):
    made = include_images(dataset=dataset, rules=RULES, name="Adults", created_by=investigator)

    # 2, 4, 7, 8 are adults of known age, PA, by GE
    assert sorted(made.images.values_list("patient_pseudonym", flat=True)) == ["p2", "p4", "p7", "p8"]
    assert [step["left"] for step in made.inclusion_record["steps"]] == [8, 6, 4]
    assert made.inclusion_record["steps"][0] | {"excluded": 4, "missing": 2} == made.inclusion_record["steps"][0]
    for image in made.images.all():
        before = dataset.images.get(pixel_sha256=image.pixel_sha256)
        assert {field: getattr(image, field) for field in COPIED} == {field: getattr(before, field) for field in COPIED}
    assert (made.licence, made.origin, dataset.images.count()) == ("CC BY 4.0", "real", 12)


def test_every_column_of_an_image_is_copied_or_known_to_be_its_own():
    own = {"id", "dataset", "created_at"}
    assert {field.name for field in Image._meta.fields} == own | set(COPIED)


def test_unknown_values_pass_only_where_a_tick_says_so(dataset):
    strict = plan_inclusion(dataset, InclusionRules(youngest=19))
    lenient = plan_inclusion(dataset, InclusionRules(youngest=19, missing_passes=("age",)))
    assert (strict.steps[0].left, lenient.steps[0].left) == (8, 10)


def test_years_of_the_page_become_a_rule(dataset, investigator_client):
    address = reverse("imaging:dataset_include", args=[dataset.pk])
    page = investigator_client.post(
        address, {"first_year": "2012", "last_year": "2015", "name": "Four years"}, follow=True
    )

    made = Dataset.objects.get(name="Four years")
    assert sorted(made.images.values_list("study_year", flat=True)) == [2012, 2013, 2014, 2015]
    assert "4 images: year 2012 to 2015" in page.content.decode()


@pytest.mark.parametrize(
    ("rules", "name", "words"),
    [
        (InclusionRules(), "New", "at least one rule"),
        (InclusionRules(youngest=110), "New", "No image passes"),
        (RULES, "Hospital <1>", "called"),
    ],
)
def test_what_makes_no_dataset_is_refused_and_nothing_is_written(dataset, rules, name, words):
    with pytest.raises(DatasetError, match=words):
        include_images(dataset=dataset, rules=rules, name=name, created_by=None)
    assert Dataset.objects.count() == 1


def test_the_chart_tells_the_whole_way_and_escapes_names(dataset):
    first = include_images(dataset=dataset, rules=RULES, name="Adults", created_by=None)
    second = include_images(dataset=first, rules=InclusionRules(labels=("pneumonia",)), name="Ill", created_by=None)

    chart = ET.fromstring(draw_flow_chart(second.inclusion_record, label="Flow chart"))  # noqa: S314
    texts = [one.text for one in chart.iter("{http://www.w3.org/2000/svg}text")]
    words = " ".join(texts)
    assert words.startswith("12 images in Hospital <1>")
    for part in ("4 left out (2 not known)", "8 images: age 19 years or older", "1 left out", "class pneumonia"):
        assert part in words
    assert chart_in_words(second.inclusion_record).endswith("3 images: class pneumonia")
    assert len(list(chart.iter("{http://www.w3.org/2000/svg}rect"))) == 5 + 4


def test_the_page_counts_first_and_makes_the_dataset_then(dataset, investigator_client):
    address = reverse("imaging:dataset_include", args=[dataset.pk])
    values = {"youngest": "19", "views": ["PA"], "manufacturers": "GE"}

    counted = investigator_client.post(address, {**values, "preview": "yes"}).content.decode()
    assert "19 years or older" in counted
    assert Dataset.objects.count() == 1

    investigator_client.post(address, {**values, "name": "Adults"})
    made = Dataset.objects.get(name="Adults")
    assert made.images.count() == 4
    page = investigator_client.get(made.get_absolute_url()).content.decode()
    assert reverse("imaging:dataset_flow_chart", args=[made.pk]) in page
    chart = investigator_client.get(reverse("imaging:dataset_flow_chart", args=[made.pk]))
    assert (chart["Content-Type"], chart.status_code) == ("image/svg+xml", 200)


def test_rules_are_applied_to_new_images_as_they_were(dataset, investigator_client):
    include_images(dataset=dataset, rules=RULES, name="Adults", created_by=None)
    assert earlier_rules() == {"Adults": RULES}

    form = investigator_client.get(reverse("imaging:dataset_include", args=[dataset.pk]), {"like": "Adults"}).context[
        "form"
    ]

    assert (form["youngest"].value(), form["views"].value(), form["manufacturers"].value()) == (19, ["PA"], "GE")


def test_only_what_is_known_is_asked(investigator_client):
    bare = DatasetFactory()
    ImageFactory(dataset=bare, label="normal", age_years=None, view_position="", manufacturer="", sex="")
    form = investigator_client.get(reverse("imaging:dataset_include", args=[bare.pk])).context["form"]
    assert set(form.fields) == {"labels", "missing_passes"}


def test_an_age_that_cannot_be_is_refused_at_the_form(dataset, investigator_client):
    page = investigator_client.post(
        reverse("imaging:dataset_include", args=[dataset.pk]), {"youngest": "60", "oldest": "20", "preview": "yes"}
    )
    assert "youngest is 60 and oldest 20" in page.content.decode()


def test_only_investigators(client, reader, dataset):
    client.force_login(reader)
    for name in ("dataset_include", "dataset_flow_chart"):
        assert client.get(reverse(f"imaging:{name}", args=[dataset.pk])).status_code == 403
